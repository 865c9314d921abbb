# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += $(addprefix user/image/,image_spec.c apt.c rootfs.c unpack.c image.c)
CLI_SRC += user/image/image_cmd.c
