// SPDX-License-Identifier: BSD-2-Clause
/* Words, concepts, facts, embeddings, kernels and the index: the pure parts below a search. */
#include "store_dir.h"

#include "vector/index.h"
#include "vector/token.h"

#include <math.h>
#include <string.h>

static bool join(void *arg, const struct rast_token *t)
{
	char *text = arg;
	size_t n = strlen(text);

	(void)snprintf(text + n, 256 - n, "%s%s", n ? " " : "", t->text);
	return true;
}

static void words_are_split_lowered_and_stemmed(void **state)
{
	static const char *const table[][2] = {
		{"readOnlyRootFilesystem", "read only root filesystem"},
		{"HTTPServer x", "http server x"},
		{"/usr/sbin/nginx", "usr sbin nginx"},
		{"db-ingress", "db ingress"},
		{"64Mi 10.77.0.1", "64mi 10 77 0 1"},
		{"policies allowed running stopped", "policy allow run stop"},
		{"redis access dns status", "redis access dns status"},
		{"runAsNonRoot", "run as nonroot"},
		{"Größe", "größe"},
		{" ;; ", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char got[256] = "";

		rast_tokens(table[i][0], strlen(table[i][0]), 100, join, got);
		assert_string_equal(got, table[i][1]);
	}
}

static void a_word_stands_for_its_concepts(void **state)
{
	assert_true(rast_concept_has("redis", "database"));
	assert_true(rast_concept_has("redis", "cache"));
	assert_true(rast_concept_has("db", "database"));
	assert_false(rast_concept_has("nginx", "database"));
	assert_string_equal(rast_concept_spelling("databse"), "database");
	assert_string_equal(rast_concept_spelling("databaes"), "database");
	assert_null(rast_concept_spelling("database"));
	assert_null(rast_concept_spelling("dtabazes"));
	assert_null(rast_concept_spelling("dbs"));
}

static void facts_of(const char *body, struct rast_facts *f)
{
	json_t *v = json_of(body);

	assert_int_equal(rast_facts_build("K/n/x", v, f), 0);
	json_decref(v);
}

static bool has_fact(const struct rast_facts *f, const char *text)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->v[i].text, text))
			return true;
	return false;
}

static void a_policy_is_told_as_who_may_connect_to_whom(void **state)
{
	struct rast_facts f = {0};

	facts_of(
		"{\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"x\"},\"spec\":{\"podSelector\":"
		"{\"matchLabels\":{\"app\":\"db\"}},\"ingress\":[{\"from\":[{\"podSelector\":"
		"{\"matchLabels\":{\"app\":\"api\"}}}],\"ports\":[{\"port\":6379}]}]}}",
		&f);
	assert_true(has_fact(&f, "allow api to connect to db on port 6379"));
	rast_facts_finish(&f);
	facts_of("{\"kind\":\"NetworkPolicy\",\"spec\":{\"podSelector\":{},\"policyTypes\":"
		 "[\"Ingress\",\"Egress\"]}}",
		 &f);
	assert_true(has_fact(&f, "deny all ingress traffic to every pod, isolated by default"));
	assert_true(has_fact(&f, "deny all egress traffic from every pod, isolated by default"));
	rast_facts_finish(&f);
}

static void an_item_of_any_size_gives_a_bounded_number_of_facts(void **state)
{
	json_t *big = json_array();
	struct rast_facts f = {0};

	for (int i = 0; i < 100000; i++)
		(void)json_array_append_new(big, json_integer(i));
	assert_int_equal(rast_facts_build("k", big, &f), 0);
	assert_int_equal(f.n, RAST_FACTS_MAX);
	rast_facts_finish(&f);
	json_decref(big);
}

static void embed(const char *body, float *v)
{
	struct rast_facts facts = {0};
	struct rast_features f = {0};

	facts_of(body, &facts);
	assert_int_equal(rast_embed_item(&facts, &f), 0);
	rast_embed_fold(&f, NULL, NULL, v);
	rast_features_finish(&f);
	rast_facts_finish(&facts);
}

static void an_embedding_has_length_one_and_likes_what_is_alike(void **state)
{
	float a[RAST_EMBED_DIMS], b[RAST_EMBED_DIMS], c[RAST_EMBED_DIMS];

	embed("{\"kind\":\"Pod\",\"image\":\"redis\",\"memory\":\"64Mi\"}", a);
	embed("{\"kind\":\"Pod\",\"image\":\"postgres\",\"memory\":\"32Mi\"}", b);
	embed("{\"kind\":\"Secret\",\"token\":\"abc\"}", c);
	assert_true(fabsf(rast_dot_f32(RAST_ISA_PLAIN, a, a, RAST_EMBED_DIMS) - 1.0f) < 1e-5f);
	assert_true(rast_dot_f32(RAST_ISA_PLAIN, a, b, RAST_EMBED_DIMS) >
		    rast_dot_f32(RAST_ISA_PLAIN, a, c, RAST_EMBED_DIMS) + 0.2f);
}

