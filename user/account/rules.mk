# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += user/account/account.c
LOADER_SRC += user/account/account_bpf.c user/account/account_view.c
CONTROLLER_SRC += user/account/account_feature.c
CLI_SRC += user/account/account_cmd.c user/account/account_top_cmd.c
