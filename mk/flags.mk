# SPDX-License-Identifier: BSD-2-Clause
# Compiler flags. gcc and clang both; SAN=1 swaps hardening for the sanitizers.
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wpointer-arith -Wundef -Wno-unused-parameter -Wno-missing-field-initializers
OPT := -O2 -g
ifeq ($(DEBUG),1)
OPT := -Og -g3
endif

CFLAGS_BASE = -std=gnu11 $(OPT) $(WARN) -fPIE -fno-strict-aliasing -ffunction-sections \
	-fdata-sections -D_GNU_SOURCE -DRAST_VERSION='"$(VERSION)"' -DHAVE_LIBSYSTEMD=$(HAVE_LIBSYSTEMD) \
	-I. -Iuser -I$(O)/include
LDFLAGS_BASE = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections -Wl,--as-needed
ifeq ($(SAN),1)
CFLAGS_BASE += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS_BASE += -fsanitize=address,undefined
else
CFLAGS_BASE += $(HARDEN) -D_FORTIFY_SOURCE=2
endif

# -mcpu=v3: 32-bit jumps and ALU32, in every kernel since 5.1. clang 19 rather than 14: it does not
# turn `a || b` on map pointers into `|=`, which the verifier refuses, and its code is shorter.
BPF_CFLAGS = -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
	-Wno-missing-declarations -Wno-address-of-packed-member -D__TARGET_ARCH_x86 -I. -I$(O)/include

pkg_cflags = $(if $(1),$(shell $(PKG_CONFIG) --cflags $(1)))
pkg_shared = $(if $(1),$(shell $(PKG_CONFIG) --libs $(1)))
pkg_libs = $(if $(1),$(call archived,$(shell $(PKG_CONFIG) --libs $(STATIC_LIBS) $(1))))
# Starting is most of what a short command costs, and most of starting is finding shared libraries and
# relocating them: ours come out of their archives where there is one, only libc stays shared.
ifneq ($(SAN),1)
STATIC_LIBS := $(if $(ARCHIVES),--static)
archived = $(foreach l,$(1),$(if $(filter $(ARCHIVES),$(l:-l%=%)),-l:lib$(l:-l%=%).a,$(l)))
else
archived = $(1)
endif

Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
ifeq ($(V),1)
Q :=
say = @:
endif
