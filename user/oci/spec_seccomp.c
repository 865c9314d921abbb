// SPDX-License-Identifier: BSD-2-Clause
/*
 * linux.seccomp of config.json. The names of system calls are kept as they are: which of them exist is
 * the compiler's matter (container/seccomp_profile.h), and unknown ones are no error, since profiles are
 * written for kernels to come.
 */
#include "container/seccomp_profile.h"
#include "oci/spec_json.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#define MAX_ERRNO 4095u

static int one_of(struct oci_load *l, const struct oci_at *at, json_t *v,
		  const struct rast_seccomp_name *names, const char *what, uint32_t *ret)
{
	const struct rast_seccomp_name *found;
	const char *s = NULL;
	int r = oci_string(l, at, v, OCI_NONEMPTY, &s);

	if (r < 0)
		return r;
	found = rast_seccomp_name_find(names, s);
	if (!found)
		return oci_fail(l, at, "\"%.80s\" is no %s (want %s or the like)", s, what,
				names->name);
	*ret = found->value;
	return 0;
}

static int parse_action(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	return one_of(l, at, v, rast_seccomp_actions, "action", value);
}

/* What is in an action besides the kind; EPERM when errnoRet says nothing. */
static int with_data(struct oci_load *l, const struct oci_at *at, uint32_t *action,
		     const struct rast_oci_u64 *data, const char *field)
{
	const struct oci_at here = {at, field, 0};

	if (!rast_seccomp_action_takes_data(*action))
		return data->set
			       ? oci_fail(l, &here, "is for SCMP_ACT_ERRNO and SCMP_ACT_TRACE only")
			       : 0;
	if (*action == SECCOMP_RET_ERRNO && data->set && data->v > MAX_ERRNO)
		return oci_fail(l, &here, "%llu: want at most %u", (unsigned long long)data->v,
				MAX_ERRNO);
	*action |= data->set ? (uint32_t)data->v : EPERM;
	return 0;
}

/* ---- rules ---- */

static int parse_op(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	uint32_t op = 0;
	int r = one_of(l, at, v, rast_seccomp_ops, "operator", &op);

	*(enum rast_seccomp_op *)value = (enum rast_seccomp_op)op;
	return r;
}

#define ARG(k, name, member, ...) OCI_FIELD(k, name, struct rast_seccomp_arg, member, ##__VA_ARGS__)
static const struct oci_field arg_fields[] = {
	ARG(OCI_U32, "index", index, .flags = OCI_REQUIRED, .max = 5),
	ARG(OCI_U64, "value", value, .flags = OCI_REQUIRED),
	ARG(OCI_U64, "valueTwo", value_two),
	ARG(OCI_CALL, "op", op, .flags = OCI_REQUIRED, .call = parse_op),
};
static const struct oci_table arg_table =
	OCI_TABLE(arg_fields, .size = sizeof(struct rast_seccomp_arg));

struct call {
	struct rast_seccomp_call call;
	struct rast_oci_u64 data;
};

static int check_call(struct oci_load *l, const struct oci_at *at, void *object)
{
	struct call *c = object;

	return with_data(l, at, &c->call.action, &c->data, "errnoRet");
}

#define CALL(k, name, member, ...) OCI_FIELD(k, name, struct call, member, ##__VA_ARGS__)
static const struct oci_field call_fields[] = {
	CALL(OCI_STRS, "names", call.names, .count = offsetof(struct call, call.n_names),
	     .flags = OCI_REQUIRED | OCI_NONEMPTY),
	CALL(OCI_CALL, "action", call.action, .flags = OCI_REQUIRED, .call = parse_action),
	CALL(OCI_OPT_U64, "errnoRet", data, .max = 65535),
	CALL(OCI_LIST, "args", call.args, .count = offsetof(struct call, call.n_args),
	     .arg = &arg_table),
};
static const struct oci_table call_table =
	OCI_TABLE(call_fields, .size = sizeof(struct call), .check = check_call);

