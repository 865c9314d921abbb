// SPDX-License-Identifier: BSD-2-Clause
/*
 * The applied set on disk; see applied.h. Documents are kept as JSON; the lines they had in the file
 * they came from are kept beside them, as those are what a person looks up.
 */
#include "policy/applied.h"

#include "base/fd.h"
#include "policy/set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static json_t *lines(const struct rast_policy *p, enum rast_direction d)
{
	json_t *out = json_array();

	for (size_t i = 0; i < p->n_rules[d]; i++)
		(void)json_array_append_new(out, json_integer(p->rules[d][i].line));
	return out;
}

static json_t *documents(const struct rast_policy_set *set)
{
	json_t *out = json_array();

	for (size_t i = 0; i < set->n_policies; i++) {
		const struct rast_policy *p = set->policies[i];

		(void)json_array_append_new(
			out,
			json_pack("{s:s, s:i, s:o, s:o, s:O}", "file", p->file, "line", p->line,
				  "ingress_lines", lines(p, RAST_DIR_INGRESS), "egress_lines",
				  lines(p, RAST_DIR_EGRESS), "document", p->doc));
	}
	for (size_t i = 0; i < set->n_namespaces; i++) {
		const struct rast_policy_ns_doc *d = set->namespaces[i];

		(void)json_array_append_new(out, json_pack("{s:s, s:i, s:O}", "file", d->file,
							   "line", d->line, "document", d->doc));
	}
	return out;
}

/* Gives the parsed document its own file and lines back. */
static int restore_origin(const json_t *o, struct rast_policy *p, struct rast_policy_ns_doc *d)
{
	static const char *const keys[] = {"ingress_lines", "egress_lines"};
	const char *file = rast_arena_str(p ? &p->arena : &d->arena, rast_json_str(o, "file"));
	int line = (int)rast_json_int(o, "line");

	if (!file)
		return -ENOMEM;
	if (d) {
		d->file = file;
		d->line = line;
		return 0;
	}
	p->file = file;
	p->line = line;
	for (int dir = 0; dir < 2; dir++)
		for (size_t i = 0; i < p->n_rules[dir]; i++)
			p->rules[dir][i].line = (int)json_integer_value(
				json_array_get(json_object_get(o, keys[dir]), i));
	return 0;
}

static int load_document(const char *path, const json_t *o, struct rast_policy_set *set,
			 struct rast_err *err)
{
	json_t *doc = json_object_get(o, "document");
	_cleanup_yaml_ struct rast_yaml *y = NULL;
	struct rast_policy_ns_doc *d = NULL;
	struct rast_policy *p = NULL;
	int r;

	if (!doc)
		return rast_err_at(err, EINVAL, path, 0, 0, NULL, "a document is missing");
	r = rast_yaml_from_json(path, doc, &y, err);
	if (!r && rast_yaml_count(y) != 1)
		r = rast_err_at(err, EINVAL, path, 0, 0, NULL, "a document is empty");
	if (!r)
		r = rast_policy_set_insert(rast_yaml_root(y, 0), set, &p, &d, err);
	if (!r && restore_origin(o, p, d) < 0)
		r = rast_err_sys(err, ENOMEM, "%s", path);
	return r;
}

int rast_policy_applied_load(const struct rast_instance *in, struct rast_policy_set **ret_set,
			     struct rast_policy_world *ret_world, uint32_t *ret_generation,
			     struct rast_err *err)
{
	_cleanup_policy_set_ struct rast_policy_set *set = NULL;
	_cleanup_policy_world_ struct rast_policy_world world = {};
	_cleanup_json_ json_t *all = NULL;
	struct rast_err why = {};
	const json_t *docs;
	json_int_t generation = 0;
	char path[128];
	int r = rast_policy_set_create(&set);

