# SPDX-License-Identifier: BSD-2-Clause
PURE_SRC += $(addprefix user/base/,err.c fd.c log.c instance.c quantity.c json.c yaml.c yaml_get.c near.c sha256.c)
PURE_SRC += user/base/yaml_write.c
PURE_SRC += user/base/yaml_json.c
PURE_SRC += user/base/node_root.c
