# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += $(addprefix policy/,addr.c addr_trie.c arena.c names.c numset.c set.c parse.c parse_rule.c parse_cluster.c \
	world.c check.c index.c flatten.c sig.c port_classes.c addr_classes.c classes.c matrix.c \
	compile.c rules.c edges.c rules_json.c image.c image_file.c world_json.c applied.c explain.c reach.c)
PURE_SRC += $(addprefix policy/,ends.c truth.c reach_diff.c suggest.c suggest_check.c)
PURE_SRC += $(addprefix policy/,parse_rast.c parse_rast_rule.c parse_fqdn.c unenforced.c proto.c)
PURE_SRC += policy/rules_text.c
CLI_SRC += policy/policy_cmd.c
CLI_SRC += $(addprefix policy/,policy_input_cmd.c policy_test_cmd.c policy_diff_cmd.c policy_suggest_cmd.c)
LOADER_SRC += policy/policy_bpf.c policy/policy_maps_bpf.c policy/policy_apply_bpf.c
CONTROLLER_SRC += policy/policy_feature.c
CLI_SRC += policy/flow_cmd.c
LOADER_SRC += policy/flow_bpf.c
PURE_SRC += policy/fqdn.c policy/fqdn_classes.c policy/dns_event.c
CLI_SRC += policy/policy_names_cmd.c
LOADER_SRC += policy/fqdn_bpf.c
LOADER_SRC += policy/connect_bpf.c
PURE_SRC += policy/flow_filter.c
PURE_SRC += policy/flow_top.c
CLI_SRC += policy/flow_top_cmd.c
CLI_SRC += policy/policy_attach_cmd.c
