// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pod manifest → struct rast_pod: metadata and spec; a container's own fields are in
 * pod_container.c. Every getter reports file, line, column and field itself (base/yaml.h).
 */
#include "container/pod_parse.h"

#include "base/quantity.h"

#include <errno.h>
#include <string.h>

int pod_oom(struct rast_err *err)
{
	return rast_err_sys(err, ENOMEM, "pod");
}

int pod_str(struct rast_pod *pod, const struct rast_yaml_node *map, const char *key, bool required,
	    const char **ret, struct rast_err *err)
{
	const char *s = NULL;
	int r = rast_yaml_str(map, key, required, &s, err);

	if (r < 0 || !s)
		return r;
	s = rast_pod_strdup(pod, s);
	if (!s)
		return pod_oom(err);
	*ret = s;
	return 0;
}

int pod_name(struct rast_pod *pod, const struct rast_yaml_node *map, const char *key, bool required,
	     bool dots, const char **ret, struct rast_err *err)
{
	const char *s = NULL;
	int r = pod_str(pod, map, key, required, &s, err);

	if (r < 0 || !s)
		return r;
	if (!rast_pod_name_valid(s, dots))
		return rast_yaml_err(rast_yaml_get(map, key), err,
				     "\"%.80s\" is not a name: want at most %d of a-z, 0-9%s and "
				     "\"-\", with a letter or digit at both ends",
				     s, RAST_POD_MAX_NAME, dots ? ", \".\"" : "");
	*ret = s;
	return 0;
}

int pod_list(const struct rast_yaml_node *list, size_t max, struct rast_err *err)
{
	if (list && list->count > max)
		return rast_yaml_err(list, err, "%zu entries; at most %zu are taken", list->count,
				     max);
	return 0;
}

int pod_strings(struct rast_pod *pod, const struct rast_yaml_node *map, const char *key,
		const char *const **ret, size_t *ret_n, struct rast_err *err)
{
	const struct rast_yaml_node *seq = NULL;
	const char **out;
	size_t n = 0;
	int r = rast_yaml_seq(map, key, false, &seq, err);

	if (r < 0 || !seq)
		return r;
	r = pod_list(seq, RAST_POD_MAX_ARGS, err);
	if (r < 0)
		return r;
	out = rast_pod_alloc(pod, (seq->count + 1) * sizeof(*out));
	if (!out)
		return pod_oom(err);
	rast_yaml_foreach(c, seq) {
		r = rast_yaml_want(c, RAST_YAML_SCALAR, err);
		if (r < 0)
			return r;
		if (!rast_yaml_is_string(c))
			return rast_yaml_err(c, err, "want a string, got %.40s (put it in quotes)",
					     c->value);
		if (strlen(c->value) > RAST_POD_MAX_ARG)
			return rast_yaml_err(c, err, "longer than %d bytes", RAST_POD_MAX_ARG);
		out[n] = rast_pod_strdup(pod, c->value);
		if (!out[n++])
			return pod_oom(err);
	}
	*ret = out;
	*ret_n = n;
	return 0;
}

static bool label_chars(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
		      (s[i] >= '0' && s[i] <= '9') ||
		      (i && i + 1 < n && (s[i] == '-' || s[i] == '_' || s[i] == '.'))))
			return false;
	return true;
}

static bool label_key(const char *key)
{
	const char *slash = strchr(key, '/');
	const char *name = slash ? slash + 1 : key;
	size_t n = strlen(name), prefix = slash ? (size_t)(slash - key) : 0;

	if (slash && (!prefix || prefix > 253 || !label_chars(key, prefix)))
		return false;
	return n && n <= 63 && label_chars(name, n);
}

/* A map of strings. labels: the value has a label's syntax too. */
static int string_map(struct rast_pod *pod, const struct rast_yaml_node *map, const char *key,
		      bool labels, const struct rast_pod_kv **ret, size_t *ret_n,
		      struct rast_err *err)
{
	const struct rast_yaml_node *m = NULL;
	struct rast_pod_kv *out;
	size_t n = 0;
	int r = rast_yaml_map(map, key, false, &m, err);

