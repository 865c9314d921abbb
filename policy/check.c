// SPDX-License-Identifier: BSD-2-Clause
/*
 * Is the world one that can be compiled? Two pods of one identity or one address would get each
 * other's verdicts, so that is refused here and nowhere later.
 */
#include "policy/stage.h"

#include <errno.h>
#include <string.h>

static int cmp_name(const void *a, const void *b)
{
	const struct rast_policy_pod *x = *(const struct rast_policy_pod *const *)a;
	const struct rast_policy_pod *y = *(const struct rast_policy_pod *const *)b;
	int c = strcmp(x->ns, y->ns);

	return c ? c : strcmp(x->name, y->name);
}

static int cmp_identity(const void *a, const void *b)
{
	const struct rast_policy_pod *x = *(const struct rast_policy_pod *const *)a;
	const struct rast_policy_pod *y = *(const struct rast_policy_pod *const *)b;

	return x->identity != y->identity ? (x->identity < y->identity ? -1 : 1) : cmp_name(a, b);
}

static int cmp_addr4(const void *a, const void *b)
{
	const struct rast_policy_pod *x = *(const struct rast_policy_pod *const *)a;
	const struct rast_policy_pod *y = *(const struct rast_policy_pod *const *)b;

	return x->addr4 != y->addr4 ? (x->addr4 < y->addr4 ? -1 : 1) : cmp_name(a, b);
}

static int cmp_addr6(const void *a, const void *b)
{
	const struct rast_policy_pod *x = *(const struct rast_policy_pod *const *)a;
	const struct rast_policy_pod *y = *(const struct rast_policy_pod *const *)b;
	int c = memcmp(x->addr6, y->addr6, 16);

	return c ? c : cmp_name(a, b);
}

int rast_policy_check_world(const struct rast_policy_world *world, struct rast_err *err)
{
	_cleanup_free_ const struct rast_policy_pod **p = NULL;
	size_t n = world->n_pods;
	char text[64];

	if (!n)
		return 0;
	if (n > RAST_MAX_IDENTITIES - RAST_IDENTITY_FIRST)
		return rast_err_set(err, E2BIG, "%zu pods, more than %u", n,
				    RAST_MAX_IDENTITIES - RAST_IDENTITY_FIRST);
	p = calloc(n, sizeof(*p));
	if (!p)
		return rast_err_sys(err, ENOMEM, "policy world");
	for (size_t i = 0; i < n; i++) {
		p[i] = &world->pods[i];
		if (p[i]->identity < RAST_IDENTITY_FIRST || p[i]->identity >= RAST_MAX_IDENTITIES)
			return rast_err_set(err, EINVAL,
					    "pod %s/%s has identity %u, not one of %u to %u",
					    p[i]->ns, p[i]->name, p[i]->identity,
					    RAST_IDENTITY_FIRST, RAST_MAX_IDENTITIES - 1);
	}
	qsort(p, n, sizeof(*p), cmp_name);
	for (size_t i = 1; i < n; i++)
		if (!cmp_name(&p[i - 1], &p[i]))
			return rast_err_set(err, EEXIST, "pod %s/%s is there twice", p[i]->ns,
					    p[i]->name);
	qsort(p, n, sizeof(*p), cmp_identity);
	for (size_t i = 1; i < n; i++)
		if (p[i - 1]->identity == p[i]->identity)
			return rast_err_set(
				err, EEXIST, "pods %s/%s and %s/%s both have identity %u",
				p[i - 1]->ns, p[i - 1]->name, p[i]->ns, p[i]->name, p[i]->identity);
	qsort(p, n, sizeof(*p), cmp_addr4);
	for (size_t i = 1; i < n; i++)
		if (p[i]->addr4 && p[i - 1]->addr4 == p[i]->addr4)
			return rast_err_set(
				err, EEXIST, "pods %s/%s and %s/%s both have address %s",
				p[i - 1]->ns, p[i - 1]->name, p[i]->ns, p[i]->name,
				rast_addr_format(false, p[i]->addr4, text, sizeof(text)));
	qsort(p, n, sizeof(*p), cmp_addr6);
	for (size_t i = 1; i < n; i++)
		if (rast_addr_from_bytes(p[i]->addr6) && !memcmp(p[i - 1]->addr6, p[i]->addr6, 16))
			return rast_err_set(
				err, EEXIST, "pods %s/%s and %s/%s both have address %s",
				p[i - 1]->ns, p[i - 1]->name, p[i]->ns, p[i]->name,
				rast_addr_format(true, rast_addr_from_bytes(p[i]->addr6), text,
						 sizeof(text)));
	return 0;
}
