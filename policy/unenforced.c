// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the language has and no program enforces yet: refused at its field, so that nobody believes
 * in a rule that is not there. The document has been parsed before and is well-formed. Whoever makes
 * a field work takes its line out of here.
 */
#include "policy/set.h"

#include <string.h>

static int refuse(const struct rast_yaml_node *n, const char *what, struct rast_err *err)
{
	return n ? rast_yaml_err(n, err, "%s not enforced yet", what) : 0;
}

/* Names are learnt for what is enforced alone. */
static int staged_names(const struct rast_yaml_node *map, struct rast_err *err)
{
	int r = refuse(rast_yaml_get(map, "dns"), "dns of a staged policy is", err);

	rast_yaml_foreach(p, rast_yaml_get(map, "to"))
		r = r ? r : refuse(rast_yaml_get(p, "fqdns"), "names of a staged policy are", err);
	return r;
}

static int rule(const struct rast_yaml_node *map, bool staged, struct rast_err *err)
{
	int r = refuse(rast_yaml_get(map, "rateLimit"), "rateLimit is", err);

	return r || !staged ? r : staged_names(map, err);
}

int rast_policy_check_enforced(const struct rast_yaml_node *doc, struct rast_err *err)
{
	static const char *const lists[] = {"ingress", "egress", "ingressDeny", "egressDeny"};
	const struct rast_yaml_node *spec = rast_yaml_get(doc, "spec");
	const struct rast_yaml_node *mode = rast_yaml_get(spec, "mode");
	bool staged = mode && !strcmp(mode->value, "Staged");
	int r = 0;

	if (!strcmp(rast_yaml_get(doc, "kind")->value, "NodeNetworkPolicy"))
		r = refuse(rast_yaml_get(doc, "kind"), "NodeNetworkPolicy is", err);
	for (size_t i = 0; !r && i < ARRAY_SIZE(lists); i++) {
		rast_yaml_foreach(n, rast_yaml_get(spec, lists[i]))
			r = r ? r : rule(n, staged, err);
	}
	return r;
}
