# SPDX-License-Identifier: BSD-2-Clause

# PID 1 of the guests: static, whatever the rest is built with.
$(O)/vm/init: selftests/vm/init.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) -D_GNU_SOURCE -static -o $@ $<
TESTS += $(O)/vm/init

# One line to a controller, for shell tests.
TESTS += $(O)/tests/ask
$(O)/tests/ask: selftests/lib/ask.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) -D_GNU_SOURCE -o $@ $<

# The functions of user/network as commands, for selftests/cli/network.sh.
TESTS += $(O)/tests/network_driver
$(eval $(call bin_at,$(O)/tests/network_driver,selftests/cli/network_driver.c,pure))
$(call unit_test,test_ipam,selftests/unit/test_ipam.c,pure)
$(call unit_test,test_store,selftests/unit/test_store.c,pure store)
# Observing programs on the running kernel: what they see is compared with what was done.
OBSERVE := selftests/bpf/observe.c selftests/lib/tap.c
$(call unit_test,bpf_audit,selftests/bpf/bpf_audit.c $(OBSERVE),loader pure)
$(call unit_test,bpf_account,selftests/bpf/bpf_account.c $(OBSERVE),loader pure)
$(call unit_test,test_search,selftests/unit/test_search.c,pure)
$(call unit_test,test_diff,selftests/unit/test_diff.c,pure)
$(call unit_test,test_embed,selftests/unit/test_embed.c,pure)
$(call unit_test,test_store_faults,selftests/unit/test_store_faults.c,pure store)
$(call fuzzer,fuzz_yaml,selftests/fuzz/fuzz_yaml.c)
$(call fuzzer,fuzz_store,selftests/fuzz/fuzz_store.c)
$(call unit_test,test_yaml,selftests/unit/test_yaml.c,pure)
$(call unit_test,test_quantity,selftests/unit/test_quantity.c,pure)
$(call unit_test,test_err,selftests/unit/test_err.c,pure)
$(call unit_test,test_fd,selftests/unit/test_fd.c,pure)
$(call unit_test,test_instance,selftests/unit/test_instance.c,pure)
POLICY_RANDOM := selftests/unit/policy_random.c selftests/unit/policy_model.c selftests/unit/policy_model_random.c
$(call unit_test,test_policy_random,selftests/unit/test_policy_random.c $(POLICY_RANDOM),pure)
$(call unit_test,test_policy_suggest,selftests/unit/test_policy_suggest.c $(POLICY_RANDOM),pure)
$(call unit_test,test_policy_diff,selftests/unit/test_policy_diff.c $(POLICY_RANDOM),pure)
$(call unit_test,test_policy_parse,selftests/unit/test_policy_parse.c selftests/unit/policy_docs.c,pure)
$(call unit_test,test_policy_set,selftests/unit/test_policy_set.c selftests/unit/policy_docs.c,pure)
$(call unit_test,test_policy_rast,selftests/unit/test_policy_rast.c,pure)
$(call unit_test,test_policy_classes,selftests/unit/test_policy_classes.c,pure)
$(call unit_test,test_policy_addr_trie,selftests/unit/test_policy_addr_trie.c,pure)
$(call unit_test,test_config,selftests/unit/test_config.c,pure store controller)
# Needs root, so it is in the bpf tier, though it loads nothing.
$(call unit_test,bpf_store_full_disk,selftests/bpf/store_full_disk.c,pure store)
POLICY_STAGE := selftests/bpf/policy_stage.c selftests/lib/tap.c selftests/bpf/frames.c
POLICY_JUDGE := selftests/bpf/policy_judge.c $(POLICY_STAGE)
# netpol FILE: run by selftests/conformance/netpol.sh, not by the unit tier.
TESTS += $(O)/conformance/netpol
$(eval $(call bin_at,$(O)/conformance/netpol,selftests/conformance/netpol.c selftests/conformance/sockets.c selftests/bpf/policy_net.c $(POLICY_JUDGE),loader pure,zlib))
$(call unit_test,bpf_policy_random,selftests/bpf/bpf_policy_random.c $(POLICY_JUDGE) $(POLICY_RANDOM),loader pure)
$(call unit_test,bpf_flow,selftests/bpf/bpf_flow.c $(POLICY_STAGE),loader pure)
$(call unit_test,bpf_policy,selftests/bpf/bpf_policy.c selftests/bpf/policy_mutate.c selftests/bpf/policy_short_cut.c $(POLICY_STAGE),loader pure)
$(call unit_test,bpf_policy_scale,selftests/bpf/bpf_policy_scale.c $(POLICY_STAGE),loader pure)
$(call unit_test,bpf_policy6,selftests/bpf/bpf_policy6.c selftests/bpf/policy6_neighbours.c selftests/bpf/policy6_mutate.c $(POLICY_STAGE),loader pure)