	if (r < 0)
		return rast_err_sys(err, -r, "policy set");
	(void)snprintf(path, sizeof(path), "%s/policy/applied.json", in->run_dir);
	r = rast_json_load(AT_FDCWD, path, &all, &why);
	if (r < 0 && r != -ENOENT) {
		if (err && !err->code)
			*err = why;
		return r;
	}
	if (!r) {
		generation = rast_json_int(all, "generation");
		if (generation < 0 || generation > UINT32_MAX)
			return rast_err_at(err, EINVAL, path, 0, 0, "generation", "out of range");
	}
	docs = json_object_get(all, "documents");
	for (size_t i = 0; i < json_array_size(docs); i++) {
		r = load_document(path, json_array_get(docs, i), set, err);
		if (r < 0)
			return r;
	}
	if (all && ret_world) {
		r = rast_policy_world_from_json(json_object_get(all, "world"), &world, err);
		if (r < 0)
			return rast_err_prefix(err, "%s", path);
	}
	if (ret_set)
		*ret_set = TAKE_PTR(set);
	if (ret_generation)
		*ret_generation = (uint32_t)generation;
	if (ret_world) {
		*ret_world = world;
		memset(&world, 0, sizeof(world));
	}
	return 0;
}

bool rast_policy_applied_has(const struct rast_instance *in, const json_t *doc)
{
	_cleanup_json_ json_t *all = NULL;
	const json_t *o;
	char path[128];
	size_t i;

	(void)snprintf(path, sizeof(path), "%s/policy/applied.json", in->run_dir);
	if (rast_json_load(AT_FDCWD, path, &all, NULL) < 0)
		return false;
	json_array_foreach(json_object_get(all, "documents"), i, o)
		if (json_equal(json_object_get(o, "document"), doc))
			return true;
	return false;
}

static void remove_old(const char *dir, uint32_t generation)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		unsigned int g;
		int end = 0;

		if (sscanf(e->d_name, "rules.%u.json%n", &g, &end) == 1 && end && !e->d_name[end] &&
		    (g > generation || generation - g >= RAST_POLICY_KEEP))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		(void)closedir(d);
}

int rast_policy_applied_store_rules(const struct rast_instance *in,
				    const struct rast_policy_rules *rules, struct rast_err *err)
{
	_cleanup_free_ char *text = NULL;
	char path[192];
	size_t len;
	int r;

	r = rast_policy_rules_to_text(rules, &text, &len);
	if (r < 0)
		return rast_err_sys(err, -r, "rule table");
	(void)snprintf(path, sizeof(path), "%s/policy", in->run_dir);
	r = rast_mkdir_p(path, 0700);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	(void)snprintf(path, sizeof(path), "%s/policy/rules.%u.json", in->run_dir,
		       rules->generation);
	r = rast_replace_file(AT_FDCWD, path, text, len, 0600, 0);
	return r < 0 ? rast_err_sys(err, -r, "%s", path) : 0;
}

int rast_policy_applied_store(const struct rast_instance *in, const struct rast_policy_set *set,
			      const struct rast_policy_world *world, uint32_t generation,
			      struct rast_err *err)
{
	_cleanup_json_ json_t *all =
		json_pack("{s:I, s:o, s:o}", "generation", (json_int_t)generation, "documents",
			  documents(set), "world", rast_policy_world_to_json(world));
	/* Not sorted, not indented: documents may have a million values. */
	_cleanup_free_ char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
	char dir[128], path[192];
	int r;

	if (!text)
		return rast_err_sys(err, ENOMEM, "applied policy");
	(void)snprintf(dir, sizeof(dir), "%s/policy", in->run_dir);
	(void)snprintf(path, sizeof(path), "%s/applied.json", dir);
	r = rast_replace_file(AT_FDCWD, path, text, strlen(text), 0600, 0);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	remove_old(dir, generation);
	return 0;
}

int rast_policy_applied_rules(const struct rast_instance *in, uint32_t generation,
			      struct rast_policy_rules **ret, struct rast_err *err)
{
	_cleanup_json_ json_t *table = NULL;
	char path[192];
	int r;

	(void)snprintf(path, sizeof(path), "%s/policy/rules.%u.json", in->run_dir, generation);
	r = rast_json_load(AT_FDCWD, path, &table, err);
	return r ? r : rast_policy_rules_from_json(table, ret, err);
}
