# SPDX-License-Identifier: BSD-2-Clause
BPF_SRC += $(wildcard bpf/*.bpf.c)
# The objects stay: `bpftool prog load`, veristat and the loader of one object want them.
.PRECIOUS: $(O)/bpf/%.bpf.o
