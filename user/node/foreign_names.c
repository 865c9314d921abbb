// SPDX-License-Identifier: BSD-2-Clause
/* See foreign_names.h. */
#include "node/foreign_names.h"

#include "policy/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LABEL "rast.os/label."
/* Of a pod's sandbox, as a JSON object. */
#define CRIO_LABELS "io.kubernetes.cri-o.Labels"

/* The first that is there counts. */
static const char *const ns_keys[] = {"rast.os/namespace", "io.kubernetes.cri.sandbox-namespace",
				      "io.kubernetes.pod.namespace", NULL};
static const char *const pod_keys[] = {"rast.os/name", "io.kubernetes.cri.sandbox-name",
				       "io.kubernetes.pod.name", NULL};
static const char *const container_keys[] = {"rast.os/container",
					     "io.kubernetes.cri.container-name",
					     "io.kubernetes.container.name", NULL};
/* "sandbox" there: the container that holds a pod's namespaces. */
static const char *const type_keys[] = {"io.kubernetes.cri.container-type",
					"io.kubernetes.cri-o.ContainerType", NULL};

static const char *first(const json_t *annotations, const char *const *keys, const char **ret_key)
{
	for (; *keys; keys++)
		if (*rast_json_str(annotations, *keys)) {
			*ret_key = *keys;
			return rast_json_str(annotations, *keys);
		}
	return NULL;
}

void rast_foreign_id_name(const char *id, bool whole, char *buf, size_t size)
{
	size_t n = 0, i;

	if (!whole && strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64 && size > 12)
		size = 13;
	for (i = 0; id[i] && n + 1 < size; i++) {
		char c = id[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		else if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
			c = '-';
		/* A name begins and ends with a letter or digit. */
		if (n || c != '-')
			buf[n++] = c;
	}
	while (n && buf[n - 1] == '-')
		n--;
	if (!n && size > 1)
		buf[n++] = 'x';
	buf[n] = '\0';
}

static int take_name(const json_t *annotations, const char *const *keys,
		     const char *(*why)(const char *s), char *buf, size_t size,
		     struct rast_err *err)
{
	const char *key = NULL, *v = first(annotations, keys, &key), *wrong;

	if (!v)
		return 0;
	wrong = why(v);
	if (wrong)
		return rast_err_set(err, EINVAL, "annotations: %s: \"%.80s\" %s", key, v, wrong);
	(void)snprintf(buf, size, "%s", v);
	return 1;
}

static int add_label(json_t *labels, const char *from, const char *key, const json_t *value,
		     struct rast_err *err)
{
	const char *v = json_string_value(value), *why = rast_name_label_key(key);

	if (why)
		return rast_err_set(err, EINVAL, "annotations: %s: label \"%.80s\" %s", from, key,
				    why);
	why = v ? rast_name_label_value(v) : "is no string";
	if (why)
		return rast_err_set(err, EINVAL, "annotations: %s: value \"%.80s\" of %.80s %s",
				    from, v ? v : "", key, why);
	return json_object_set(labels, key, (json_t *)(uintptr_t)value) < 0
		       ? rast_err_sys(err, ENOMEM, "labels")
		       : 0;
}

static int crio_labels(const char *text, json_t *labels, struct rast_err *err)
{
	_cleanup_json_ json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *key;
	json_t *v;
	int r = 0;

	if (!json_is_object(o))
		return rast_err_set(err, EINVAL, "annotations: " CRIO_LABELS ": no JSON object");
	json_object_foreach(o, key, v)
		if (r == 0)
			r = add_label(labels, CRIO_LABELS, key, v, err);
	return r;
}

static int take_labels(const json_t *annotations, json_t *labels, struct rast_err *err)
{
	const char *crio = rast_json_str(annotations, CRIO_LABELS), *key;
	json_t *v;
	int r = *crio ? crio_labels(crio, labels, err) : 0;

	json_object_foreach((json_t *)(uintptr_t)annotations, key, v)
		if (r == 0 && !strncmp(key, LABEL, strlen(LABEL)))
			r = add_label(labels, key, key + strlen(LABEL), v, err);
	return r;
}

int rast_foreign_names(const char *id, const json_t *annotations, struct rast_foreign_names *ret,
		       json_t **ret_labels, struct rast_err *err)
{
	_cleanup_json_ json_t *labels = json_object();
	struct rast_foreign_names out = {.ns = "default"};
	const char *key, *type = first(annotations, type_keys, &key);
	int r;

	if (!labels)
		return rast_err_sys(err, ENOMEM, "labels");
	r = take_name(annotations, ns_keys, rast_name_dns_label, out.ns, sizeof(out.ns), err);
	if (r >= 0)
		r = take_name(annotations, pod_keys, rast_name_dns_subdomain, out.pod,
			      sizeof(out.pod), err);
	if (r < 0)
		return r;
	out.pod_is_named = r > 0;
	if (!r)
		rast_foreign_id_name(id, false, out.pod, sizeof(out.pod));
	r = take_name(annotations, container_keys, rast_name_dns_label, out.container,
		      sizeof(out.container), err);
	if (r == 0 && type && !strcmp(type, "sandbox"))
		(void)snprintf(out.container, sizeof(out.container), "sandbox");
	if (r >= 0)
		r = take_labels(annotations, labels, err);
	if (r < 0)
		return r;
	*ret = out;
	*ret_labels = TAKE_PTR(labels);
	return 0;
}
