# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += $(addprefix user/container/,state.c)
