// SPDX-License-Identifier: BSD-2-Clause
/*
 * The set of parsed documents, kept sorted, so that whatever is made from it does not depend on the
 * order in which they came.
 */
#include "policy/set.h"

#include <errno.h>
#include <string.h>

void rast_policy_destroy(struct rast_policy *p)
{
	if (!p)
		return;
	json_decref(p->doc);
	rast_arena_finish(&p->arena);
	free(p);
}

void rast_policy_ns_doc_destroy(struct rast_policy_ns_doc *d)
{
	if (!d)
		return;
	json_decref(d->doc);
	rast_arena_finish(&d->arena);
	free(d);
}

const char *rast_policy_file_of(const struct rast_yaml_node *doc, struct rast_arena *a)
{
	char *file = rast_arena_str(a, rast_yaml_file(doc->doc));
	json_t *text = file ? json_string(file) : NULL;

	/* It goes into JSON, which has no place for a name that is not UTF-8. */
	for (char *c = file; file && !text && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	json_decref(text);
	return file;
}

int rast_policy_set_create(struct rast_policy_set **ret)
{
	struct rast_policy_set *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*ret = s;
	return 0;
}

void rast_policy_set_destroy(struct rast_policy_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n_policies; i++)
		rast_policy_destroy(set->policies[i]);
	for (size_t i = 0; i < set->n_namespaces; i++)
		rast_policy_ns_doc_destroy(set->namespaces[i]);
	free(set->policies);
	free(set->namespaces);
	free(set);
}

/* By what makes two documents the same one. */
static int cmp_id(const struct rast_policy *p, const char *kind, const char *ns, const char *name)
{
	int c = strcmp(p->kind, kind);

	if (!c)
		c = strcmp(p->ns, ns);
	return c ? c : strcmp(p->name, name);
}

/* By precedence first. */
static int cmp(const struct rast_policy *a, const struct rast_policy *b)
{
	if (a->tier != b->tier)
		return a->tier < b->tier ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return cmp_id(a, b->kind, b->ns, b->name);
}

static int cmp_policy(const void *a, const void *b)
{
	return cmp(*(struct rast_policy *const *)a, *(struct rast_policy *const *)b);
}

static int cmp_ns(const void *a, const void *b)
{
	return strcmp((*(struct rast_policy_ns_doc *const *)a)->name,
		      (*(struct rast_policy_ns_doc *const *)b)->name);
}

static const char *kind_of(const struct rast_yaml_node *doc)
{
	const struct rast_yaml_node *k = rast_yaml_get(doc, "kind");

	return k && k->type == RAST_YAML_SCALAR ? k->value : "";
}

