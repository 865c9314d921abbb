/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this kernel can do, found by doing it: a program is loaded, attached and seen to run, a file
 * system is mounted, a filter refuses something. Never by version or configuration.
 */
#ifndef RAST_LOADER_FEATURE_H
#define RAST_LOADER_FEATURE_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"

/*
 * An array of {"name","group","have","reason","used_for","otherwise"}, groups "bpf", "cgroup",
 * "kernel". reason: what was seen, or why not. otherwise: what rastOS does without it. Whatever a
 * probe makes (a cgroup below the cgroup2 mount, namespaces, mounts) is gone afterwards. Takes
 * about a second; needs root.
 */
int rast_feature_probe(const struct rast_instance *in, json_t **ret, struct rast_err *err);

#endif