static int parse_calls(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	struct rast_seccomp_profile *p = value;
	struct rast_seccomp_call *calls;
	size_t i, n;
	int r = oci_want(l, at, v, JSON_ARRAY);

	if (r < 0)
		return r;
	n = json_array_size(v);
	if (n > RAST_OCI_MAX_LIST)
		return oci_fail(l, at, "%zu entries: want at most %u", n, RAST_OCI_MAX_LIST);
	calls = oci_alloc(l, (n ? n : 1) * sizeof(*calls));
	for (i = 0; calls && i < n; i++) {
		const struct oci_at here = {at, NULL, i};
		struct call c = {0};

		r = oci_object(l, &here, json_array_get(v, i), &call_table, &c);
		if (r < 0)
			return r;
		calls[i] = c.call;
	}
	p->calls = calls;
	p->n_calls = n;
	return calls ? 0 : -ENOMEM;
}

/* ---- the rest ---- */

static int parse_archs(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	struct rast_seccomp_profile *p = value;
	uint32_t *archs;
	size_t i, n;
	int r = oci_want(l, at, v, JSON_ARRAY);

	if (r < 0)
		return r;
	n = json_array_size(v);
	archs = oci_alloc(l, (n ? n : 1) * sizeof(*archs));
	for (i = 0; archs && i < n; i++) {
		const struct oci_at here = {at, NULL, i};

		r = one_of(l, &here, json_array_get(v, i), rast_seccomp_archs, "architecture",
			   &archs[i]);
		if (r < 0)
			return r;
	}
	p->archs = archs;
	p->n_archs = n;
	return archs ? 0 : -ENOMEM;
}

struct profile {
	struct rast_seccomp_profile p;
	struct rast_oci_u64 data;
	bool has_flags;
};

static int parse_flags(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	struct profile *p = value;
	size_t i;
	int r = oci_want(l, at, v, JSON_ARRAY);

	p->has_flags = true;
	for (i = 0; !r && i < json_array_size(v); i++) {
		const struct oci_at here = {at, NULL, i};
		uint32_t flag = 0;

		r = one_of(l, &here, json_array_get(v, i), rast_seccomp_flags, "flag", &flag);
		p->p.flags |= flag;
	}
	return r;
}

static int check_profile(struct oci_load *l, const struct oci_at *at, void *object)
{
	struct profile *p = object;
	const struct oci_at action = {at, "defaultAction", 0}, path = {at, "listenerPath", 0},
			    metadata = {at, "listenerMetadata", 0};

	if (p->p.default_action == SECCOMP_RET_USER_NOTIF)
		return oci_fail(l, &action,
				"SCMP_ACT_NOTIFY cannot be the default: the listener could "
				"not be reached without a system call that waits for it");
	if (p->p.listener_metadata && !p->p.listener_path)
		return oci_fail(l, &metadata, "is for nobody without listenerPath");
	if (!p->p.listener_path && rast_seccomp_profile_notifies(&p->p))
		return oci_fail(l, &path, "field is missing, and a rule has SCMP_ACT_NOTIFY");
	/* As runc and crun do; an empty list is none. */
	if (!p->has_flags)
		p->p.flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	return with_data(l, at, &p->p.default_action, &p->data, "defaultErrnoRet");
}

#define PROFILE(k, name, member, ...) OCI_FIELD(k, name, struct profile, member, ##__VA_ARGS__)
static const struct oci_field profile_fields[] = {
	PROFILE(OCI_CALL, "defaultAction", p.default_action, .flags = OCI_REQUIRED,
		.call = parse_action),
	PROFILE(OCI_OPT_U64, "defaultErrnoRet", data, .max = 65535),
	PROFILE(OCI_CALL, "architectures", p, .call = parse_archs),
	{.name = "flags", .kind = OCI_CALL, .call = parse_flags},
	PROFILE(OCI_STR, "listenerPath", p.listener_path, .flags = OCI_ABSOLUTE),
	PROFILE(OCI_STR, "listenerMetadata", p.listener_metadata),
	PROFILE(OCI_CALL, "syscalls", p, .call = parse_calls),
};
static const struct oci_table profile_table = OCI_TABLE(profile_fields, .check = check_profile);

int oci_seccomp(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	const struct rast_seccomp_profile **ret = value;
	struct profile *p = oci_alloc(l, sizeof(*p));
	int r = p ? oci_object(l, at, v, &profile_table, p) : -ENOMEM;

	if (r == 0)
		*ret = &p->p;
	return r;
}
