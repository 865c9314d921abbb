# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += $(addprefix user/container/,state.c pod.c pod_parse.c pod_container.c cgroup.c \
	cgroup_ops.c instance_cgroup.c rootfs.c mount.c launch.c launch_child.c launch_tail.c seccomp.c \
	seccomp_table.c seccomp_compile.c run.c run_process.c run_mounts.c exec.c attach.c log.c)
CLI_SRC += $(addprefix user/container/,container_cmd.c container_run_cmd.c)
LOADER_SRC += $(addprefix user/container/,container_bpf.c device_bpf.c)
