# SPDX-License-Identifier: BSD-2-Clause
# What a folder's rules.mk may add to. Paths are from the top of the tree.
#
#   PURE_SRC        pure halves: no libbpf, no root, no printing. Unit tests link these.
#   LOADER_SRC      *_bpf.c and user/loader: the only files that may include libbpf or skeletons
#   CONTROLLER_SRC  what only rastd links
#   CLI_SRC         *_cmd.c and user/cli: what only rastbpf links
#   STORE_SRC       vector/: the only files that may include rocksdb/c.h (rastd and its tests)
#   BPF_SRC         bpf/<noun>.bpf.c: becomes $(O)/bpf/<noun>.bpf.o and $(O)/include/<noun>.skel.h
#   BINS            executables that `make` builds      (use $(call bin,...))
#   TESTS           test executables                    (use $(call unit_test,...) or $(call bin,...))
#   BENCHES         benchmark executables
#   FUZZERS         libFuzzer executables               (use $(call fuzzer,...))
#   DOC_TARGETS     generated documentation
#
# $(call bin,NAME,SOURCES,LIBS,PKGS)       $(O)/bin/NAME; LIBS from: pure loader controller cli store
# $(call unit_test,NAME,SOURCES,LIBS,PKGS) $(O)/tests/NAME, cmocka; run by the runner's unit tier
# $(call fuzzer,NAME,SOURCES,LIBS,PKGS)    $(O)/fuzz/NAME, built with clang and the sanitizers
PURE_SRC :=
LOADER_SRC :=
CONTROLLER_SRC :=
CLI_SRC :=
STORE_SRC :=
BPF_SRC :=
BINS :=
TESTS :=
BENCHES :=
FUZZERS :=
DOC_TARGETS :=
EXTRA_OBJ :=

PURE_PKGS := yaml-0.1 jansson libsodium libseccomp libcap libnl-3.0 libnl-route-3.0
LOADER_PKGS := libbpf
CONTROLLER_PKGS := $(if $(filter 1,$(HAVE_LIBSYSTEMD)),libsystemd)
CLI_PKGS :=
STORE_PKGS := rocksdb
ALL_PKGS := $(PURE_PKGS) $(LOADER_PKGS) $(CONTROLLER_PKGS) $(filter-out rocksdb,$(STORE_PKGS))
ALL_CFLAGS := $(call pkg_cflags,$(ALL_PKGS))

# 1 where every library that rastbpf links has an archive.
static_front = $(if $(filter 1,$(SAN)),0,$(if $(filter-out $(ARCHIVES),$(STATIC_NEEDS)),0,$(HAVE_STATIC_PIE)))
STATIC_NEEDS := yaml jansson sodium seccomp cap nl-3 nl-route-3 bpf elf z

obj = $(patsubst %.c,$(O)/obj/%.o,$(1))

# Order matters: a library may use what stands after it.
lib_order = $(foreach l,cli controller store loader pure,$(if $(filter $(l),$(1)),$(O)/lib/librast$(l).a))
lib_pkgs = $(if $(filter cli,$(1)),$(CLI_PKGS)) \
	$(if $(filter loader,$(1)),$(LOADER_PKGS)) $(if $(filter pure,$(1)),$(PURE_PKGS))
# librocksdb has no .pc file in Debian 12.
lib_extra = $(if $(filter store,$(1)),-lrocksdb)

define bin_at
$(1): $$(call obj,$(2)) $$(call lib_order,$(3))
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS_BASE) $$(LDFLAGS_BASE) $$(LDFLAGS) -o $$@ $$(call obj,$(2)) \
		-Wl,--start-group $$(call lib_order,$(3)) -Wl,--end-group \
		$$(call lib_extra,$(3)) $$(call pkg_libs,$$(call lib_pkgs,$(3))) $$(call pkg_shared,$(4)) \
		$$(if $$(filter controller,$(3)),$$(call pkg_shared,$$(CONTROLLER_PKGS))) -lm -ldl
EXTRA_OBJ += $$(call obj,$(2))
endef
bin = $(eval $(call bin_at,$(O)/bin/$(1),$(2),$(3),$(4)))
unit_test = $(eval TESTS += $(O)/tests/$(1))$(eval $(call bin_at,$(O)/tests/$(1),$(2),$(3),$(4) cmocka))
bench_bin = $(eval BENCHES += $(O)/bench/$(1))$(eval $(call bin_at,$(O)/bench/$(1),$(2),$(3),$(4)))

$(O)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) $(ALL_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Skeleton headers are made before anything that may include them is compiled.
$(O)/bpf/%.bpf.o: bpf/%.bpf.c vmlinux.h
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $(O)/bpf/$*.bpf.d -c -o $@.tmp $<
	$(Q)$(LLVM_STRIP) -g $@.tmp -o $@ && rm -f $@.tmp

$(O)/include/%.skel.h: $(O)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

FUZZ_CC ?= $(BPF_CLANG)
FUZZ_SECONDS ?= 60
FUZZ_FLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined \
	-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
$(O)/fuzz-obj/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(filter-out $(HARDEN) -D_FORTIFY_SOURCE=2,$(CFLAGS_BASE)) $(FUZZ_FLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

fuzz_obj = $(patsubst %.c,$(O)/fuzz-obj/%.o,$(1))
define fuzzer_at
FUZZERS += $(O)/fuzz/$(1)
$(O)/fuzz/$(1): $$(call fuzz_obj,$(2)) $(O)/fuzz/librastpure.a
	$$(call say,FUZZLD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $$@ $$^ $$(call pkg_libs,$$(PURE_PKGS) $(4)) -lm -ldl
endef
fuzzer = $(eval $(call fuzzer_at,$(1),$(2),$(3),$(4)))
