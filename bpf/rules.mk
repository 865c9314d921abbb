# SPDX-License-Identifier: BSD-2-Clause
BPF_SRC += $(wildcard bpf/*.bpf.c)