	if (r < 0 || !m)
		return r;
	r = pod_list(m, RAST_POD_MAX_LIST, err);
	if (r < 0)
		return r;
	out = rast_pod_alloc(pod, m->count * sizeof(*out));
	if (!out)
		return pod_oom(err);
	rast_yaml_foreach(c, m) {
		if (!label_key(c->key))
			return rast_yaml_err(c, err, "\"%.80s\" is not a label name", c->key);
		r = rast_yaml_want(c, RAST_YAML_SCALAR, err);
		if (r < 0)
			return r;
		if (!rast_yaml_is_string(c))
			return rast_yaml_err(c, err, "want a string, got %.40s (put it in quotes)",
					     c->value);
		if (labels && (strlen(c->value) > 63 || !label_chars(c->value, strlen(c->value))))
			return rast_yaml_err(c, err, "\"%.80s\" is not a label value", c->value);
		out[n].key = rast_pod_strdup(pod, c->key);
		out[n].value = rast_pod_strdup(pod, c->value);
		if (!out[n].key || !out[n].value)
			return pod_oom(err);
		n++;
	}
	*ret = out;
	*ret_n = n;
	return 0;
}

static int parse_metadata(struct rast_pod *pod, const struct rast_yaml_node *doc,
			  struct rast_err *err)
{
	static const char *const fields[] = {"name", "namespace", "labels", "annotations", NULL};
	const struct rast_yaml_node *m = NULL;
	int r;

	(void)((r = rast_yaml_map(doc, "metadata", true, &m, err)) < 0 ||
	       (r = rast_yaml_check_fields(m, fields, err)) < 0 ||
	       (r = pod_name(pod, m, "name", true, true, &pod->name, err)) < 0 ||
	       (r = pod_name(pod, m, "namespace", false, false, &pod->ns, err)) < 0 ||
	       (r = string_map(pod, m, "labels", true, &pod->labels, &pod->n_labels, err)) < 0 ||
	       (r = string_map(pod, m, "annotations", false, &pod->annotations, &pod->n_annotations,
			       err)) < 0);
	return r;
}

static const struct rast_yaml_node *find_config(const struct rast_yaml_node *const *docs, size_t n,
						const char *ns, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct rast_yaml_node *kind = rast_yaml_get(docs[i], "kind");
		const struct rast_yaml_node *meta = rast_yaml_get(docs[i], "metadata");
		const struct rast_yaml_node *its_name = rast_yaml_get(meta, "name");
		const struct rast_yaml_node *its_ns = rast_yaml_get(meta, "namespace");

		if (kind && !strcmp(kind->value, "ConfigMap") && its_name &&
		    !strcmp(its_name->value, name) &&
		    !strcmp(its_ns ? its_ns->value : "default", ns))
			return docs[i];
	}
	return NULL;
}

static int parse_config(struct rast_pod *pod, const struct rast_yaml_node *v,
			const struct rast_yaml_node *const *docs, size_t n_docs,
			struct rast_pod_volume *vol, struct rast_err *err)
{
	static const char *const fields[] = {"name", NULL};
	static const char *const config_fields[] = {"apiVersion", "kind", "metadata", "data", NULL};
	const struct rast_yaml_node *config, *data = NULL;
	struct rast_pod_kv *out;
	const char *name = NULL;
	size_t n = 0, total = 0;
	int r;