/* xorshift: the same numbers on every machine. */
static float noise(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (float)((double)(*s >> 11) / 9007199254740992.0 - 0.5);
}

static void every_kernel_gives_the_same_bits(void **state)
{
	enum { ROWS = 67, DIMS = 384 };
	static int8_t rows[ROWS * DIMS] __attribute__((aligned(64)));
	int8_t q[DIMS] __attribute__((aligned(64)));
	float v[DIMS], w[DIMS], scales[ROWS], plain[ROWS], wide[ROWS], qs;
	uint64_t seed = 42;

	for (size_t i = 0; i < ROWS; i++) {
		for (size_t k = 0; k < DIMS; k++)
			v[k] = noise(&seed);
		scales[i] = rast_quantize(v, DIMS, rows + i * DIMS, DIMS);
	}
	for (size_t k = 0; k < DIMS; k++)
		w[k] = noise(&seed);
	/* The extremes of int8 must not overflow a lane. */
	memset(rows, -127, DIMS);
	qs = rast_quantize(w, DIMS, q, DIMS);
	for (int isa = RAST_ISA_PLAIN; isa <= (int)rast_isa_best(); isa++) {
		rast_scan_i8((enum rast_isa)isa, q, qs, rows, DIMS, scales, ROWS, wide);
		if (isa == RAST_ISA_PLAIN)
			memcpy(plain, wide, sizeof(plain));
		assert_memory_equal(plain, wide, sizeof(plain));
		for (size_t n = 16; n <= DIMS; n += 16) {
			float a = rast_dot_f32(RAST_ISA_PLAIN, v, w, n);
			float b = rast_dot_f32((enum rast_isa)isa, v, w, n);

			assert_memory_equal(&a, &b, sizeof(a));
		}
	}
	if (rast_isa_best() != RAST_ISA_AVX512)
		print_message("# this machine has no kernel beyond %s\n",
			      rast_isa_name(rast_isa_best()));
}

static int by_score(const void *a, const void *b)
{
	const struct rast_match *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return strcmp(x->key, y->key);
}

static void the_scan_finds_what_a_naive_search_finds(void **state)
{
	enum { N = 500, K = 10 };
	static float vecs[N][RAST_EMBED_DIMS];
	static char keys[N][16];
	static struct rast_match naive[N];
	struct rast_index *ix = rast_index_create();
	struct rast_features none = {0};
	uint64_t seed = 7;
	size_t live = 0;

	for (int i = 0; i < N; i++) {
		double norm = 0;

		for (size_t k = 0; k < RAST_EMBED_DIMS; k++) {
			vecs[i][k] = noise(&seed);
			norm += (double)vecs[i][k] * (double)vecs[i][k];
		}
		for (size_t k = 0; k < RAST_EMBED_DIMS; k++)
			vecs[i][k] = (float)((double)vecs[i][k] / sqrt(norm));
		(void)snprintf(keys[i], sizeof(keys[i]), "k%03d", i);
		assert_int_equal(rast_index_put(ix, keys[i], (uint64_t)i, vecs[i], &none), 0);
	}
	/* Enough removals that the index moves itself together. */
	for (int i = 0; i < N; i++)
		if (i % 3)
			rast_index_remove(ix, keys[i]);
	for (int q = 0; q < 20; q++) {
		struct rast_match got[K];
		size_t n;

		live = 0;
		for (int i = 0; i < N; i += 3)
			naive[live++] = (struct rast_match){
				.key = keys[i],
				.label = (uint64_t)i,
				.score = rast_dot_f32(RAST_ISA_PLAIN, vecs[q], vecs[i],
						      RAST_EMBED_DIMS),
			};
		qsort(naive, live, sizeof(naive[0]), by_score);
		for (int isa = RAST_ISA_PLAIN; isa <= (int)rast_isa_best(); isa++) {
			assert_int_equal(
				rast_index_nearest(ix, (enum rast_isa)isa, vecs[q], K, got, &n), 0);
			assert_int_equal(n, K);
			for (size_t i = 0; i < n; i++) {
				assert_string_equal(got[i].key, naive[i].key);
				assert_int_equal(got[i].label, naive[i].label);
			}
		}
	}
	assert_int_equal(rast_index_count(ix), live);
	rast_index_destroy(ix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_split_lowered_and_stemmed),
		cmocka_unit_test(a_word_stands_for_its_concepts),
		cmocka_unit_test(a_policy_is_told_as_who_may_connect_to_whom),
		cmocka_unit_test(an_item_of_any_size_gives_a_bounded_number_of_facts),
		cmocka_unit_test(an_embedding_has_length_one_and_likes_what_is_alike),
		cmocka_unit_test(every_kernel_gives_the_same_bits),
		cmocka_unit_test(the_scan_finds_what_a_naive_search_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
