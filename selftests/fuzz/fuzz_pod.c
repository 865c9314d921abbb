// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as Pod manifests: refused with a text and a place, or a pod that keeps every promise of
 * pod.h. The YAML tree is freed before the pod is looked at, so a pointer into it is found.
 */
#include "container/pod.h"

#include "fuzz.h"

#include <string.h>

#define MAX_DOCS 8

static void check_path(const char *p)
{
	size_t n = strlen(p);

	MUST(p[0] == '/' && n < 4097 && !strstr(p, "//"));
	MUST(n == 1 || p[n - 1] != '/');
	MUST(!strstr(p, "/../") && !strstr(p, "/./"));
	MUST(n < 3 || strcmp(p + n - 3, "/..") != 0);
}

static void check_strings(const char *const *list, size_t n)
{
	MUST(n <= RAST_POD_MAX_ARGS);
	for (size_t i = 0; i < n; i++)
		MUST(list[i] && strlen(list[i]) <= RAST_POD_MAX_ARG);
	MUST(!n || !list[n]);
}

static void check_probe(const struct rast_pod_probe *p)
{
	if (p->kind == RAST_PROBE_NONE)
		return;
	MUST(p->host && p->path && p->period_s && p->timeout_s && p->failures && p->successes);
	if (p->kind == RAST_PROBE_EXEC)
		MUST(p->command && p->command[0]);
	else
		MUST(p->port);
	MUST(p->path[0] == '/' && !strpbrk(p->path, " \r\n"));
}

static void check_container(const struct rast_pod *pod, const struct rast_pod_container *c)
{
	MUST(rast_pod_name_valid(c->name, false) && *c->image);
	check_strings(c->command, c->n_command);
	check_strings(c->args, c->n_args);
	check_path(c->working_dir);
	for (size_t i = 0; i < c->n_env; i++) {
		MUST(*c->env[i].key && !strchr(c->env[i].key, '='));
		MUST(strlen(c->env[i].key) + strlen(c->env[i].value) < RAST_POD_MAX_ARG);
	}
	for (size_t i = 0; i < c->n_ports; i++)
		MUST(c->ports[i].port && c->ports[i].protocol && c->ports[i].name);
	for (size_t i = 0; i < c->n_mounts; i++) {
		MUST(c->mounts[i].volume >= 0 && (size_t)c->mounts[i].volume < pod->n_volumes);
		check_path(c->mounts[i].path);
		MUST(strcmp(c->mounts[i].path, "/") != 0);
		MUST(c->mounts[i].sub_path[0] != '/' && !strstr(c->mounts[i].sub_path, ".."));
	}
	MUST(c->uid == RAST_POD_ID_UNSET || c->uid <= 0xfffffffdu);
	MUST(c->gid == RAST_POD_ID_UNSET || c->gid <= 0xfffffffdu);
	MUST(c->cap_add != ~0ull);
	MUST(!c->cpu_limit_milli || c->cpu_request_milli <= c->cpu_limit_milli);
	MUST(!c->mem_limit_bytes || c->mem_request_bytes <= c->mem_limit_bytes);
	check_probe(&c->readiness);
	check_probe(&c->liveness);
}

static void check_pod(const struct rast_pod *pod)
{
	MUST(rast_pod_name_valid(pod->name, true) && rast_pod_name_valid(pod->ns, false));
	MUST(rast_pod_name_valid(pod->hostname, true));
	MUST(pod->n_containers && pod->n_containers <= RAST_POD_MAX_CONTAINERS);
	MUST(!pod->no_network && pod->grace_s <= 86400);
	for (size_t i = 0; i < pod->n_containers; i++)
		check_container(pod, &pod->containers[i]);
	for (size_t i = 0; i < pod->n_volumes; i++) {
		const struct rast_pod_volume *v = &pod->volumes[i];

		MUST(rast_pod_name_valid(v->name, false));
		if (v->kind == RAST_VOLUME_HOST)
			check_path(v->path);
		for (size_t j = 0; j < v->n_files; j++)
			MUST(*v->files[j].key && !strchr(v->files[j].key, '/') &&
			     strcmp(v->files[j].key, "..") != 0 && v->files[j].value);
	}
	for (size_t i = 0; i < pod->n_sysctls; i++)
		MUST(!strchr(pod->sysctls[i].key, '/') && !strstr(pod->sysctls[i].key, ".."));
	for (size_t i = 0; i < pod->n_labels; i++)
		MUST(rast_pod_label(pod, pod->labels[i].key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rast_yaml_node *docs[MAX_DOCS];
	struct rast_pod *pods[MAX_DOCS] = {NULL};
	struct rast_yaml *y = NULL;
	size_t n = 0, i;

	if (rast_yaml_parse("fuzz.yaml", (const char *)data, size, &y, NULL) < 0)
		return 0;
	for (; n < rast_yaml_count(y) && n < MAX_DOCS; n++)
		docs[n] = rast_yaml_root(y, n);
	for (i = 0; i < n; i++) {
		struct rast_err err = {0};
		int r = rast_pod_parse(docs[i], docs, n, &pods[i], &err);

		MUST(r == 0 ? pods[i] && !err.code
			    : !pods[i] && err.code == -r && err.text[0] && err.line > 0);
	}
	rast_yaml_destroy(y);
	for (i = 0; i < n; i++)
		if (pods[i])
			check_pod(pods[i]);
	for (i = 0; i < n; i++)
		rast_pod_destroy(pods[i]);
	return 0;
}
