// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as config.json: refused with a text, or a structure that keeps every promise of oci/spec.h.
 * The first byte says what the rest is: 0 a whole document, 1 resources, 2 a process, 3 the options of a
 * mount (one a line), 4 an idmap option, 5 the annotation for Landlock.
 */
#include "container/landlock.h"
#include "oci/spec.h"

#include "fuzz.h"

#include <jansson.h>
#include <linux/mount.h>
#include <string.h>

/* Reads what it is given, so that memory that is not there is found. */
static size_t total;
static void read_string(const char *s)
{
	if (s) {
		MUST(*s);
		total += strlen(s);
	}
}

static void check_strings(const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		MUST(list[i]);
		total += strlen(list[i]);
	}
	MUST(!list || !list[n]);
	MUST(list || !n);
}

static void check_kvs(const struct rast_oci_kv *kv, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		MUST(kv[i].key && kv[i].key[0] && kv[i].value);
		total += strlen(kv[i].value);
	}
}

static void check_idmaps(const struct rast_oci_idmap *m, size_t n)
{
	MUST(n <= RAST_OCI_MAX_IDMAPS);
	for (size_t i = 0; i < n; i++) {
		MUST(m[i].size && (uint64_t)m[i].container_id + m[i].size <= UINT32_MAX);
		MUST((uint64_t)m[i].host_id + m[i].size <= UINT32_MAX);
		for (size_t k = 0; k < i; k++)
			MUST(m[i].container_id + (uint64_t)m[i].size <= m[k].container_id ||
			     m[k].container_id + (uint64_t)m[k].size <= m[i].container_id);
	}
}

static void check_attr(const struct rast_oci_attr *a)
{
	uint64_t atime = a->clear & MOUNT_ATTR__ATIME;

	/* What mount_setattr(2) refuses. */
	MUST(!atime || atime == MOUNT_ATTR__ATIME);
	MUST(!(a->set & MOUNT_ATTR__ATIME) || atime);
	MUST(!(a->set & a->clear & ~(uint64_t)MOUNT_ATTR__ATIME));
}

static void check_mount(const struct rast_oci_mount *m)
{
	const char *d = m->destination;
	size_t n = strlen(d);

	MUST(d[0] == '/' && !strstr(d, "//") && !strstr(d, "/../") && !strstr(d, "/./"));
	MUST(n == 1 || d[n - 1] != '/');
	MUST(n < 3 || strcmp(d + n - 3, "/..") != 0);
	check_attr(&m->attr);
	check_attr(&m->tree);
	MUST(!(m->sb.set & m->sb.clear));
	MUST(m->n_propagation <= RAST_OCI_MAX_PROPAGATION);
	for (size_t i = 0; i < m->n_propagation; i++)
		MUST(__builtin_popcount(m->propagation[i] & ~(uint32_t)MS_REC) == 1);
	check_strings(m->data, m->n_data);
	check_idmaps(m->uid_maps, m->n_uid_maps);
	check_idmaps(m->gid_maps, m->n_gid_maps);
	MUST(!m->n_uid_maps == !m->n_gid_maps);
	MUST(!m->n_uid_maps || (m->flags & RAST_OCI_MOUNT_IDMAP));
	MUST(!(m->flags & RAST_OCI_MOUNT_BIND) || (m->flags & RAST_OCI_MOUNT_REMOUNT) || m->source);
}

static void check_env(const char *const *env, size_t n)
{
	check_strings(env, n);
	for (size_t i = 0; i < n; i++)
		MUST(env[i][0] != '=' && strchr(env[i], '='));
}

static void check_process(const struct rast_oci_process *p)
{
	uint64_t seen = 0;

	MUST(p->n_args && p->args[0][0] && p->cwd && p->cwd[0] == '/');
	check_strings(p->args, p->n_args);
	check_env(p->env, p->n_env);
	MUST(p->uid <= RAST_OCI_ID_MAX && p->gid <= RAST_OCI_ID_MAX && p->umask.v <= 0777);
	for (size_t i = 0; i < p->n_groups; i++)
		MUST(p->groups[i] <= RAST_OCI_ID_MAX);
	for (size_t i = 0; i < p->n_rlimits; i++) {
		MUST(p->rlimits[i].soft <= p->rlimits[i].hard);
		MUST(!(seen >> p->rlimits[i].resource & 1));
		seen |= 1ull << p->rlimits[i].resource;
	}
	MUST(!((p->caps.bounding | p->caps.ambient | p->caps.effective) >> 41));
	MUST(p->io_priority < 8 && p->io_class < 4);
	MUST(p->oom_score_adj.v >= -1000 && p->oom_score_adj.v <= 1000);
	MUST(p->terminal || (!p->rows && !p->cols));
	read_string(p->apparmor_profile);
	read_string(p->selinux_label);
	read_string(p->cpu_initial);
	read_string(p->cpu_final);
}

