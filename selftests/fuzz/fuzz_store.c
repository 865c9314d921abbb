// SPDX-License-Identifier: BSD-2-Clause
/*
 * The pure halves of the store on any bytes. The first byte chooses: a record as it lies on disk; two
 * JSON values (apart at the first NUL) to be compared, rendered and embedded; a question in words.
 */
#include "base/yaml.h"
#include "vector/embed.h"
#include "vector/index.h"
#include "vector/record.h"

#include "fuzz.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static void records(const uint8_t *data, size_t size)
{
	float vec[RAST_EMBED_DIMS];
	struct rast_record r;
	struct rast_version v;
	struct rast_head head;
	struct rast_oprec op;
	struct rast_record make = {.op = 1, .key = (const char *)data, .body = (const char *)data};
	uint8_t *buf;
	size_t len;

	if (rast_record_decode(data, size, &r) == 0 && rast_record_version(&r, &v) == 0)
		rast_version_finish(&v);
	(void)rast_head_decode(data, size, &head);
	(void)rast_oprec_decode(data, size, &op);
	(void)rast_vecrec_decode(data, size, 1, vec, RAST_EMBED_DIMS);

	/* What is written comes back; one flipped bit anywhere does not. */
	make.key_len = (uint32_t)(size / 2);
	make.body_len = (uint32_t)(size - size / 2);
	make.body += size / 2;
	MUST(rast_record_encode(&make, &buf, &len) == 0);
	MUST(rast_record_decode(buf, len, &r) == 0);
	MUST(r.key_len == make.key_len && r.body_len == make.body_len);
	MUST(size == 0 || memcmp(r.body, make.body, r.body_len) == 0);
	buf[size % len] ^= 4;
	MUST(rast_record_decode(buf, len, &r) == -EBADMSG);
	free(buf);
}

static void embedded(const json_t *value)
{
	struct rast_facts facts = {0};
	struct rast_features f = {0};
	struct rast_match m[2];
	struct rast_index *ix = rast_index_create();
	char *snippet, *matched;
	float vec[RAST_EMBED_DIMS], len;
	size_t n = 9;

	MUST(ix && rast_facts_build("Kind/ns/name", value, &facts) == 0);
	MUST(facts.n <= RAST_FACTS_MAX);
	MUST(rast_embed_item(&facts, &f) == 0);
	rast_embed_fold(&f, NULL, NULL, vec);
	len = rast_dot_f32(RAST_ISA_PLAIN, vec, vec, RAST_EMBED_DIMS);
	MUST(fabsf(len - 1) < 1e-3f || len == 0);
	MUST(rast_index_put(ix, "k", 1, vec, &f) == 0);
	MUST(rast_index_search(ix, rast_isa_best(), "kind name memory", 2, m, &n) == 0 && n <= 1);
	MUST(rast_embed_explain(&facts, "kind name memory", &snippet, &matched) == 0);
	free(snippet);
	free(matched);
	rast_index_destroy(ix);
	rast_features_finish(&f);
	rast_facts_finish(&facts);
}

static void rendered(const json_t *value)
{
	char *text = rast_json_yaml(value);
	struct rast_yaml *y = NULL;
	json_t *back;

	MUST(text);
	/* The YAML front end has limits of its own (NUL, depth, size): then it refuses. */
	if (rast_yaml_parse("text", text, strlen(text), &y, NULL) == 0 && rast_yaml_count(y) == 1) {
		back = rast_yaml_to_json(rast_yaml_root(y, 0));
		MUST(back);
		json_decref(back);
	}
	rast_yaml_destroy(y);
	free(text);
}

static void values(const char *data, size_t size)
{
	const char *cut = memchr(data, 0, size);
	size_t n = cut ? (size_t)(cut - data) : size;
	json_t *a = json_loadb(data, n, JSON_DECODE_ANY, NULL);
	json_t *b = cut ? json_loadb(cut + 1, size - n - 1, JSON_DECODE_ANY, NULL) : NULL;
	json_t *d = rast_diff(a, b), *same = rast_diff(a, a);
	char *text = rast_diff_text(a, b, "a", "b");

	MUST(d && same && text);
	MUST(json_array_size(same) == 0);
	if (a && b)
		MUST((json_array_size(d) == 0) == (json_equal(a, b) != 0));
	if (a) {
		embedded(a);
		rendered(a);
	}
	free(text);
	json_decref(same);
	json_decref(d);
	json_decref(a);
	json_decref(b);
}

static void question(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct rast_features f = {0};

	MUST(text && rast_embed_query(text, &f) == 0);
	for (size_t i = 1; i < f.n; i++)
		MUST(f.v[i - 1].hash < f.v[i].hash);
	rast_features_finish(&f);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 3) {
	case 0:
		records(data + 1, size - 1);
		break;
	case 1:
		values((const char *)data + 1, size - 1);
		break;
	default:
		question(data + 1, size - 1);
	}
	return 0;
}
