// SPDX-License-Identifier: BSD-2-Clause
/* Manifest files → checked documents; see manifest.h. */
#include "node/manifest.h"

#include "policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *str_or(const struct rast_yaml_node *map, const char *key, const char *other)
{
	const struct rast_yaml_node *n = rast_yaml_get(map, key);

	return n && n->type == RAST_YAML_SCALAR && *n->value ? n->value : other;
}

const char *rast_manifest_key(const struct rast_yaml_node *doc, char *buf, size_t size)
{
	const struct rast_yaml_node *meta = rast_yaml_get(doc, "metadata");
	const char *kind = str_or(doc, "kind", "");

	/* What is not inside a namespace has none in its key either. */
	if (!strncmp(kind, "Cluster", 7) || !strcmp(kind, "Image") ||
	    (rast_policy_kind_known(kind) && !rast_policy_kind_in_namespace(kind)))
		(void)snprintf(buf, size, "%s/%s", kind, str_or(meta, "name", ""));
	else
		(void)snprintf(buf, size, "%s/%s/%s", kind, str_or(meta, "namespace", "default"),
			       str_or(meta, "name", ""));
	return buf;
}

static int push(const struct rast_yaml_node ***list, size_t *n, const struct rast_yaml_node *doc)
{
	const struct rast_yaml_node **more = realloc(*list, (*n + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	*list = more;
	more[(*n)++] = doc;
	return 0;
}

static int sort_in(struct rast_manifest *m, const struct rast_yaml_node *doc, struct rast_err *err)
{
	const char *kind = "", *api = "";
	char key[512], other[512];
	size_t i;
	int r;

	r = rast_yaml_want(doc, RAST_YAML_MAP, err);
	if (!r)
		r = rast_yaml_str(doc, "apiVersion", true, &api, err);
	if (!r)
		r = rast_yaml_str(doc, "kind", true, &kind, err);
	if (r < 0)
		return r;
	(void)rast_manifest_key(doc, key, sizeof(key));
	for (i = 0; i < m->n_docs; i++)
		if (!strcmp(key, rast_manifest_key(m->docs[i], other, sizeof(other))))
			return rast_yaml_err(doc, err, "%s is there twice (first in %s:%d)", key,
					     rast_yaml_file(m->docs[i]->doc), m->docs[i]->line);
	if (!strcmp(kind, "Pod"))
		r = push(&m->pod_docs, &m->n_pods, doc);
	else if (!strcmp(kind, "ConfigMap"))
		r = push(&m->config_maps, &m->n_config_maps, doc);
	else if (rast_policy_set_wants(doc))
		r = push(&m->policies, &m->n_policies, doc);
	else if (!strcmp(kind, "Image"))
		return rast_yaml_err(
			rast_yaml_get(doc, "kind"), err,
			"an Image is built by `rastbpf image build -f`, not brought up");
	else
		return rast_yaml_err(
			rast_yaml_get(doc, "kind"), err,
			"kind %.64s is not known here (Pod, ConfigMap, " RAST_POLICY_KINDS ")",
			kind);
	if (!r)
		r = push(&m->docs, &m->n_docs, doc);
	return r < 0 ? rast_err_sys(err, -r, "manifest") : 0;
}

static int check_policies(const struct rast_manifest *m, struct rast_err *err)
{
	_cleanup_policy_set_ struct rast_policy_set *set = NULL;
	int r;

	r = rast_policy_set_create(&set);
	if (r < 0)
		return rast_err_sys(err, -r, "policies");
	return m->n_policies ? rast_policy_set_apply(set, m->policies, m->n_policies, false, err)
			     : 0;
}

static int load(const char *const *paths, size_t n, struct rast_manifest *m, struct rast_err *err)
{
	size_t i, j;
	int r;

	if (n > RAST_MANIFEST_MAX_FILES)
		return rast_err_set(err, E2BIG, "more than %d files", RAST_MANIFEST_MAX_FILES);
	for (i = 0; i < n; i++) {
		r = rast_yaml_load(paths[i], &m->files[i], err);
		if (r < 0)
			return r;
		m->n_files++;
		for (j = 0; j < rast_yaml_count(m->files[i]); j++) {
			r = sort_in(m, rast_yaml_root(m->files[i], j), err);
			if (r < 0)
				return r;
		}
	}
	if (!m->n_docs)
		return rast_err_at(err, EINVAL, n ? paths[0] : "", 0, 0, NULL, "no document in it");
	m->pods = calloc(m->n_pods + 1, sizeof(*m->pods));
	if (!m->pods)
		return rast_err_sys(err, ENOMEM, "manifest");
	for (i = 0; i < m->n_pods; i++) {
		r = rast_pod_parse(m->pod_docs[i], m->config_maps, m->n_config_maps, &m->pods[i],
				   err);
		if (r < 0)
			return r;
	}
	return check_policies(m, err);
}

int rast_manifest_load(const char *const *paths, size_t n, struct rast_manifest *ret,
		       struct rast_err *err)
{
	struct rast_manifest m = {0};
	int r;

	r = load(paths, n, &m, err);
	if (r < 0) {
		rast_manifest_finish(&m);
		return r;
	}
	*ret = m;
	return 0;
}

void rast_manifest_finish(struct rast_manifest *m)
{
	size_t i;

	for (i = 0; m->pods && i < m->n_pods; i++)
		rast_pod_destroy(m->pods[i]);
	for (i = 0; i < m->n_files; i++)
		rast_yaml_destroy(m->files[i]);
	free(m->docs);
	free(m->pods);
	free(m->pod_docs);
	free(m->policies);
	free(m->config_maps);
	memset(m, 0, sizeof(*m));
}

json_t *rast_manifest_config_maps(const struct rast_manifest *m, const char *ns)
{
	json_t *list = NULL;
	size_t i;

	for (i = 0; i < m->n_config_maps; i++) {
		const struct rast_yaml_node *meta = rast_yaml_get(m->config_maps[i], "metadata");

		if (strcmp(str_or(meta, "namespace", "default"), ns) != 0)
			continue;
		if (!list)
			list = json_array();
		(void)json_array_append_new(list, rast_yaml_to_json(m->config_maps[i]));
	}
	return list;
}
