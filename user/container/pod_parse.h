/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the Pod parser: what pod_parse.c and pod_container.c share. Not for others. */
#ifndef RAST_CONTAINER_POD_PARSE_H
#define RAST_CONTAINER_POD_PARSE_H

#include "container/pod.h"

#define RAST_POD_MAX_ID 0xfffffffdu /* (uid_t)-1 and -2 have meanings of their own */

int pod_oom(struct rast_err *err);
/* As the getters of yaml.h, but copied into the pod. */
int pod_str(struct rast_pod *pod, const struct rast_yaml_node *map, const char *key, bool required,
	    const char **ret, struct rast_err *err);
int pod_name(struct rast_pod *pod, const struct rast_yaml_node *map, const char *key, bool required,
	     bool dots, const char **ret, struct rast_err *err);
/* Absolute, without "." and ".." components; doubled and trailing slashes are taken out. */
int pod_path(struct rast_pod *pod, const struct rast_yaml_node *map, const char *key, bool required,
	     const char **ret, struct rast_err *err);
int pod_strings(struct rast_pod *pod, const struct rast_yaml_node *map, const char *key,
		const char *const **ret, size_t *ret_n, struct rast_err *err);
/* Too many entries? */
int pod_list(const struct rast_yaml_node *list, size_t max, struct rast_err *err);
/* A quantity in units, or in thousandths; absent leaves *ret alone. */
int pod_quantity(const struct rast_yaml_node *map, const char *key, bool milli, uint64_t *ret,
		 struct rast_err *err);
int pod_containers(struct rast_pod *pod, const struct rast_yaml_node *spec, uint32_t uid,
		   uint32_t gid, struct rast_err *err);

#endif