static void check_resources(const struct rast_oci_resources *r)
{
	for (size_t i = 0; i < r->n_devices; i++) {
		MUST(r->devices[i].access && r->devices[i].access < 8);
		MUST(strchr("abc", r->devices[i].type) && r->devices[i].type);
		MUST(r->devices[i].major >= -1 && r->devices[i].minor >= -1);
	}
	for (size_t i = 0; i < r->n_hugepages; i++)
		MUST(r->hugepages[i].page_size && !strchr(r->hugepages[i].page_size, '/'));
	for (size_t i = 0; i < r->n_rdma; i++)
		MUST(r->rdma[i].device[0]);
	check_kvs(r->unified, r->n_unified);
	for (size_t i = 0; i < r->n_unified; i++)
		MUST(!strchr(r->unified[i].key, '/') && strcmp(r->unified[i].key, "..") != 0);
	for (size_t i = 0; i < r->block_io.n_read_bps; i++)
		MUST(r->block_io.read_bps[i].major >= 0 && r->block_io.read_bps[i].minor >= 0);
	read_string(r->cpu.cpus);
	read_string(r->cpu.mems);
}

static void check_landlock(const struct rast_landlock *ll)
{
	struct rast_landlock fit = *ll;
	const char *missing;

	MUST(ll->fs || ll->net || ll->scopes);
	MUST(!(ll->fs >> 16) && !(ll->net >> 2) && !(ll->scopes >> 2));
	MUST(ll->n_paths <= RAST_LANDLOCK_MAX_RULES && ll->n_ports <= RAST_LANDLOCK_MAX_RULES);
	for (size_t i = 0; i < ll->n_paths; i++) {
		MUST(ll->paths[i].path[0] == '/');
		read_string(ll->paths[i].path);
		/* What landlock_add_rule(2) refuses. */
		MUST(ll->paths[i].access && !(ll->paths[i].access & ~ll->fs));
	}
	for (size_t i = 0; i < ll->n_ports; i++)
		MUST(ll->ports[i].access && !(ll->ports[i].access & ~ll->net));
	MUST(rast_landlock_fit(&fit, 6, &missing) && !missing);
}

static void check_spec(const struct rast_oci_spec *s)
{
	char *text = rast_oci_annotations_dump(s);

	free(text);
	MUST(s->root_path && s->version[0] == '1');
	for (size_t i = 0; i < s->n_mounts; i++)
		check_mount(&s->mounts[i]);
	if (s->has_process)
		check_process(&s->process);
	for (int k = 0; k < RAST_OCI_HOOK_POINTS; k++)
		for (size_t i = 0; i < s->hooks[k].n; i++) {
			MUST(s->hooks[k].v[i].path[0] == '/');
			check_strings(s->hooks[k].v[i].args, s->hooks[k].v[i].n_args);
			check_env(s->hooks[k].v[i].env, s->hooks[k].v[i].n_env);
			MUST(!s->hooks[k].v[i].timeout_s.set || s->hooks[k].v[i].timeout_s.v > 0);
		}
	check_kvs(s->annotations, s->n_annotations);
	MUST(!(s->ns_new & s->ns_join) && s->n_ns <= RAST_OCI_NS_MAX);
	for (int i = 0; i < RAST_OCI_NS_MAX; i++)
		MUST(!s->ns_path[i] == !(s->ns_join & rast_oci_ns_kinds[i].flag));
	check_idmaps(s->uid_maps, s->n_uid_maps);
	check_idmaps(s->gid_maps, s->n_gid_maps);
	check_kvs(s->sysctls, s->n_sysctls);
	for (size_t i = 0; i < s->n_sysctls; i++) {
		/* As a path below /proc/sys it must not lead out. */
		char path[256];
		size_t n = strlen(s->sysctls[i].key);

		MUST(n < sizeof(path));
		for (size_t k = 0; k <= n; k++) {
			char c = s->sysctls[i].key[k];

			path[k] = (char)(c == '.' ? '/' : c == '/' ? '.' : c);
		}
		MUST(path[0] != '/' && !strstr(path, "//") && !strstr(path, "/../"));
		MUST(strncmp(path, "../", 3) != 0 && (n < 3 || strcmp(path + n - 3, "/..") != 0));
	}
	for (size_t i = 0; i < s->n_devices; i++)
		MUST(s->devices[i].path[0] == '/' && s->devices[i].mode.v <= 07777 &&
		     s->devices[i].major >= 0 && s->devices[i].minor >= 0);
	check_strings(s->masked_paths, s->n_masked_paths);
	check_strings(s->readonly_paths, s->n_readonly_paths);
	check_strings(s->intel_rdt.schemata, s->intel_rdt.n_schemata);
	check_resources(&s->resources);
	if (s->landlock)
		check_landlock(s->landlock);
}