/* NULL parse: Namespace, which is no policy. */
static const struct kind {
	const char *name;
	bool in_ns;
	enum rast_policy_tier tier; /* of all that are of this kind, unless `tiers` */
	bool tiers, rast;
	int (*parse)(const struct rast_yaml_node *doc, struct rast_policy **ret,
		     struct rast_err *err);
} kinds[] = {
	{.name = "NetworkPolicy",
	 .in_ns = true,
	 .tier = RAST_TIER_NETPOL,
	 .parse = rast_policy_parse_netpol},
	{.name = "ClusterNetworkPolicy", .tiers = true, .parse = rast_policy_parse_cluster},
	{.name = "ContainerNetworkPolicy",
	 .in_ns = true,
	 .tier = RAST_TIER_NETPOL,
	 .rast = true,
	 .parse = rast_policy_parse_container},
	{.name = "NodeNetworkPolicy",
	 .tier = RAST_TIER_NETPOL,
	 .rast = true,
	 .parse = rast_policy_parse_node},
	{.name = "Namespace"},
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

bool rast_policy_kind_known(const char *kind)
{
	return find_kind(kind);
}

bool rast_policy_kind_in_namespace(const char *kind)
{
	const struct kind *k = find_kind(kind);

	return k && k->in_ns;
}

bool rast_policy_set_wants(const struct rast_yaml_node *doc)
{
	return find_kind(kind_of(doc));
}

/* Parses into the end of the arrays; does not sort. */
static int append(const struct rast_yaml_node *doc, struct rast_policy_set *set,
		  struct rast_err *err)
{
	const struct kind *k;
	const char *kind;
	int r;

	r = rast_yaml_want(doc, RAST_YAML_MAP, err);
	if (!r)
		r = rast_yaml_str(doc, "kind", true, &kind, err);
	if (r < 0)
		return r;
	k = find_kind(kind);
	if (!k)
		return rast_yaml_err(rast_yaml_get(doc, "kind"), err,
				     "want " RAST_POLICY_KINDS ", got \"%.64s\"", kind);
	if (rast_array_grow(&set->policies, set->n_policies, sizeof(*set->policies)) < 0 ||
	    rast_array_grow(&set->namespaces, set->n_namespaces, sizeof(*set->namespaces)) < 0)
		return rast_err_sys(err, ENOMEM, "policy set");
	if (!k->parse) {
		r = rast_policy_parse_namespace(doc, &set->namespaces[set->n_namespaces], err);
		set->n_namespaces += !r;
		return r;
	}
	r = k->parse(doc, &set->policies[set->n_policies], err);
	if (r < 0)
		return r;
	r = k->rast ? rast_policy_check_enforced(doc, err) : 0;
	if (r < 0)
		rast_policy_destroy(set->policies[set->n_policies]);
	else
		set->n_policies++;
	return r;
}

/* Of most kinds all have one precedence and so are sorted by name; the others are few. */
static size_t find_policy(const struct rast_policy_set *set, size_t n, const char *kind,
			  const char *ns, const char *name)
{
	const struct kind *of = find_kind(kind);
	struct rast_policy key = {.kind = kind, .ns = ns, .name = name};
	struct rast_policy *k = &key, **found;

	if (of && !of->tiers) {
		key.tier = of->tier;
		found = n ? bsearch(&k, set->policies, n, sizeof(k), cmp_policy) : NULL;
		return found ? (size_t)(found - set->policies) : n;
	}
	for (size_t i = 0; i < n; i++)
		if (!cmp_id(set->policies[i], kind, ns, name))
			return i;
	return n;
}

static size_t find_ns(const struct rast_policy_set *set, size_t n, const char *name)
{
	struct rast_policy_ns_doc key = {.name = name}, *k = &key, **found;

	found = n ? bsearch(&k, set->namespaces, n, sizeof(k), cmp_ns) : NULL;
	return found ? (size_t)(found - set->namespaces) : n;
}

static int twice(const char *kind, const char *ns, const char *name, const char *file, int line,
		 const char *other_file, int other_line, struct rast_err *err)
{
	return rast_err_at(err, EEXIST, file, line, 1, "metadata.name",
			   "%s \"%s%s%s\" is already defined at %s:%d", kind, ns, *ns ? "/" : "",
			   name, other_file, other_line);
}

static void sort(struct rast_policy_set *set)
{
	if (set->n_policies)
		qsort(set->policies, set->n_policies, sizeof(*set->policies), cmp_policy);
	if (set->n_namespaces)
		qsort(set->namespaces, set->n_namespaces, sizeof(*set->namespaces), cmp_ns);
}

int rast_policy_set_insert(const struct rast_yaml_node *doc, struct rast_policy_set *set,
			   struct rast_policy **ret_policy, struct rast_policy_ns_doc **ret_ns,
			   struct rast_err *err)
{
	size_t np = set->n_policies, nn = set->n_namespaces, i;
	int r = append(doc, set, err);

	if (r < 0)
		return r;
	if (set->n_policies > np) {
		struct rast_policy *p = set->policies[np];

		i = find_policy(set, np, p->kind, p->ns, p->name);
		if (i < np) {
			r = twice(p->kind, p->ns, p->name, p->file, p->line, set->policies[i]->file,
				  set->policies[i]->line, err);
			rast_policy_destroy(p);
			set->n_policies = np;
			return r;
		}
		for (i = np; i && cmp(set->policies[i - 1], p) > 0; i--)
			set->policies[i] = set->policies[i - 1];
		set->policies[i] = p;
		*ret_policy = p;
	} else {
		struct rast_policy_ns_doc *d = set->namespaces[nn];

		i = find_ns(set, nn, d->name);
		if (i < nn) {
			r = twice("Namespace", "", d->name, d->file, d->line,
				  set->namespaces[i]->file, set->namespaces[i]->line, err);
			rast_policy_ns_doc_destroy(d);
			set->n_namespaces = nn;
			return r;
		}
		for (i = nn; i && strcmp(set->namespaces[i - 1]->name, d->name) > 0; i--)
			set->namespaces[i] = set->namespaces[i - 1];
		set->namespaces[i] = d;
		*ret_ns = d;
	}
	return 0;
}

int rast_policy_set_parse(const struct rast_yaml_node *doc, struct rast_policy_set *set,
			  struct rast_err *err)
{
	struct rast_policy *p;
	struct rast_policy_ns_doc *d;

	return rast_policy_set_insert(doc, set, &p, &d, err);
}

/* A delete needs no more of a document than its name. */
static int key_of(const struct rast_yaml_node *doc, const char **ret_kind, const char **ret_ns,
		  const char **ret_name, struct rast_err *err)
{
	const struct rast_yaml_node *meta = NULL;
	int r;

	*ret_kind = kind_of(doc);
	*ret_ns = "default";
	r = rast_yaml_want(doc, RAST_YAML_MAP, err);
	if (!r)
		r = rast_yaml_map(doc, "metadata", true, &meta, err);
	if (!r)
		r = rast_yaml_str(meta, "name", true, ret_name, err);
	if (!r)
		r = rast_yaml_str(meta, "namespace", false, ret_ns, err);
	if (!r && !rast_policy_kind_in_namespace(*ret_kind))
		*ret_ns = "";
	return r;
}

static int take_out(struct rast_policy_set *set, const struct rast_yaml_node *doc,
		    struct rast_err *err)
{
	const char *kind, *ns, *name = NULL;
	size_t i;
	int r = key_of(doc, &kind, &ns, &name, err);

	if (r < 0)
		return r;
	if (!strcmp(kind, "Namespace")) {
		i = find_ns(set, set->n_namespaces, name);
		if (i < set->n_namespaces) {
			rast_policy_ns_doc_destroy(set->namespaces[i]);
			set->namespaces[i] = NULL;
			set->n_namespaces--;
			memmove(&set->namespaces[i], &set->namespaces[i + 1],
				(set->n_namespaces - i) * sizeof(*set->namespaces));
			return 0;
		}
	} else {
		i = find_policy(set, set->n_policies, kind, ns, name);
		if (i < set->n_policies) {
			rast_policy_destroy(set->policies[i]);
			set->policies[i] = NULL;
			set->n_policies--;
			memmove(&set->policies[i], &set->policies[i + 1],
				(set->n_policies - i) * sizeof(*set->policies));
			return 0;
		}
	}
	return rast_err_at(err, ENOENT, rast_yaml_file(doc->doc), doc->line, doc->col, NULL,
			   "%.64s \"%.64s%s%.64s\" is not applied", *kind ? kind : "object", ns,
			   *ns ? "/" : "", name);
}

/* Are the names of the documents that take_out() would get all there, each once? */
static int check_removal(const struct rast_policy_set *set,
			 const struct rast_yaml_node *const *docs, size_t n, struct rast_err *err)
{
	for (size_t i = 0; i < n; i++) {
		const char *kind, *ns, *name = NULL, *kind2, *ns2, *name2 = NULL;
		int r = key_of(docs[i], &kind, &ns, &name, err);
		bool there;

		if (r < 0)
			return r;
		there = strcmp(kind, "Namespace")
				? find_policy(set, set->n_policies, kind, ns, name) <
					  set->n_policies
				: find_ns(set, set->n_namespaces, name) < set->n_namespaces;
		for (size_t j = 0; there && j < i; j++)
			there = key_of(docs[j], &kind2, &ns2, &name2, NULL) < 0 ||
				strcmp(kind, kind2) || strcmp(ns, ns2) || strcmp(name, name2);
		if (!there)
			return rast_err_at(err, ENOENT, rast_yaml_file(docs[i]->doc), docs[i]->line,
					   docs[i]->col, NULL,
					   "%.64s \"%.64s%s%.64s\" is not applied",
					   *kind ? kind : "object", ns, *ns ? "/" : "", name);
	}
	return 0;
}

/* Moves all of `from` into `to`, in the place of what has the same name there. */
static int merge(struct rast_policy_set *to, struct rast_policy_set *from, struct rast_err *err)
{
	struct rast_policy **pp;
	struct rast_policy_ns_doc **nn;
	size_t n = 0, room = 1;

	while (room < to->n_policies + from->n_policies ||
	       room < to->n_namespaces + from->n_namespaces)
		room *= 2;
	pp = realloc(to->policies, room * sizeof(*pp));
	if (pp)
		to->policies = pp;
	nn = realloc(to->namespaces, room * sizeof(*nn));
	if (nn)
		to->namespaces = nn;
	if (!pp || !nn)
		return rast_err_sys(err, ENOMEM, "policy set");
	/* The old ones go, the new ones come behind the rest, then all is sorted. */
	for (size_t i = 0; i < to->n_policies; i++) {
		struct rast_policy *p = pp[i];

		if (find_policy(from, from->n_policies, p->kind, p->ns, p->name) < from->n_policies)
			rast_policy_destroy(p);
		else
			pp[n++] = p;
	}
	memcpy(pp + n, from->policies, from->n_policies * sizeof(*pp));
	to->n_policies = n + from->n_policies;
	n = 0;
	for (size_t i = 0; i < to->n_namespaces; i++) {
		if (find_ns(from, from->n_namespaces, nn[i]->name) < from->n_namespaces)
			rast_policy_ns_doc_destroy(nn[i]);
		else
			nn[n++] = nn[i];
	}
	memcpy(nn + n, from->namespaces, from->n_namespaces * sizeof(*nn));
	to->n_namespaces = n + from->n_namespaces;
	from->n_policies = from->n_namespaces = 0;
	sort(to);
	return 0;
}

int rast_policy_set_apply(struct rast_policy_set *set, const struct rast_yaml_node *const *docs,
			  size_t n, bool remove, struct rast_err *err)
{
	_cleanup_policy_set_ struct rast_policy_set *more = NULL;
	int r;

	if (remove) {
		r = check_removal(set, docs, n, err);
		for (size_t i = 0; !r && i < n; i++)
			r = take_out(set, docs[i], err);
		return r;
	}
	r = rast_policy_set_create(&more);
	if (r < 0)
		return rast_err_sys(err, -r, "policy set");
	for (size_t i = 0; !r && i < n; i++)
		r = rast_policy_set_parse(docs[i], more, err);
	return r ? r : merge(set, more, err);
}

size_t rast_policy_set_count(const struct rast_policy_set *set)
{
	return set->n_policies + set->n_namespaces;
}

void rast_policy_set_promote(struct rast_policy_set *set)
{
	for (size_t i = 0; i < set->n_policies; i++)
		set->policies[i]->staged = false;
}

bool rast_policy_set_has(const struct rast_policy_set *set, const json_t *doc)
{
	for (size_t i = 0; i < set->n_policies; i++)
		if (json_equal(set->policies[i]->doc, doc))
			return true;
	for (size_t i = 0; i < set->n_namespaces; i++)
		if (json_equal(set->namespaces[i]->doc, doc))
			return true;
	return false;
}

json_t *rast_policy_set_to_json(const struct rast_policy_set *set)
{
	static const char *const tiers[] = {"admin", "network policy", "baseline"};
	json_t *out = json_array();

	for (size_t i = 0; i < set->n_policies; i++) {
		const struct rast_policy *p = set->policies[i];
		json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "kind", p->kind, "tier",
				      tiers[p->tier], "namespace", p->ns, "name", p->name, "file",
				      p->file, "line", p->line);

		for (int d = 0; d < 2; d++) {
			json_int_t n_allow = (json_int_t)(p->n_rules[d] - p->n_deny[d]);

			(void)json_object_set_new(o, d ? "egress" : "ingress",
						  p->isolates[d] ? json_integer(n_allow)
								 : json_null());
			if (p->n_deny[d])
				(void)json_object_set_new(o, d ? "egress_deny" : "ingress_deny",
							  json_integer((json_int_t)p->n_deny[d]));
		}
		if (p->staged)
			(void)json_object_set_new(o, "mode", json_string("Staged"));
		(void)json_array_append_new(out, o);
	}
	for (size_t i = 0; i < set->n_namespaces; i++) {
		const struct rast_policy_ns_doc *d = set->namespaces[i];

		(void)json_array_append_new(
			out, json_pack("{s:s, s:n, s:s, s:s, s:s, s:i, s:n, s:n}", "kind",
				       "Namespace", "tier", "namespace", "", "name", d->name,
				       "file", d->file, "line", d->line, "ingress", "egress"));
	}
	return out;
}
