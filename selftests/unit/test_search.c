// SPDX-License-Identifier: BSD-2-Clause
/*
 * How well questions of people find the right item: selftests/data/search has the items and the
 * questions. The figures are printed; the floors are what is reached, so that a change that makes
 * search worse is seen. The "test" half was written before the embedder's weights and tables were
 * tuned, and its misses were not looked at; the figures to quote are those.
 */
#include "store_dir.h"

#include "base/yaml.h"
#include "vector/config_key.h"
#include "vector/index.h"

#include <string.h>

#define DATA "selftests/data/search/"

struct figures {
	unsigned int n, hit1, hit3;
	double mrr;
};

static void index_add(struct rast_index *ix, const char *key, const json_t *body)
{
	struct rast_facts facts = {0};
	struct rast_features f = {0};
	float vec[RAST_EMBED_DIMS];

	assert_int_equal(rast_facts_build(key, body, &facts), 0);
	assert_int_equal(rast_embed_item(&facts, &f), 0);
	rast_embed_fold(&f, NULL, NULL, vec);
	assert_int_equal(rast_index_put(ix, key, 1, vec, &f), 0);
	rast_features_finish(&f);
	rast_facts_finish(&facts);
}

static struct rast_index *index_of(const char *path)
{
	struct rast_index *ix = rast_index_create();
	struct rast_yaml *y = NULL;
	struct rast_err err = {0};
	char key[RAST_KEY_MAX + 1];

	if (rast_yaml_load(path, &y, &err) < 0)
		fail_msg("%s:%d: %s", err.file, err.line, err.text);
	for (size_t i = 0; i < rast_yaml_count(y); i++) {
		json_t *body = rast_yaml_to_json(rast_yaml_root(y, i));

		assert_int_equal(rast_config_key(body, key, sizeof(key), &err), 0);
		index_add(ix, key, body);
		json_decref(body);
	}
	rast_yaml_destroy(y);
	return ix;
}

/* Is key one of "A|B"? */
static bool expected(const char *list, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = list; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		if (!strncmp(p, key, n) && (p[n] == '|' || !p[n]))
			return true;
	return false;
}

static void ask(struct rast_index *ix, const char *query, const char *want, struct figures *f,
		bool verbose)
{
	struct rast_match m[10];
	size_t n = 0, rank = 0;

	assert_int_equal(rast_index_search(ix, RAST_ISA_PLAIN, query, 10, m, &n), 0);
	for (size_t i = 0; i < n && !rank; i++)
		if (expected(want, m[i].key))
			rank = i + 1;
	f->n++;
	f->hit1 += rank == 1;
	f->hit3 += rank >= 1 && rank <= 3;
	f->mrr += rank ? 1.0 / (double)rank : 0;
	if (verbose && rank != 1)
		print_message("# rank %zu for \"%s\": %s; first is %s\n", rank, query, want,
			      n ? m[0].key : "nothing");
}

static struct figures ask_all(const char *set, bool verbose)
{
	struct rast_index *ix = index_of(DATA "items.yaml");
	struct figures f = {0};
	FILE *in = fopen(DATA "queries.tsv", "re");
	size_t items = rast_index_count(ix);
	char line[512];

	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		char *query, *want;

		line[strcspn(line, "\n")] = '\0';
		if (*line == '#' || !strchr(line, '\t'))
			continue;
		query = strchr(line, '\t');
		*query++ = '\0';
		want = strchr(query, '\t');
		assert_non_null(want);
		*want++ = '\0';
		if (!strcmp(line, set))
			ask(ix, query, want, &f, verbose);
	}
	(void)fclose(in);
	rast_index_destroy(ix);
	f.mrr /= f.n;
	print_message("# %s: %u questions, %zu items: hit@1 %.3f, hit@3 %.3f, MRR %.3f\n", set, f.n,
		      items, f.hit1 / (double)f.n, f.hit3 / (double)f.n, f.mrr);
	return f;
}

static void questions_seen_before_find_their_item(void **state)
{
	struct figures f = ask_all("dev", getenv("RAST_SEARCH_VERBOSE"));

	assert_true(f.n >= 40);
	assert_true(f.hit1 >= 42);
	assert_true(f.hit3 >= 44);
}

static void questions_never_seen_find_their_item(void **state)
{
	struct figures f = ask_all("test", getenv("RAST_SEARCH_VERBOSE_TEST"));

	assert_true(f.n >= 38);
	assert_true(f.hit1 >= 26);
	assert_true(f.hit3 >= 35);
	assert_true(f.mrr >= 0.8);
}

/* docs/examples/shop.yaml and the questions that `make run` asks of it. */
static void the_shop_example_answers_its_questions(void **state)
{
	static const char *const asked[][2] = {
		{"which service may talk to the database", "NetworkPolicy/shop/database"},
		{"who can connect to the http backend", "NetworkPolicy/shop/api"},
		{"how much memory may redis use", "Pod/shop/db"},
	};
	struct rast_index *ix = index_of("docs/examples/shop.yaml");

	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		struct rast_match m[3];
		size_t n = 0;

		assert_int_equal(rast_index_search(ix, rast_isa_best(), asked[i][0], 3, m, &n), 0);
		assert_true(n > 0);
		assert_string_equal(m[0].key, asked[i][1]);
	}
	rast_index_destroy(ix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_seen_before_find_their_item),
		cmocka_unit_test(questions_never_seen_find_their_item),
		cmocka_unit_test(the_shop_example_answers_its_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
