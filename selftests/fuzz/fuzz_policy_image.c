// SPDX-License-Identifier: BSD-2-Clause
/*
 * The reader of compiled policies. An image has megabytes and a sum, which random bytes never have,
 * so an input is mostly a recipe: byte 0 odd: the rest is the file as it is; even: four bytes at a
 * time {offset, offset, offset, value} change a good file, a zero offset ends that, what follows
 * takes the place of the rule table unless it is empty, and the length is made right.
 */
#include "policy/policy.h"

#include "fuzz.h"

#include <string.h>

#define HEADER 40u

static const char policies[] =
	"{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: a}}}\n---\n"
	"{apiVersion: v1, kind: Pod, metadata: {name: b, labels: {app: b}}}\n---\n"
	"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: "
	"{podSelector: {matchLabels: {app: a}}, ingress: [{from: [{podSelector: {}}, {ipBlock: "
	"{cidr: 10.0.0.0/8}}], ports: [{port: 80}]}], egress: [{}]}}\n";

static uint8_t *good;
static size_t good_len, good_rules_len;

static void make_good(void)
{
	struct rast_policy_image *im = NULL;
	struct rast_policy_world w = {};
	struct rast_policy_set *set = NULL;
	struct rast_policy_rules *rules = NULL;
	struct rast_policy_pod *pod;
	struct rast_yaml *y = NULL;
	void *out;

	MUST(!rast_policy_set_create(&set));
	MUST(!rast_yaml_parse("good", policies, strlen(policies), &y, NULL));
	MUST(!rast_policy_world_add_manifest(&w, rast_yaml_root(y, 0), &pod, NULL));
	MUST(!rast_policy_world_add_manifest(&w, rast_yaml_root(y, 1), &pod, NULL));
	MUST(!rast_policy_set_parse(rast_yaml_root(y, 2), set, NULL));
	MUST(!rast_policy_world_number(&w, 0x0a4d0000, 16, NULL));
	MUST(!rast_policy_compile(set, &w, 1, &im, &rules, NULL, NULL));
	MUST(!rast_policy_file_write(im, rules, &out, &good_len));
	good = out;
	good_rules_len = good_len - HEADER - rast_policy_image_size(im);
	rast_policy_rules_destroy(rules);
	rast_policy_set_destroy(set);
	rast_policy_world_finish(&w);
	rast_yaml_destroy(y);
	free(im);
}

static void use(const struct rast_policy_image *im, const struct rast_policy_rules *rules)
{
	char name[700];

	for (uint32_t i = 0; i < 64; i++) {
		struct rast_policy_end end = {.kind = i % 3, .identity = i, .addr4 = i << 26};
		uint32_t cell = rast_policy_image_verdict(im, (enum rast_direction)(i & 1), i % 20,
							  &end, (enum rast_policy_proto)(i % 4),
							  (uint16_t)(i * 997));
		json_t *v = rast_policy_rules_describe(rules, cell & RAST_CELL_RULE);

		MUST(v);
		json_decref(v);
		(void)rast_policy_rules_name(rules, (uint16_t)i, name, sizeof(name));
	}
}

static void try(const void *data, size_t len)
{
	struct rast_policy_image *im = NULL;
	struct rast_policy_rules *rules = NULL;
	struct rast_err err = {};
	int r = rast_policy_file_read("fuzz.img", data, len, &im, &rules, &err);

	MUST(r < 0 ? r == -err.code && err.text[0] && !im && !rules : !err.code);
	if (!r)
		use(im, rules);
	free(im);
	rast_policy_rules_destroy(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *work;
	uint64_t rules_len;
	size_t len;

	if (!good) {
		make_good();
		work = malloc(good_len + (64u << 10));
		MUST(work);
		try(good, good_len);
	}
	if (!size || data[0] & 1 || size > 60000) {
		try(size ? data + 1 : data, size ? size - 1 : 0);
		return 0;
	}
	data++;
	size--;
	memcpy(work, good, good_len);
	len = good_len;
	for (; size >= 4; data += 4, size -= 4) {
		size_t at = data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16;

		if (!at) {
			data += 4;
			size -= 4;
			break;
		}
		if (at >= 8 && at < good_len)
			work[at] = data[3];
	}
	rules_len = good_rules_len;
	if (size > 4) {
		len = good_len - good_rules_len + size;
		rules_len = size;
		memcpy(work + good_len - good_rules_len, data, size);
	}
	memcpy(work + 24, &rules_len, sizeof(rules_len));
	try(work, len);
	return 0;
}