	if ((r = rast_yaml_check_fields(v, fields, err)) < 0 ||
	    (r = rast_yaml_str(v, "name", true, &name, err)) < 0)
		return r;
	config = find_config(docs, n_docs, pod->ns, name);
	if (!config)
		return rast_yaml_err(rast_yaml_get(v, "name"), err,
				     "there is no ConfigMap \"%.80s\" in namespace \"%s\" here",
				     name, pod->ns);
	if ((r = rast_yaml_check_fields(config, config_fields, err)) < 0 ||
	    (r = rast_yaml_map(config, "data", true, &data, err)) < 0 ||
	    (r = pod_list(data, RAST_POD_MAX_LIST, err)) < 0)
		return r;
	out = rast_pod_alloc(pod, data->count * sizeof(*out));
	if (!out)
		return pod_oom(err);
	rast_yaml_foreach(c, data) {
		size_t len = strlen(c->key);

		if (!len || len > 253 || !strcmp(c->key, ".") || !strcmp(c->key, "..") ||
		    strspn(c->key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_.") != len)
			return rast_yaml_err(c, err, "\"%.80s\" cannot be a file name", c->key);
		r = rast_yaml_want(c, RAST_YAML_SCALAR, err);
		if (r < 0)
			return r;
		if (!rast_yaml_is_string(c))
			return rast_yaml_err(c, err, "want a string, got %.40s (put it in quotes)",
					     c->value);
		total += strlen(c->value);
		if (total > RAST_POD_MAX_CONFIG)
			return rast_yaml_err(data, err, "more than %u bytes of data",
					     RAST_POD_MAX_CONFIG);
		out[n].key = rast_pod_strdup(pod, c->key);
		out[n].value = rast_pod_strdup(pod, c->value);
		if (!out[n].key || !out[n].value)
			return pod_oom(err);
		n++;
	}
	vol->kind = RAST_VOLUME_CONFIG;
	vol->files = out;
	vol->n_files = n;
	return 0;
}

static int parse_empty(const struct rast_yaml_node *v, struct rast_pod_volume *vol,
		       struct rast_err *err)
{
	static const char *const fields[] = {"medium", "sizeLimit", NULL};
	const char *medium = "";
	int r;

	vol->kind = RAST_VOLUME_EMPTY;
	if ((r = rast_yaml_check_fields(v, fields, err)) < 0 ||
	    (r = rast_yaml_str(v, "medium", false, &medium, err)) < 0 ||
	    (r = pod_quantity(v, "sizeLimit", false, &vol->size_bytes, err)) < 0)
		return r;
	if (*medium && strcmp(medium, "Memory") != 0)
		return rast_yaml_err(rast_yaml_get(v, "medium"), err,
				     "\"%.40s\": only Memory is known", medium);
	vol->memory = *medium != '\0';
	return 0;
}

static int parse_host_path(struct rast_pod *pod, const struct rast_yaml_node *v,
			   struct rast_pod_volume *vol, struct rast_err *err)
{
	static const char *const fields[] = {"path", "type", NULL};
	const char *type = "";
	int r;

	vol->kind = RAST_VOLUME_HOST;
	if ((r = rast_yaml_check_fields(v, fields, err)) < 0 ||
	    (r = pod_path(pod, v, "path", true, &vol->path, err)) < 0 ||
	    (r = rast_yaml_str(v, "type", false, &type, err)) < 0)
		return r;
	if (!strcmp(type, "File"))
		vol->host_is_file = true;
	else if (!strcmp(type, "DirectoryOrCreate"))
		vol->host_create = true;
	else if (*type && strcmp(type, "Directory") != 0)
		return rast_yaml_err(rast_yaml_get(v, "type"), err,
				     "\"%.40s\": want Directory, DirectoryOrCreate or File", type);
	return 0;
}

static int parse_volumes(struct rast_pod *pod, const struct rast_yaml_node *spec,
			 const struct rast_yaml_node *const *docs, size_t n_docs,
			 struct rast_err *err)
{
	static const char *const fields[] = {"name", "emptyDir", "hostPath", "configMap", NULL};
	const struct rast_yaml_node *seq = NULL;
	struct rast_pod_volume *out;
	size_t n = 0, i;
	int r;

	if ((r = rast_yaml_seq(spec, "volumes", false, &seq, err)) < 0 || !seq ||
	    (r = pod_list(seq, RAST_POD_MAX_LIST, err)) < 0)
		return r;
	out = rast_pod_alloc(pod, seq->count * sizeof(*out));
	if (!out)
		return pod_oom(err);
	rast_yaml_foreach(c, seq) {
		const struct rast_yaml_node *empty = NULL, *host = NULL, *config = NULL;

		if ((r = rast_yaml_want(c, RAST_YAML_MAP, err)) < 0 ||
		    (r = rast_yaml_check_fields(c, fields, err)) < 0 ||
		    (r = pod_name(pod, c, "name", true, false, &out[n].name, err)) < 0 ||
		    (r = rast_yaml_map(c, "emptyDir", false, &empty, err)) < 0 ||
		    (r = rast_yaml_map(c, "hostPath", false, &host, err)) < 0 ||
		    (r = rast_yaml_map(c, "configMap", false, &config, err)) < 0)
			return r;
		for (i = 0; i < n; i++)
			if (!strcmp(out[i].name, out[n].name))
				return rast_yaml_err(rast_yaml_get(c, "name"), err,
						     "a second volume named \"%s\"", out[n].name);
		if (!!empty + !!host + !!config != 1)
			return rast_yaml_err(c, err,
					     "want one of emptyDir, hostPath and configMap");
		r = empty  ? parse_empty(empty, &out[n], err)
		    : host ? parse_host_path(pod, host, &out[n], err)
			   : parse_config(pod, config, docs, n_docs, &out[n], err);
		if (r < 0)
			return r;
		n++;
	}
	pod->volumes = out;
	pod->n_volumes = n;
	return 0;
}

/* Those that belong to a namespace the pod has of its own. */
static bool sysctl_allowed(const char *name, bool host_network)
{
	static const char *const ipc[] = {"kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."};
	size_t i, n = strlen(name);

	if (n > 200 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-.") != n ||
	    strstr(name, "..") || name[0] == '.' || name[n - 1] == '.')
		return false;
	if (!strncmp(name, "net.", 4))
		return !host_network;
	for (i = 0; i < sizeof(ipc) / sizeof(ipc[0]); i++)
		if (!strncmp(name, ipc[i], strlen(ipc[i])))
			return true;
	return false;
}

static int parse_sysctls(struct rast_pod *pod, const struct rast_yaml_node *security,
			 struct rast_err *err)
{
	static const char *const fields[] = {"name", "value", NULL};
	const struct rast_yaml_node *seq = NULL;
	struct rast_pod_kv *out;
	size_t n = 0;
	int r;

	if ((r = rast_yaml_seq(security, "sysctls", false, &seq, err)) < 0 || !seq ||
	    (r = pod_list(seq, RAST_POD_MAX_LIST, err)) < 0)
		return r;
	out = rast_pod_alloc(pod, seq->count * sizeof(*out));
	if (!out)
		return pod_oom(err);
	rast_yaml_foreach(c, seq) {
		if ((r = rast_yaml_want(c, RAST_YAML_MAP, err)) < 0 ||
		    (r = rast_yaml_check_fields(c, fields, err)) < 0 ||
		    (r = pod_str(pod, c, "name", true, &out[n].key, err)) < 0 ||
		    (r = pod_str(pod, c, "value", true, &out[n].value, err)) < 0)
			return r;
		if (!sysctl_allowed(out[n].key, pod->host_network))
			return rast_yaml_err(rast_yaml_get(c, "name"), err,
					     "\"%.80s\" is not a setting of the pod's own "
					     "namespaces",
					     out[n].key);
		n++;
	}
	pod->sysctls = out;
	pod->n_sysctls = n;
	return 0;
}

static int parse_restart(struct rast_pod *pod, const struct rast_yaml_node *spec,
			 struct rast_err *err)
{
	const char *s = "Always";
	int r = rast_yaml_str(spec, "restartPolicy", false, &s, err);

	if (r < 0)
		return r;
	if (!strcmp(s, "Always"))
		pod->restart = RAST_RESTART_ALWAYS;
	else if (!strcmp(s, "OnFailure"))
		pod->restart = RAST_RESTART_ON_FAILURE;
	else if (!strcmp(s, "Never"))
		pod->restart = RAST_RESTART_NEVER;
	else
		return rast_yaml_err(rast_yaml_get(spec, "restartPolicy"), err,
				     "\"%.40s\": want Always, OnFailure or Never", s);
	return 0;
}

static int parse_spec(struct rast_pod *pod, const struct rast_yaml_node *spec,
		      const struct rast_yaml_node *const *docs, size_t n_docs, struct rast_err *err)
{
	static const char *const fields[] = {"containers",
					     "volumes",
					     "restartPolicy",
					     "hostNetwork",
					     "hostname",
					     "securityContext",
					     "terminationGracePeriodSeconds",
					     NULL};
	static const char *const security_fields[] = {"sysctls", "runAsUser", "runAsGroup", NULL};
	const struct rast_yaml_node *security = NULL;
	int64_t grace = 30, uid = RAST_POD_ID_UNSET, gid = RAST_POD_ID_UNSET;
	int r;

	pod->hostname = pod->name;
	if ((r = rast_yaml_check_fields(spec, fields, err)) < 0 ||
	    (r = parse_restart(pod, spec, err)) < 0 ||
	    (r = rast_yaml_bool(spec, "hostNetwork", false, &pod->host_network, err)) < 0 ||
	    (r = pod_name(pod, spec, "hostname", false, false, &pod->hostname, err)) < 0 ||
	    (r = rast_yaml_int(spec, "terminationGracePeriodSeconds", false, 0, 86400, &grace,
			       err)) < 0 ||
	    (r = rast_yaml_map(spec, "securityContext", false, &security, err)) < 0)
		return r;
	pod->grace_s = (unsigned int)grace;
	if (security &&
	    ((r = rast_yaml_check_fields(security, security_fields, err)) < 0 ||
	     (r = rast_yaml_int(security, "runAsUser", false, 0, RAST_POD_MAX_ID, &uid, err)) < 0 ||
	     (r = rast_yaml_int(security, "runAsGroup", false, 0, RAST_POD_MAX_ID, &gid, err)) <
		     0 ||
	     (r = parse_sysctls(pod, security, err)) < 0))
		return r;
	if ((r = parse_volumes(pod, spec, docs, n_docs, err)) < 0)
		return r;
	return pod_containers(pod, spec, (uint32_t)uid, (uint32_t)gid, err);
}

int rast_pod_parse(const struct rast_yaml_node *doc, const struct rast_yaml_node *const *others,
		   size_t n_others, struct rast_pod **ret, struct rast_err *err)
{
	static const char *const fields[] = {"apiVersion", "kind", "metadata", "spec", NULL};
	_cleanup_pod_ struct rast_pod *pod = rast_pod_create();
	const struct rast_yaml_node *spec = NULL;
	const char *api = NULL, *kind = NULL;
	int r;

	if (!pod)
		return pod_oom(err);
	if ((r = rast_yaml_want(doc, RAST_YAML_MAP, err)) < 0 ||
	    (r = rast_yaml_check_fields(doc, fields, err)) < 0 ||
	    (r = rast_yaml_str(doc, "apiVersion", true, &api, err)) < 0 ||
	    (r = rast_yaml_str(doc, "kind", true, &kind, err)) < 0)
		return r;
	if (strcmp(api, "v1") != 0)
		return rast_yaml_err(rast_yaml_get(doc, "apiVersion"), err, "want v1 for a Pod");
	if (strcmp(kind, "Pod") != 0)
		return rast_yaml_err(rast_yaml_get(doc, "kind"), err, "want Pod");
	if ((r = parse_metadata(pod, doc, err)) < 0 ||
	    (r = rast_yaml_map(doc, "spec", true, &spec, err)) < 0 ||
	    (r = parse_spec(pod, spec, others, n_others, err)) < 0) {
		if (!pod->arena_full)
			return r;
		/* What could not have its memory has said something else. */
		if (err)
			*err = (struct rast_err){0};
		return rast_yaml_err(spec ? spec : doc, err,
				     "more than %u MiB once aliases and variables are expanded",
				     RAST_POD_MAX_BYTES >> 20);
	}
	*ret = TAKE_PTR(pod);
	return 0;
}
