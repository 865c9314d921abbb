# SPDX-License-Identifier: BSD-2-Clause
# Archives and the targets over everything the folders named. Included last.
SKELS := $(patsubst bpf/%.bpf.c,$(O)/include/%.skel.h,$(BPF_SRC))
LIBS := pure loader controller cli store

$(O)/lib/librastpure.a: $(call obj,$(PURE_SRC))
$(O)/lib/librastloader.a: $(call obj,$(LOADER_SRC))
$(O)/lib/librastcontroller.a: $(call obj,$(CONTROLLER_SRC))
$(O)/lib/librastcli.a: $(call obj,$(CLI_SRC))
$(O)/lib/libraststore.a: $(call obj,$(STORE_SRC))
$(foreach l,$(LIBS),$(O)/lib/librast$(l).a):
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(O)/fuzz/librastpure.a: $(call fuzz_obj,$(PURE_SRC))
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(call obj,$(LOADER_SRC)): | $(SKELS)
$(call obj,$(filter selftests/%,$(EXTRA_OBJ:$(O)/obj/%.o=%.c))): | $(SKELS)

-include $(patsubst %.o,%.d,$(call obj,$(PURE_SRC) $(LOADER_SRC) $(CONTROLLER_SRC) $(CLI_SRC) $(STORE_SRC)) $(EXTRA_OBJ))
-include $(wildcard $(O)/bpf/*.d)
-include $(wildcard $(O)/fuzz-obj/*/*.d $(O)/fuzz-obj/*/*/*.d)

tests: $(TESTS)
benches: $(BENCHES)
fuzzers: $(FUZZERS)
fuzz: fuzzers
	@for f in $(FUZZERS); do selftests/fuzz/run.sh $$f $(FUZZ_SECONDS) || exit 1; done

compile_commands.json: FORCE
	@mk/compile_commands.sh '$(CC) $(CFLAGS_BASE) $(ALL_CFLAGS) $(CFLAGS)' \
		$(PURE_SRC) $(LOADER_SRC) $(CONTROLLER_SRC) $(CLI_SRC) $(STORE_SRC) > $@
FORCE:
.PHONY: tests benches fuzzers fuzz FORCE
