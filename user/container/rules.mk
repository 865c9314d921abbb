# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += $(addprefix user/container/,state.c pod.c pod_parse.c pod_container.c cgroup.c \
	cgroup_ops.c)
