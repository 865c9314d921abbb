// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as a file of policies and pods: refused with a text, or compiled to an image that passes
 * its own check, whose every verdict has a rule in the table, and which a reader takes back.
 */
#include "policy/explain.h"
#include "policy/policy.h"
#include "policy/reach.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check_err(int r, const struct rast_err *err)
{
	MUST(r < 0 ? r == -err->code && err->text[0] : !err->code);
}

/* Both directions between every two of the first pods, and with an address outside. */
static void verdicts(const struct rast_policy_world *w, const struct rast_policy_image *im,
		     const struct rast_policy_rules *rules)
{
	static const uint16_t ports[] = {0, 53, 80, 443, 0x800, 0x8000, 65535};
	size_t n = w->n_pods < 8 ? w->n_pods : 8;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j <= n; j++)
			for (size_t k = 0; k < 2 * 6 * ARRAY_SIZE(ports); k++) {
				struct rast_policy_end end = {.addr4 = 0x08080808};
				uint32_t cell;

				end.kind = j == n ? RAST_END_ADDR4 : RAST_END_IDENTITY;
				end.identity = j == n ? 0 : w->pods[j].identity;
				cell = rast_policy_image_verdict(
					im, (enum rast_direction)(k & 1), w->pods[i].identity, &end,
					(enum rast_policy_proto)(k / 2 % 6), ports[k / 12]);
				if ((cell & RAST_CELL_RULE) >= RAST_RULE_FIRST)
					MUST(rast_policy_rules_find(rules, cell & RAST_CELL_RULE));
				else
					MUST((cell & RAST_CELL_RULE) == RAST_RULE_NONE
						     ? cell & RAST_CELL_ALLOW
						     : cell == RAST_RULE_DEFAULT_DENY);
			}
}

static void tell(const struct rast_policy_set *set, const struct rast_policy_world *w,
		 const struct rast_policy_image *im, const struct rast_policy_rules *rules)
{
	struct rast_policy_question q = {.proto = RAST_PROTO_TCP, .port = 80};
	struct rast_policy_rules *again = NULL;
	struct rast_policy_world world = {};
	struct rast_err err = {};
	char from[400], to[400], *text, *same;
	size_t len;
	json_t *v;

	v = rast_policy_rules_to_json(rules);
	MUST(v);
	same = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);
	MUST(same && !rast_policy_rules_to_text(rules, &text, &len) && !strcmp(text, same));
	free(text);
	free(same);
	MUST(!rast_policy_rules_from_json(v, &again, &err));
	MUST(again->n_rules == rules->n_rules && again->n_classes == rules->n_classes);
	rast_policy_rules_destroy(again);
	json_decref(v);
	v = rast_policy_world_to_json(w);
	MUST(v && !rast_policy_world_from_json(v, &world, &err) && world.n_pods == w->n_pods);
	rast_policy_world_finish(&world);
	json_decref(v);
	if (im->n_peer <= 16) {
		v = rast_policy_reach(im, rules);
		MUST(v && json_array_size(json_object_get(v, "rows")) == im->n_peer);
		json_decref(v);
	}
	if (!w->n_pods)
		return;
	(void)snprintf(from, sizeof(from), "%s/%s", w->pods[0].ns, w->pods[0].name);
	(void)snprintf(to, sizeof(to), "%s/%s", w->pods[w->n_pods - 1].ns,
		       w->pods[w->n_pods - 1].name);
	q.from = from;
	q.to = to;
	MUST(!rast_policy_explain(set, w, im, rules, &q, &v, &err));
	json_decref(v);
	q.to = "2001:db8::1";
	MUST(!rast_policy_explain(set, w, im, rules, &q, &v, &err));
	json_decref(v);
}

static int read_all(const uint8_t *data, size_t size, struct rast_policy_set *set,
		    struct rast_policy_world *w, struct rast_err *err)
{
	struct rast_yaml *y = NULL;
	struct rast_policy_pod *pod;
	int r = rast_yaml_parse("fuzz.yaml", (const char *)data, size, &y, err);

	for (size_t i = 0; !r && i < rast_yaml_count(y); i++) {
		const struct rast_yaml_node *doc = rast_yaml_root(y, i);
		const struct rast_yaml_node *kind = rast_yaml_get(doc, "kind");

		if (kind && kind->type == RAST_YAML_SCALAR && !strcmp(kind->value, "Pod"))
			r = rast_policy_world_add_manifest(w, doc, &pod, err);
		else
			r = rast_policy_set_parse(doc, set, err);
	}
	rast_yaml_destroy(y);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rast_policy_image *image = NULL;
	struct rast_policy_world w = {};
	struct rast_policy_set *set = NULL;
	struct rast_policy_rules *rules = NULL;
	json_t *report = NULL;
	struct rast_err err = {};
	int r;

	MUST(!rast_policy_set_create(&set));
	r = read_all(data, size, set, &w, &err);
	if (!r)
		r = rast_policy_world_number(&w, 0x0a4d0000, 16, &err);
	if (!r)
		r = rast_policy_compile(set, &w, 1, &image, &rules, &report, &err);
	check_err(r, &err);
	if (!r) {
		MUST(!rast_policy_image_check(image, &err));
		MUST(rules && report);
		verdicts(&w, image, rules);
		tell(set, &w, image, rules);
	}
	free(image);
	json_decref(report);
	rast_policy_rules_destroy(rules);
	rast_policy_set_destroy(set);
	rast_policy_world_finish(&w);
	return 0;
}
