# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += user/controller/request.c
CONTROLLER_SRC += $(addprefix user/controller/,controller.c conn.c ops.c events.c names.c startup.c features.c pods.c pod_state.c pod_job.c log_file.c)
CLI_SRC += user/controller/daemon_cmd.c
