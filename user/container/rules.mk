# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += $(addprefix user/container/,state.c pod.c pod_parse.c pod_container.c cgroup.c \
	cgroup_ops.c instance_cgroup.c device_rules.c rootfs.c run.c run_process.c run_mounts.c exec.c attach.c log.c)
PURE_SRC += $(addprefix user/container/,mount.c mount_child.c mount_named.c mount_list.c mount_device.c launch.c \
	launch_child.c launch_user.c launch_tail.c launch_attr.c launch_spawn.c)
PURE_SRC += $(addprefix user/container/,seccomp.c seccomp_table.c seccomp_compile.c seccomp_profile.c \
	seccomp_rules.c seccomp_order.c seccomp_code.c seccomp_names.c seccomp_numbers.c)
PURE_SRC += user/container/landlock.c
PURE_SRC += user/container/state_cache.c
PURE_SRC += user/container/own_exe.c
PURE_SRC += user/container/mount_live.c
CLI_SRC += $(addprefix user/container/,container_cmd.c container_run_cmd.c)
CLI_SRC += user/container/container_foreign_cmd.c
LOADER_SRC += $(addprefix user/container/,container_bpf.c device_bpf.c)
