// SPDX-License-Identifier: BSD-2-Clause
/* The containers of a Pod manifest: command, environment, resources, security, mounts, probes. */
#include "container/log.h"
#include "container/pod_parse.h"

#include "base/quantity.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int pod_path(struct rast_pod *pod, const struct rast_yaml_node *map, const char *key, bool required,
	     const char **ret, struct rast_err *err)
{
	const struct rast_yaml_node *node;
	const char *s = NULL, *p;
	char *out;
	size_t n = 0;
	int r = rast_yaml_str(map, key, required, &s, err);

	if (r < 0 || !s)
		return r;
	node = rast_yaml_get(map, key);
	if (s[0] != '/')
		return rast_yaml_err(node, err, "\"%.80s\" is not an absolute path", s);
	if (strlen(s) >= 4096)
		return rast_yaml_err(node, err, "longer than 4095 bytes");
	out = rast_pod_alloc(pod, strlen(s) + 2);
	if (!out)
		return pod_oom(err);
	for (p = s; *p;) {
		size_t len;

		p += strspn(p, "/");
		len = strcspn(p, "/");
		if ((len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
			return rast_yaml_err(node, err, "\"%.80s\" holds \".\" or \"..\"", s);
		if (!len)
			break;
		out[n++] = '/';
		memcpy(out + n, p, len);
		n += len;
		p += len;
	}
	if (!n)
		out[n++] = '/';
	out[n] = '\0';
	*ret = out;
	return 0;
}

int pod_quantity(const struct rast_yaml_node *map, const char *key, bool milli, uint64_t *ret,
		 struct rast_err *err)
{
	const struct rast_yaml_node *c = rast_yaml_get(map, key);
	int r;

	if (!c)
		return 0;
	r = rast_yaml_want(c, RAST_YAML_SCALAR, err);
	if (r < 0)
		return r;
	/* 0.5 and 2 stand there without quotes as often as "500m" does. */
	r = milli ? rast_quantity_parse_milli(c->value, ret) : rast_quantity_parse(c->value, ret);
	if (r == -ERANGE)
		return rast_yaml_err(c, err, "\"%.40s\" is too large", c->value);
	if (r < 0)
		return rast_yaml_err(c, err, "\"%.40s\" is not a quantity (such as %s)", c->value,
				     milli ? "500m or 2" : "64Mi or 1G");
	return 0;
}

static int parse_env(struct rast_pod *pod, const struct rast_yaml_node *c,
		     struct rast_pod_container *out, struct rast_err *err)
{
	static const char *const fields[] = {"name", "value", NULL};
	const struct rast_yaml_node *seq = NULL;
	struct rast_pod_kv *env;
	size_t n = 0;
	int r;

	if ((r = rast_yaml_seq(c, "env", false, &seq, err)) < 0 || !seq ||
	    (r = pod_list(seq, RAST_POD_MAX_ARGS, err)) < 0)
		return r;
	env = rast_pod_alloc(pod, seq->count * sizeof(*env));
	if (!env)
		return pod_oom(err);
	rast_yaml_foreach(e, seq) {
		const char *value = "";

		if ((r = rast_yaml_want(e, RAST_YAML_MAP, err)) < 0 ||
		    (r = rast_yaml_check_fields(e, fields, err)) < 0 ||
		    (r = pod_str(pod, e, "name", true, &env[n].key, err)) < 0 ||
		    (r = rast_yaml_str(e, "value", false, &value, err)) < 0)
			return r;
		if (!env[n].key[0] || strchr(env[n].key, '='))
			return rast_yaml_err(rast_yaml_get(e, "name"), err,
					     "\"%.80s\" is not a variable's name", env[n].key);
		/* A value may use the variables before it. */
		env[n].value = rast_pod_expand(pod, value, env, n);
		if (!env[n].value ||
		    strlen(env[n].key) + strlen(env[n].value) > RAST_POD_MAX_ARG - 1)
			return rast_yaml_err(e, err, "longer than %d bytes", RAST_POD_MAX_ARG);
		n++;
	}
	out->env = env;
	out->n_env = n;
	return 0;
}

static int parse_command(struct rast_pod *pod, const struct rast_yaml_node *c, const char *key,
			 const struct rast_pod_container *box, const char *const **ret,
			 size_t *ret_n, struct rast_err *err)
{
	const char *const *raw = NULL;
	const char **out;
	size_t i, n = 0;
	int r = pod_strings(pod, c, key, &raw, &n, err);

	if (r < 0 || !raw)
		return r;
	out = rast_pod_alloc(pod, (n + 1) * sizeof(*out));
	if (!out)
		return pod_oom(err);
	for (i = 0; i < n; i++) {
		out[i] = rast_pod_expand(pod, raw[i], box->env, box->n_env);
		if (!out[i])
			return rast_yaml_err(rast_yaml_get(c, key), err,
					     "entry %zu is longer than %d bytes once expanded", i,
					     RAST_POD_MAX_ARG);
	}
	*ret = out;
	*ret_n = n;
	return 0;
}

static int parse_ports(struct rast_pod *pod, const struct rast_yaml_node *c,
		       struct rast_pod_container *out, struct rast_err *err)
{
	static const char *const fields[] = {"name", "containerPort", "protocol", NULL};
	const struct rast_yaml_node *seq = NULL;
	struct rast_pod_port *ports;
	size_t n = 0, i;
	int r;

	if ((r = rast_yaml_seq(c, "ports", false, &seq, err)) < 0 || !seq ||
	    (r = pod_list(seq, RAST_POD_MAX_LIST, err)) < 0)
		return r;
	ports = rast_pod_alloc(pod, seq->count * sizeof(*ports));
	if (!ports)
		return pod_oom(err);
	rast_yaml_foreach(e, seq) {
		const char *protocol = "TCP";
		int64_t port = 0;

		ports[n].name = "";
		if ((r = rast_yaml_want(e, RAST_YAML_MAP, err)) < 0 ||
		    (r = rast_yaml_check_fields(e, fields, err)) < 0 ||
		    (r = pod_name(pod, e, "name", false, false, &ports[n].name, err)) < 0 ||
		    (r = rast_yaml_int(e, "containerPort", true, 1, 65535, &port, err)) < 0 ||
		    (r = rast_yaml_str(e, "protocol", false, &protocol, err)) < 0)
			return r;
		ports[n].port = (uint16_t)port;
		if (!strcmp(protocol, "TCP"))
			ports[n].protocol = IPPROTO_TCP;
		else if (!strcmp(protocol, "UDP"))
			ports[n].protocol = IPPROTO_UDP;
		else if (!strcmp(protocol, "SCTP"))
			ports[n].protocol = IPPROTO_SCTP;
		else
			return rast_yaml_err(rast_yaml_get(e, "protocol"), err,
					     "\"%.40s\": want TCP, UDP or SCTP", protocol);
		for (i = 0; i < n; i++)
			if (*ports[n].name && !strcmp(ports[i].name, ports[n].name))
				return rast_yaml_err(rast_yaml_get(e, "name"), err,
						     "a second port named \"%s\"", ports[n].name);
		n++;
	}
	out->ports = ports;
	out->n_ports = n;
	return 0;
}

static int parse_amounts(const struct rast_yaml_node *resources, const char *key,
			 uint64_t *cpu_milli, uint64_t *mem_bytes, uint64_t *pids,
			 struct rast_err *err)
{
	static const char *const fields[] = {"cpu", "memory", "pids", NULL};
	const struct rast_yaml_node *m = NULL;
	int r;

	if ((r = rast_yaml_map(resources, key, false, &m, err)) < 0 || !m ||
	    (r = rast_yaml_check_fields(m, fields, err)) < 0 ||
	    (r = pod_quantity(m, "cpu", true, cpu_milli, err)) < 0 ||
	    (r = pod_quantity(m, "memory", false, mem_bytes, err)) < 0)
		return r;
	if (!pids && rast_yaml_get(m, "pids"))
		return rast_yaml_err(rast_yaml_get(m, "pids"), err, "pids can only be limited");
	return pids ? pod_quantity(m, "pids", false, pids, err) : 0;
}

static int parse_resources(struct rast_pod *pod, const struct rast_yaml_node *c,
			   struct rast_pod_container *out, struct rast_err *err)
{
	static const char *const fields[] = {"requests", "limits", NULL};
	const struct rast_yaml_node *res = NULL;
	size_t i;
	int r;

	for (i = 0; i < pod->n_annotations; i++) {
		const struct rast_pod_kv *a = &pod->annotations[i];

		if (!strcmp(a->key, "rast.os/pids") &&
		    (rast_quantity_parse(a->value, &out->pids_limit) < 0 || !out->pids_limit))
			return rast_yaml_err(c, err,
					     "annotation rast.os/pids: \"%.40s\" is not a number",
					     a->value);
		if (!strcmp(a->key, "rast.os/log-max-bytes") &&
		    (rast_quantity_parse(a->value, &out->log_max_bytes) < 0 ||
		     out->log_max_bytes < RAST_LOG_MAX_LEAST || out->log_max_bytes > INT64_MAX / 2))
			return rast_yaml_err(
				c, err,
				"annotation rast.os/log-max-bytes: \"%.40s\": want 64Ki or more",
				a->value);
	}
	if ((r = rast_yaml_map(c, "resources", false, &res, err)) < 0 || !res ||
	    (r = rast_yaml_check_fields(res, fields, err)) < 0 ||
	    (r = parse_amounts(res, "requests", &out->cpu_request_milli, &out->mem_request_bytes,
			       NULL, err)) < 0 ||
	    (r = parse_amounts(res, "limits", &out->cpu_limit_milli, &out->mem_limit_bytes,
			       &out->pids_limit, err)) < 0)
		return r;
	if (out->cpu_limit_milli && out->cpu_request_milli > out->cpu_limit_milli)
		return rast_yaml_err(res, err, "the cpu request is above the limit");
	if (out->mem_limit_bytes && out->mem_request_bytes > out->mem_limit_bytes)
		return rast_yaml_err(res, err, "the memory request is above the limit");
	return 0;
}

static int parse_caps(const struct rast_yaml_node *caps, const char *key, uint64_t *ret,
		      struct rast_err *err)
{
	const struct rast_yaml_node *seq = NULL;
	int r;

	if ((r = rast_yaml_seq(caps, key, false, &seq, err)) < 0 || !seq ||
	    (r = pod_list(seq, RAST_POD_MAX_LIST, err)) < 0)
		return r;
	rast_yaml_foreach(e, seq) {
		int cap;

		r = rast_yaml_want(e, RAST_YAML_SCALAR, err);
		if (r < 0)
			return r;
		cap = strcmp(e->value, "ALL") ? rast_pod_capability(e->value) : 64;
		if (cap < 0)
			return rast_yaml_err(e, err, "\"%.40s\" is not a capability", e->value);
		*ret |= cap == 64 ? ~0ull : 1ull << cap;
	}
	return 0;
}

static int parse_security(const struct rast_yaml_node *c, struct rast_pod_container *out,
			  struct rast_err *err)
{
	static const char *const fields[] = {"runAsUser",      "runAsGroup",
					     "privileged",     "readOnlyRootFilesystem",
					     "capabilities",   "allowPrivilegeEscalation",
					     "seccompProfile", NULL};
	static const char *const cap_fields[] = {"add", "drop", NULL};
	static const char *const seccomp_fields[] = {"type", NULL};
	const struct rast_yaml_node *sec = NULL, *caps = NULL, *seccomp = NULL;
	const char *type = "RuntimeDefault";
	int64_t uid = out->uid, gid = out->gid;
	bool privileged = false;
	int r;

	if ((r = rast_yaml_map(c, "securityContext", false, &sec, err)) < 0 || !sec ||
	    (r = rast_yaml_check_fields(sec, fields, err)) < 0 ||
	    (r = rast_yaml_int(sec, "runAsUser", false, 0, RAST_POD_MAX_ID, &uid, err)) < 0 ||
	    (r = rast_yaml_int(sec, "runAsGroup", false, 0, RAST_POD_MAX_ID, &gid, err)) < 0 ||
	    (r = rast_yaml_bool(sec, "privileged", false, &privileged, err)) < 0 ||
	    (r = rast_yaml_bool(sec, "readOnlyRootFilesystem", false, &out->read_only_root, err)) <
		    0 ||
	    (r = rast_yaml_bool(sec, "allowPrivilegeEscalation", false,
				&out->allow_privilege_escalation, err)) < 0 ||
	    (r = rast_yaml_map(sec, "capabilities", false, &caps, err)) < 0 ||
	    (r = rast_yaml_map(sec, "seccompProfile", false, &seccomp, err)) < 0)
		return r;
	if (privileged)
		return rast_yaml_err(rast_yaml_get(sec, "privileged"), err,
				     "a privileged container would own the node; add the "
				     "capabilities that it needs instead");
	out->uid = (uint32_t)uid;
	out->gid = (uint32_t)gid;
	if (caps && ((r = rast_yaml_check_fields(caps, cap_fields, err)) < 0 ||
		     (r = parse_caps(caps, "add", &out->cap_add, err)) < 0 ||
		     (r = parse_caps(caps, "drop", &out->cap_drop, err)) < 0))
		return r;
	if (out->cap_add == ~0ull)
		return rast_yaml_err(rast_yaml_get(caps, "add"), err,
				     "ALL would make a privileged container; name those needed");
	if (!seccomp)
		return 0;
	if ((r = rast_yaml_check_fields(seccomp, seccomp_fields, err)) < 0 ||
	    (r = rast_yaml_str(seccomp, "type", true, &type, err)) < 0)
		return r;
	if (!strcmp(type, "Unconfined"))
		out->seccomp = RAST_SECCOMP_UNCONFINED;
	else if (strcmp(type, "RuntimeDefault") != 0)
		return rast_yaml_err(rast_yaml_get(seccomp, "type"), err,
				     "\"%.40s\": want RuntimeDefault or Unconfined", type);
	return 0;
}

static int parse_mounts(struct rast_pod *pod, const struct rast_yaml_node *c,
			struct rast_pod_container *out, struct rast_err *err)
{
	static const char *const fields[] = {"name", "mountPath", "subPath", "readOnly", NULL};
	const struct rast_yaml_node *seq = NULL;
	struct rast_pod_mount *mounts;
	size_t n = 0, i;
	int r;

	if ((r = rast_yaml_seq(c, "volumeMounts", false, &seq, err)) < 0 || !seq ||
	    (r = pod_list(seq, RAST_POD_MAX_LIST, err)) < 0)
		return r;
	mounts = rast_pod_alloc(pod, seq->count * sizeof(*mounts));
	if (!mounts)
		return pod_oom(err);
	rast_yaml_foreach(e, seq) {
		const char *name = NULL;

		mounts[n].sub_path = "";
		if ((r = rast_yaml_want(e, RAST_YAML_MAP, err)) < 0 ||
		    (r = rast_yaml_check_fields(e, fields, err)) < 0 ||
		    (r = rast_yaml_str(e, "name", true, &name, err)) < 0 ||
		    (r = pod_path(pod, e, "mountPath", true, &mounts[n].path, err)) < 0 ||
		    (r = pod_str(pod, e, "subPath", false, &mounts[n].sub_path, err)) < 0 ||
		    (r = rast_yaml_bool(e, "readOnly", false, &mounts[n].read_only, err)) < 0)
			return r;
		if (!strcmp(mounts[n].path, "/"))
			return rast_yaml_err(rast_yaml_get(e, "mountPath"), err,
					     "a volume cannot be the root");
		if (mounts[n].sub_path[0] == '/' || strstr(mounts[n].sub_path, ".."))
			return rast_yaml_err(rast_yaml_get(e, "subPath"), err,
					     "want a relative path without \"..\"");
		for (i = 0; i < pod->n_volumes; i++)
			if (!strcmp(pod->volumes[i].name, name))
				break;
		if (i == pod->n_volumes)
			return rast_yaml_err(rast_yaml_get(e, "name"), err,
					     "there is no volume \"%.80s\"", name);
		mounts[n].volume = (int)i;
		for (i = 0; i < n; i++)
			if (!strcmp(mounts[i].path, mounts[n].path))
				return rast_yaml_err(rast_yaml_get(e, "mountPath"), err,
						     "a second mount at %.80s", mounts[n].path);
		n++;
	}
	out->mounts = mounts;
	out->n_mounts = n;
	return 0;
}

/* A number, or the name of one of the container's ports. */
static int parse_port_ref(const struct rast_yaml_node *m, const struct rast_pod_container *box,
			  uint16_t *ret, struct rast_err *err)
{
	const struct rast_yaml_node *p = rast_yaml_get(m, "port");
	int64_t n = 0;
	size_t i;
	int r;

	if (p && p->type == RAST_YAML_SCALAR && rast_yaml_is_string(p)) {
		for (i = 0; i < box->n_ports; i++)
			if (!strcmp(box->ports[i].name, p->value) && *p->value) {
				*ret = box->ports[i].port;
				return 0;
			}
		return rast_yaml_err(p, err, "the container has no port named \"%.80s\"", p->value);
	}
	r = rast_yaml_int(m, "port", true, 1, 65535, &n, err);
	if (r == 0)
		*ret = (uint16_t)n;
	return r;
}

static int parse_probe(struct rast_pod *pod, const struct rast_yaml_node *c, const char *key,
		       const struct rast_pod_container *box, struct rast_pod_probe *out,
		       struct rast_err *err)
{
	static const char *const fields[] = {
		"httpGet",          "tcpSocket",           "exec",
		"periodSeconds",    "timeoutSeconds",      "failureThreshold",
		"successThreshold", "initialDelaySeconds", NULL};
	static const char *const http_fields[] = {"path", "port", "host", "scheme", NULL};
	static const char *const tcp_fields[] = {"port", "host", NULL};
	static const char *const exec_fields[] = {"command", NULL};
	const struct rast_yaml_node *p = NULL, *http = NULL, *tcp = NULL, *exec = NULL;
	int64_t delay = 0, period = 10, timeout = 1, failures = 3, successes = 1;
	const char *scheme = "HTTP";
	size_t n = 0;
	int r;

	if ((r = rast_yaml_map(c, key, false, &p, err)) < 0 || !p ||
	    (r = rast_yaml_check_fields(p, fields, err)) < 0 ||
	    (r = rast_yaml_map(p, "httpGet", false, &http, err)) < 0 ||
	    (r = rast_yaml_map(p, "tcpSocket", false, &tcp, err)) < 0 ||
	    (r = rast_yaml_map(p, "exec", false, &exec, err)) < 0 ||
	    (r = rast_yaml_int(p, "initialDelaySeconds", false, 0, 86400, &delay, err)) < 0 ||
	    (r = rast_yaml_int(p, "periodSeconds", false, 1, 86400, &period, err)) < 0 ||
	    (r = rast_yaml_int(p, "timeoutSeconds", false, 1, 3600, &timeout, err)) < 0 ||
	    (r = rast_yaml_int(p, "failureThreshold", false, 1, 1000, &failures, err)) < 0 ||
	    (r = rast_yaml_int(p, "successThreshold", false, 1, 1000, &successes, err)) < 0)
		return r;
	if (!!http + !!tcp + !!exec != 1)
		return rast_yaml_err(p, err, "want one of httpGet, tcpSocket and exec");
	out->host = "";
	out->path = "/";
	if (http) {
		out->kind = RAST_PROBE_HTTP;
		if ((r = rast_yaml_check_fields(http, http_fields, err)) < 0 ||
		    (r = parse_port_ref(http, box, &out->port, err)) < 0 ||
		    (r = pod_str(pod, http, "path", false, &out->path, err)) < 0 ||
		    (r = pod_str(pod, http, "host", false, &out->host, err)) < 0 ||
		    (r = rast_yaml_str(http, "scheme", false, &scheme, err)) < 0)
			return r;
		if (strcmp(scheme, "HTTP") != 0)
			return rast_yaml_err(rast_yaml_get(http, "scheme"), err, "want HTTP");
		if (out->path[0] != '/' || strpbrk(out->path, " \r\n"))
			return rast_yaml_err(rast_yaml_get(http, "path"), err,
					     "want a path that begins with / and has no blanks");
	} else if (tcp) {
		out->kind = RAST_PROBE_TCP;
		if ((r = rast_yaml_check_fields(tcp, tcp_fields, err)) < 0 ||
		    (r = parse_port_ref(tcp, box, &out->port, err)) < 0 ||
		    (r = pod_str(pod, tcp, "host", false, &out->host, err)) < 0)
			return r;
	} else {
		out->kind = RAST_PROBE_EXEC;
		if ((r = rast_yaml_check_fields(exec, exec_fields, err)) < 0 ||
		    (r = pod_strings(pod, exec, "command", &out->command, &n, err)) < 0)
			return r;
		if (!n)
			return rast_yaml_err(exec, err, "field \"command\" is missing or empty");
	}
	out->initial_delay_s = (unsigned int)delay;
	out->period_s = (unsigned int)period;
	out->timeout_s = (unsigned int)timeout;
	out->failures = (unsigned int)failures;
	out->successes = (unsigned int)successes;
	return 0;
}

static int parse_container(struct rast_pod *pod, const struct rast_yaml_node *c,
			   struct rast_pod_container *out, struct rast_err *err)
{
	static const char *const fields[] = {"name",
					     "image",
					     "command",
					     "args",
					     "env",
					     "workingDir",
					     "ports",
					     "resources",
					     "securityContext",
					     "volumeMounts",
					     "readinessProbe",
					     "livenessProbe",
					     NULL};
	int r;

	out->working_dir = "/";
	if ((r = rast_yaml_want(c, RAST_YAML_MAP, err)) < 0 ||
	    (r = rast_yaml_check_fields(c, fields, err)) < 0 ||
	    (r = pod_name(pod, c, "name", true, false, &out->name, err)) < 0 ||
	    (r = pod_str(pod, c, "image", true, &out->image, err)) < 0)
		return r;
	if (!*out->image)
		return rast_yaml_err(rast_yaml_get(c, "image"), err, "is empty");
	if ((r = parse_env(pod, c, out, err)) < 0 ||
	    (r = parse_command(pod, c, "command", out, &out->command, &out->n_command, err)) < 0 ||
	    (r = parse_command(pod, c, "args", out, &out->args, &out->n_args, err)) < 0 ||
	    (r = pod_path(pod, c, "workingDir", false, &out->working_dir, err)) < 0 ||
	    (r = parse_ports(pod, c, out, err)) < 0 ||
	    (r = parse_resources(pod, c, out, err)) < 0 || (r = parse_security(c, out, err)) < 0 ||
	    (r = parse_mounts(pod, c, out, err)) < 0 ||
	    (r = parse_probe(pod, c, "readinessProbe", out, &out->readiness, err)) < 0)
		return r;
	return parse_probe(pod, c, "livenessProbe", out, &out->liveness, err);
}

int pod_containers(struct rast_pod *pod, const struct rast_yaml_node *spec, uint32_t uid,
		   uint32_t gid, struct rast_err *err)
{
	const struct rast_yaml_node *seq = NULL;
	struct rast_pod_container *out;
	size_t n = 0, i;
	int r;

	if ((r = rast_yaml_seq(spec, "containers", true, &seq, err)) < 0 ||
	    (r = pod_list(seq, RAST_POD_MAX_CONTAINERS, err)) < 0)
		return r;
	if (!seq->count)
		return rast_yaml_err(seq, err, "want at least one container");
	out = rast_pod_alloc(pod, seq->count * sizeof(*out));
	if (!out)
		return pod_oom(err);
	rast_yaml_foreach(c, seq) {
		out[n].uid = uid;
		out[n].gid = gid;
		r = parse_container(pod, c, &out[n], err);
		if (r < 0)
			return r;
		for (i = 0; i < n; i++)
			if (!strcmp(out[i].name, out[n].name))
				return rast_yaml_err(rast_yaml_get(c, "name"), err,
						     "a second container named \"%s\"",
						     out[n].name);
		n++;
	}
	pod->containers = out;
	pod->n_containers = n;
	return 0;
}
