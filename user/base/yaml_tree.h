/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the makers of trees share: the tree's memory. yaml.c makes them of text, yaml_json.c of JSON that
 * was parsed before; everybody else sees nodes only, by yaml.h.
 */
#ifndef RAST_BASE_YAML_TREE_H
#define RAST_BASE_YAML_TREE_H

#include "base/yaml.h"

/* Nodes and strings live in blocks that are freed together. */
struct rast_yaml_block;
struct rast_yaml_anchor;

struct rast_yaml {
	char *file;
	struct rast_yaml_block *blocks;
	struct rast_yaml_node **roots;
	size_t count, nodes;
	struct rast_yaml_anchor *anchors;
	json_t *source; /* of yaml_json.c: what the only root says, and what its strings belong to */
};

/* Not zeroed; NULL when out of memory. */
void *rast_yaml_take(struct rast_yaml *y, size_t n);

#endif
