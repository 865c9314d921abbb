# SPDX-License-Identifier: BSD-2-Clause
<<<<<<< HEAD
PURE_SRC += $(addprefix user/oci/,main.c opts.c log.c state.c plan.c plan_mounts.c hooks.c resources.c create.c \
=======
PURE_SRC += $(addprefix user/oci/,main.c opts.c log.c state.c plan.c plan_mounts.c plan_filter.c spec_seccomp.c hooks.c create.c \
>>>>>>> 590383b (oci: linux.seccomp is compiled and installed; container: a compiler for any seccomp profile)
	create_cmd.c exec_cmd.c signal_cmd.c list_cmd.c spec_cmd.c spec.c spec_json.c spec_number.c \
	spec_idmap.c spec_mounts.c spec_process.c spec_resources.c spec_linux.c spec_rules.c \
	spec_default.c)
