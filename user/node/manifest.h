/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The documents of one or more manifest files, sorted by what is done with them. Everything is checked
 * before anything happens: `up` starts from this or not at all.
 */
#ifndef RAST_NODE_MANIFEST_H
#define RAST_NODE_MANIFEST_H

#include "base/err.h"
#include "base/json.h"
#include "base/yaml.h"
#include "container/pod.h"

#include <stddef.h>

#define RAST_MANIFEST_MAX_FILES 64

struct rast_manifest {
	struct rast_yaml *files[RAST_MANIFEST_MAX_FILES];
	size_t n_files;
	const struct rast_yaml_node **docs; /* all, in order */
	size_t n_docs;
	struct rast_pod **pods;
	const struct rast_yaml_node **pod_docs; /* of pods[i] */
	size_t n_pods;
	const struct rast_yaml_node **policies; /* RAST_POLICY_KINDS */
	size_t n_policies;
	const struct rast_yaml_node **config_maps;
	size_t n_config_maps;
};

/* Loads, sorts and checks. An unknown kind, or two documents of one kind and name, is an error. */
int rast_manifest_load(const char *const *paths, size_t n, struct rast_manifest *ret,
		       struct rast_err *err);
void rast_manifest_finish(struct rast_manifest *m);
#define _cleanup_manifest_ _cleanup_(rast_manifest_finish)

/* "Pod/shop/web"; namespace "default" when none is given. */
const char *rast_manifest_key(const struct rast_yaml_node *doc, char *buf, size_t size);
/* The ConfigMaps of a pod's namespace as an array, NULL when there are none. */
json_t *rast_manifest_config_maps(const struct rast_manifest *m, const char *ns);

#endif
