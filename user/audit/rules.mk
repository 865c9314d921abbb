# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += $(addprefix user/audit/,cgroup_names.c instance_cgroup.c)
