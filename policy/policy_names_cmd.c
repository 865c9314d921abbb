// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf policy names: what containers have learnt from DNS answers, from the kernel's own map. */
#include "policy/fqdn.h"
#include "policy/fqdn_bpf.h"
#include "policy/policy_input_cmd.h"
#include "policy/policy_verbs_cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct rast_opt rast_policy_names_opts[] = {
	{"counters", 'c', NULL, "what was counted of questions and answers instead"},
	{NULL},
};

/* Who uses it: the pattern's text, of the policies that are applied. */
static json_t *pattern_of(const struct rast_policy_image *im, const char *number)
{
	uint64_t id = strtoull(number, NULL, 16);
	char text[RAST_FQDN_TEXT_SIZE], all[RAST_FQDN_TEXT_SIZE + 2];

	for (uint32_t i = 0; im && i < im->names.n_patterns; i++) {
		const struct rast_pattern *p = &im->names.patterns[i];

		if (p->group || p->id != id)
			continue;
		(void)rast_fqdn_format(im->names.text + p->text, p->len, text);
		(void)snprintf(all, sizeof(all), "%s%s",
			       !p->suffix   ? ""
			       : p->len > 1 ? "*."
					    : "*",
			       p->suffix && p->len == 1 ? "" : text);
		return json_string(all);
	}
	return NULL;
}

static void describe(const struct rast_policy_input *in, json_t *row)
{
	json_int_t identity = rast_json_int(row, "identity");
	json_t *patterns = json_array();
	size_t i;
	json_t *number;

	for (size_t k = 0; k < in->world.n_pods; k++)
		if (in->world.pods[k].identity == identity) {
			(void)json_object_set_new(row, "pod", json_string(in->world.pods[k].name));
			(void)json_object_set_new(row, "namespace",
						  json_string(in->world.pods[k].ns));
		}
	/* What no rule has any more stays learnt, and allows nothing. */
	json_array_foreach(json_object_get(row, "patterns"), i, number) {
		json_t *text = pattern_of(in->image, json_string_value(number));

		if (text)
			(void)json_array_append_new(patterns, text);
	}
	(void)json_object_set_new(row, "patterns", patterns);
	(void)json_object_set_new(row, "expires_s",
				  json_integer(rast_json_int(row, "expires_ms") / 1000));
}

static int show_counters(struct rast_cli *cli)
{
	static const struct rast_col cols[] = {{"counter", "COUNTER", RAST_COL_TEXT},
					       {"count", "COUNT", RAST_COL_NUM},
					       {NULL, NULL, RAST_COL_TEXT}};
	_cleanup_json_ json_t *counters = json_object();
	json_t *rows, *count;
	const char *name;
	int r = rast_fqdn_bpf_counters(&cli->in, counters, &cli->err);

	if (r < 0)
		return r;
	if (rast_cli_json(cli, counters))
		return 0;
	rows = json_array();
	json_object_foreach(counters, name, count)
		(void)json_array_append_new(
			rows, json_pack("{s:s,s:O}", "counter", name, "count", count));
	return rast_cli_table(cli, rows, cols);
}

int rast_policy_names_run(struct rast_cli *cli, const struct rast_args *a)
{
	static const struct rast_col cols[] = {
		{"namespace", "NAMESPACE", RAST_COL_TEXT},
		{"pod", "POD", RAST_COL_TEXT},
		{"name", "NAME", RAST_COL_TEXT},
		{"address", "ADDRESS", RAST_COL_TEXT},
		{"expires_s", "EXPIRES", RAST_COL_NUM},
		{"patterns", "PATTERNS", RAST_COL_LIST},
		{NULL, NULL, RAST_COL_TEXT},
	};
	_cleanup_policy_input_ struct rast_policy_input in = {};
	_cleanup_json_ json_t *rows = NULL;
	size_t i;
	json_t *row;
	int r = rast_cli_need_root(cli);

	if (r < 0)
		return r;
	if (rast_args_get(a, "counters"))
		return show_counters(cli);
	rows = json_array();
	r = rast_fqdn_bpf_learnt(&cli->in, rows, &cli->err);
	if (!r)
		r = rast_policy_input_load(cli, a, &in);
	if (r < 0)
		return r;
	json_array_foreach(rows, i, row)
		describe(&in, row);
	return rast_cli_table(cli, TAKE_PTR(rows), cols);
}
