# SPDX-License-Identifier: BSD-2-Clause
$(call bin,rastbpf,user/bin/rastbpf.c,cli loader pure)
BINS += $(O)/bin/rastbpf

$(call bin,rastd,user/bin/rastd.c,controller store loader pure)
BINS += $(O)/bin/rastd
