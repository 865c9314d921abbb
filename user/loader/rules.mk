# SPDX-License-Identifier: BSD-2-Clause
LOADER_SRC += $(addprefix user/loader/,loader.c migrate.c attach.c bpffs.c libbpf_log.c rings.c)
