# SPDX-License-Identifier: BSD-2-Clause
# Above the loader halves: it calls container_bpf and policy_bpf by their headers, never libbpf.
PURE_SRC += $(addprefix user/node/,hosts.c manifest.c probe.c)
LOADER_SRC += $(addprefix user/node/,node.c container.c policy.c gc.c host_ports.c)
PURE_SRC += user/node/foreign_names.c
LOADER_SRC += $(addprefix user/node/,foreign.c foreign_release.c foreign_attach.c)
CLI_SRC += $(addprefix user/node/,up_cmd.c items.c)
CONTROLLER_SRC += user/node/node_feature.c