# A node and pods in network namespaces, with real packets.
POLICY_NET := selftests/bpf/policy_net.c selftests/lib/tap.c
$(call unit_test,bpf_policy_swap,selftests/bpf/bpf_policy_swap.c $(POLICY_NET),loader pure)

# The packet parser against a slow one.
$(call fuzzer,fuzz_packet,selftests/fuzz/fuzz_packet.c selftests/fuzz/packet_shim.c selftests/unit/packet_oracle.c)
$(call unit_test,bpf_policy_crafted,selftests/bpf/bpf_policy_crafted.c selftests/bpf/frames.c $(POLICY_NET),loader pure)
$(call unit_test,bpf_policy_closed,selftests/bpf/bpf_policy_closed.c $(POLICY_NET),loader pure)
$(call unit_test,bpf_policy_fuzz,selftests/bpf/bpf_policy_fuzz.c selftests/unit/packet_oracle.c $(POLICY_STAGE),loader pure)

# compare: two commands against each other, for benchmarks that are shell scripts.
BENCHES += $(O)/bench/compare $(O)/bench/true $(O)/bench/pause $(O)/bench/maxrss
$(O)/bench/maxrss: selftests/bench/maxrss.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) -D_GNU_SOURCE -static -o $@ $<
$(eval $(call bin_at,$(O)/bench/compare,selftests/bench/compare.c selftests/bench/bench.c,pure))
TESTS += $(O)/bench/compare
$(O)/bench/true $(O)/bench/pause: $(O)/bench/%: selftests/bench/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) -ffreestanding -fcf-protection=none -fno-stack-protector -nostdlib -static -o $@ $<
$(call fuzzer,fuzz_policy,selftests/fuzz/fuzz_policy.c)
$(call fuzzer,fuzz_policy_test,selftests/fuzz/fuzz_policy_test.c)
$(call fuzzer,fuzz_policy_image,selftests/fuzz/fuzz_policy_image.c)
$(call unit_test,test_image,selftests/unit/test_image.c,pure,libarchive)
$(call unit_test,test_policy_explain,selftests/unit/test_policy_explain.c,pure)
$(call bench_bin,bench_store,selftests/bench/bench_store.c selftests/bench/bench.c,pure store)
$(call unit_test,test_manifest,selftests/unit/test_manifest.c,pure)
$(call unit_test,test_hosts,selftests/unit/test_hosts.c,pure)
$(call unit_test,test_foreign_names,selftests/unit/test_foreign_names.c,pure)
$(call unit_test,test_audit,selftests/unit/test_audit.c,pure)
$(call unit_test,test_account,selftests/unit/test_account.c,cli pure)
# Needs root for a small disk, so it is in the bpf tier, though it loads nothing.
$(call unit_test,bpf_audit_log,selftests/bpf/audit_log.c,pure)
$(call unit_test,test_btf_json,selftests/unit/test_btf_json.c,loader pure)
$(call bench_bin,bench_audit,selftests/bench/bench_audit.c selftests/bench/bench.c $(OBSERVE),loader pure)
# What selftests/bpf/policy_traffic.sh drives; traffic is static, for it runs in containers.
TESTS += $(O)/tests/policy_driver $(O)/tests/traffic
$(eval $(call bin_at,$(O)/tests/policy_driver,selftests/bpf/policy_driver.c,loader pure))
$(O)/tests/traffic: selftests/bpf/traffic.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) -D_GNU_SOURCE -static -o $@ $<
# Asks for connections, for selftests/bpf/connect.sh; static, for it runs in containers.
TESTS += $(O)/tests/connect_ask
$(O)/tests/connect_ask: selftests/bpf/connect_ask.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) -D_GNU_SOURCE -static -o $@ $<
$(call unit_test,test_anomaly,selftests/unit/test_anomaly.c,pure)
$(call unit_test,bpf_anomaly,selftests/bpf/bpf_anomaly.c $(OBSERVE),loader pure)
$(call fuzzer,fuzz_control,selftests/fuzz/fuzz_control.c)
$(call unit_test,test_probe,selftests/unit/test_probe.c,pure)
$(call unit_test,test_edges,selftests/unit/test_edges.c,pure)
$(call unit_test,test_pod,selftests/unit/test_pod.c,pure)
$(call unit_test,test_state,selftests/unit/test_state.c,pure)
$(call unit_test,test_seccomp,selftests/unit/test_seccomp.c selftests/unit/cbpf.c,pure)
SECCOMP_PEER := selftests/unit/cbpf.c selftests/unit/seccomp_peer.c
$(call unit_test,test_seccomp_profile,selftests/unit/test_seccomp_profile.c $(SECCOMP_PEER) selftests/unit/seccomp_model.c,pure)
$(call unit_test,test_spec_seccomp,selftests/unit/test_spec_seccomp.c,pure)
$(call fuzzer,fuzz_seccomp,selftests/fuzz/fuzz_seccomp.c selftests/unit/cbpf.c)
$(call bench_bin,bench_seccomp,selftests/bench/bench_seccomp.c selftests/bench/bench.c selftests/unit/seccomp_peer.c,pure)
$(call fuzzer,fuzz_pod,selftests/fuzz/fuzz_pod.c)
# What bench_policy_scale compares with: found below $O, not part of any program.
$(O)/bpf/policy_peer.bpf.o: selftests/bench/policy_peer.bpf.c vmlinux.h
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $(O)/bpf/policy_peer.bpf.d -c -o $@ $<
$(call bench_bin,bench_policy_scale,selftests/bench/bench_policy_scale.c selftests/bench/bench.c $(POLICY_STAGE),loader pure)
$(O)/bench/bench_policy_scale: | $(O)/bpf/policy_peer.bpf.o
$(call bench_bin,bench_policy,selftests/bench/bench_policy.c selftests/bench/bench.c $(POLICY_STAGE),loader pure)
$(call unit_test,test_oci_spec,selftests/unit/test_oci_spec.c,pure)
$(call unit_test,test_oci_rules,selftests/unit/test_oci_rules.c,pure)
$(call unit_test,test_oci_mounts,selftests/unit/test_oci_mounts.c,pure)
$(call unit_test,test_criu_message,selftests/unit/test_criu_message.c,pure)
$(call unit_test,test_landlock,selftests/unit/test_landlock.c,pure)
$(call fuzzer,fuzz_oci_args,selftests/fuzz/fuzz_oci_args.c)
$(call fuzzer,fuzz_oci_spec,selftests/fuzz/fuzz_oci_spec.c)
# The verifier's own figures, as a test with limits and as rows.
$(call unit_test,bpf_verified,selftests/bpf/bpf_verified.c selftests/bpf/verified.c selftests/lib/tap.c,loader pure)
$(call bench_bin,bench_verified,selftests/bench/bench_verified.c selftests/bpf/verified.c selftests/bench/bench.c,loader pure)
$(call bench_bin,bench_net,selftests/bench/bench_net.c selftests/bench/net_pods.c selftests/bench/bench.c,loader pure)
$(call bench_bin,bench_account,selftests/bench/bench_account.c selftests/bench/bench.c,loader pure)

