# SPDX-License-Identifier: BSD-2-Clause
CLI_SRC += $(addprefix user/cli/,cli.c args.c help.c text.c output.c client.c completion.c)
