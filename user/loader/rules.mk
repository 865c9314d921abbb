# SPDX-License-Identifier: BSD-2-Clause
LOADER_SRC += $(addprefix user/loader/,loader.c start.c migrate.c attach.c bpffs.c libbpf_log.c rings.c)
LOADER_SRC += user/loader/foreign.c
LOADER_SRC += $(addprefix user/loader/,btf_json.c inspect_bpf.c inspect_link.c inspect_dump.c tc_filters.c \
	feature.c feature_bpf.c feature_sys.c)
CLI_SRC += $(addprefix user/loader/,prog_cmd.c map_cmd.c link_cmd.c feature_cmd.c)
