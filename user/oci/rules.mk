# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += $(addprefix user/oci/,main.c opts.c completion.c log.c state.c handover.c hooks.c resources.c create.c)
PURE_SRC += $(addprefix user/oci/,cgroup.c systemd.c systemd_name.c systemd_value.c systemd_props.c)
PURE_SRC += $(addprefix user/oci/,plan.c plan_mounts.c plan_filter.c plan_idmap.c own_exe.c)
PURE_SRC += $(addprefix user/oci/,create_cmd.c exec_cmd.c signal_cmd.c list_cmd.c spec_cmd.c update_cmd.c \
	features_cmd.c events_cmd.c events_stats.c)
PURE_SRC += $(addprefix user/oci/,spec.c spec_json.c spec_number.c spec_idmap.c spec_mounts.c \
	spec_process.c spec_resources.c spec_linux.c spec_rules.c spec_default.c spec_seccomp.c)
PURE_SRC += user/oci/spec_landlock.c
PURE_SRC += user/oci/register.c
PURE_SRC += user/oci/mounts_cmd.c
PURE_SRC += $(addprefix user/oci/,checkpoint_cmd.c restore_cmd.c)
PURE_SRC += $(addprefix user/oci/,criu.c criu_opts.c criu_message.c criu_dump.c criu_restore.c)
PURE_SRC += $(addprefix user/oci/,destroy.c gc.c gc_cmd.c)
