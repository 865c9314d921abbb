# SPDX-License-Identifier: BSD-2-Clause
# Two executables where libraries have archives: see front.c.
ifeq ($(call static_front),1)
$(call bin,rastbpf-full,user/bin/rastbpf.c,cli loader pure)
BINS += $(O)/bin/rastbpf $(O)/bin/rastbpf-full
FRONT_OBJ := $(call obj,user/bin/front.c)
$(O)/bin/rastbpf: $(FRONT_OBJ) $(call lib_order,cli loader pure) | $(O)/bin/rastbpf-full
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -static-pie $(filter-out -pie,$(LDFLAGS_BASE)) $(LDFLAGS) $(RELR) -Wl,--no-warnings -o $@ $(FRONT_OBJ) \
		-Wl,--start-group $(call lib_order,cli loader pure) -Wl,--end-group \
		$(call pkg_libs,$(call lib_pkgs,cli loader pure)) -lm
EXTRA_OBJ += $(FRONT_OBJ)
else
$(call bin,rastbpf,user/bin/rastbpf.c,cli loader pure)
BINS += $(O)/bin/rastbpf
endif

$(call bin,rastd,user/bin/rastd.c,controller store loader pure)
BINS += $(O)/bin/rastd

# The OCI runtime is exec'd several times for each container: static where that can be had.
ifeq ($(call static_front),1)
OCI_OBJ := $(call obj,user/bin/oci.c)
$(O)/bin/rast-oci: $(OCI_OBJ) $(call lib_order,pure) mk/oci_order.ld
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -static-pie $(filter-out -pie,$(LDFLAGS_BASE)) $(LDFLAGS) $(RELR) $(OCI_ORDER) -Wl,--no-warnings -o $@ \
		$(OCI_OBJ) \
		-Wl,--start-group $(call lib_order,pure) -Wl,--end-group \
		$(call pkg_libs,$(call lib_pkgs,pure)) -lm
EXTRA_OBJ += $(OCI_OBJ)
else
$(call bin,rast-oci,user/bin/oci.c,pure)
endif
BINS += $(O)/bin/rast-oci

# The systemd cgroup driver's other half, where there is a library to speak D-Bus with.
ifeq ($(HAVE_LIBSYSTEMD),1)
OCI_SYSTEMD_OBJ := $(call obj,user/bin/oci_systemd.c)
$(O)/bin/rast-oci-systemd: $(OCI_SYSTEMD_OBJ)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) $(LDFLAGS_BASE) $(LDFLAGS) -o $@ $(OCI_SYSTEMD_OBJ) $(call pkg_shared,libsystemd)
EXTRA_OBJ += $(OCI_SYSTEMD_OBJ)
BINS += $(O)/bin/rast-oci-systemd
endif
