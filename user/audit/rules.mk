# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += $(addprefix user/audit/,audit.c audit_log.c cgroup_names.c)
LOADER_SRC += user/audit/audit_bpf.c
CONTROLLER_SRC += user/audit/audit_feature.c
CLI_SRC += user/audit/audit_cmd.c