static char *annotated(const uint8_t *data, size_t size, size_t *ret_len)
{
	json_t *value = json_stringn((const char *)data, size), *doc;
	char *text;

	/* NULL when it is no UTF-8. */
	doc = json_pack("{s:s,s:{s:s},s:{s:o}}", "ociVersion", "1.2.0", "root", "path", "r",
			"annotations", RAST_OCI_LANDLOCK, value ? value : json_string("{}"));
	text = json_dumps(doc, 0);
	MUST(text);
	*ret_len = strlen(text);
	json_decref(doc);
	return text;
}

/* A document around the options of one mount. */
static char *around(const uint8_t *data, size_t size, int idmap, size_t *ret_len)
{
	static const char frame[] =
		"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"namespaces\":"
		"[{\"type\":\"user\"}],\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,"
		"\"size\":65536}],\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,"
		"\"size\":65536}]},\"mounts\":[{\"destination\":\"/d\",\"source\":\"/s\"}]}";
	json_t *doc = json_loads(frame, 0, NULL), *options = json_array();
	char *copy = malloc(size + 16), *line, *save = NULL, *text;
	size_t n = 0;

	MUST(doc && options && copy);
	json_array_append_new(options, json_string("bind"));
	if (idmap) {
		memcpy(copy, "idmap=", 6);
		n = 6;
	}
	memcpy(copy + n, data, size);
	copy[n + size] = '\0';
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		json_array_append_new(options, json_string(line)); /* NULL when it is no UTF-8 */
	json_object_set_new(json_array_get(json_object_get(doc, "mounts"), 0), "options", options);
	text = json_dumps(doc, 0);
	MUST(text);
	*ret_len = strlen(text);
	json_decref(doc);
	free(copy);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rast_oci_spec *spec = NULL;
	struct rast_err err = {0};
	size_t len = size - 1;
	int mode, r;
	char *text;

	if (!size)
		return 0;
	mode = data[0] % 6;
	if (data[0] >= '0' && data[0] <= '5')
		mode = data[0] - '0';
	if (mode == 5) {
		text = annotated(data + 1, size - 1, &len);
	} else if (mode >= 3) {
		text = around(data + 1, size - 1, mode == 4, &len);
	} else {
		/* Exactly as long as said: what reads past the end is found. */
		text = malloc(len ? len : 1);
		MUST(text);
		memcpy(text, data + 1, len);
	}
	r = mode == 1   ? rast_oci_resources_parse("f", text, len, &spec, &err)
	    : mode == 2 ? rast_oci_process_parse("f", text, len, &spec, &err)
			: rast_oci_spec_parse("f", text, len, &spec, &err);
	free(text);
	if (r < 0) {
		MUST(!spec && err.code == -r && err.text[0]);
		return 0;
	}
	MUST(!err.code);
	check_strings(spec->warnings, spec->n_warnings);
	if (mode == 1)
		check_resources(&spec->resources);
	else if (mode == 2)
		check_process(&spec->process);
	else
		check_spec(spec);
	rast_oci_spec_destroy(spec);
	return 0;
}
