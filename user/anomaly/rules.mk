# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += $(addprefix user/anomaly/,anomaly.c anomaly_json.c anomaly_findings.c)
LOADER_SRC += user/anomaly/anomaly_bpf.c
CONTROLLER_SRC += user/anomaly/anomaly_feature.c
CLI_SRC += user/anomaly/anomaly_cmd.c