# What systemd is told: names, values, properties.
$(call unit_test,test_oci_systemd,selftests/unit/test_oci_systemd.c,pure)
$(call fuzzer,fuzz_oci_systemd,selftests/fuzz/fuzz_oci_systemd.c)

# A static attacker for selftests/cli/oci_attacks.sh.
TESTS += $(O)/tests/oci_lurk
$(O)/tests/oci_lurk: selftests/cli/oci_lurk.c
# Static attackers for selftests/cli/oci_attacks.sh.
TESTS += $(O)/tests/oci_lurk $(O)/tests/oci_swap
$(O)/tests/oci_lurk $(O)/tests/oci_swap: $(O)/tests/%: selftests/cli/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) -D_GNU_SOURCE -static -o $@ $<

# Makes one system call of rast-oci fail, for selftests/cli/oci_faults.sh.
TESTS += $(O)/tests/oci_inject
$(eval $(call bin_at,$(O)/tests/oci_inject,selftests/cli/oci_inject.c,pure))

# The reader of DNS messages that the policy programs have, in user space.
$(call unit_test,test_dns,selftests/unit/test_dns.c,pure)
$(call fuzzer,fuzz_dns,selftests/fuzz/fuzz_dns.c)
$(call unit_test,bpf_names,selftests/bpf/bpf_names.c selftests/bpf/dns_message.c $(POLICY_STAGE),loader pure)
$(call bench_bin,bench_names,selftests/bench/bench_names.c selftests/bench/bench.c selftests/bpf/dns_message.c $(POLICY_STAGE),loader pure)
$(call unit_test,bpf_staged,selftests/bpf/bpf_staged.c $(POLICY_STAGE),loader pure)
$(call unit_test,test_fqdn,selftests/unit/test_fqdn.c,pure)
$(call unit_test,bpf_names_traffic,selftests/bpf/bpf_names_traffic.c selftests/lib/tap.c,loader pure)
$(call unit_test,test_flow_filter,selftests/unit/test_flow_filter.c,pure)
