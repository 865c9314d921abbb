// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as truth tables over a small cluster: refused with a text and a place, or rows that each tell a
 * verdict of the image.
 */
#include "policy/truth.h"

#include "fuzz.h"

#include <string.h>

static const char cluster[] =
	"{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: a}}}\n---\n"
	"{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: n, labels: {app: b}}}\n---\n"
	"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: "
	"{podSelector: {matchLabels: {app: a}}, ingress: [{from: [{podSelector: {}}, {ipBlock: "
	"{cidr: 10.0.0.0/8}}], ports: [{port: 80}]}], egress: [{}]}}\n";

static struct rast_policy_world world;
static struct rast_policy_image *image;
static struct rast_policy_rules *rules;

static void make_cluster(void)
{
	struct rast_policy_set *set = NULL;
	struct rast_policy_pod *pod;
	struct rast_yaml *y = NULL;
	struct rast_err err = {};

	MUST(!rast_policy_set_create(&set));
	MUST(!rast_yaml_parse("cluster", cluster, sizeof(cluster) - 1, &y, &err));
	MUST(!rast_policy_world_add_manifest(&world, rast_yaml_root(y, 0), &pod, &err));
	MUST(!rast_policy_world_add_manifest(&world, rast_yaml_root(y, 1), &pod, &err));
	MUST(!rast_policy_set_parse(rast_yaml_root(y, 2), set, &err));
	MUST(!rast_policy_world_number(&world, 0x0a4d0000, 16, &err));
	MUST(!rast_policy_compile(set, &world, 1, &image, &rules, NULL, &err));
	rast_yaml_destroy(y);
	rast_policy_set_destroy(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rast_err err = {};
	struct rast_yaml *y = NULL;
	json_t *rows, *row;
	size_t i;
	int r;

	if (!rules)
		make_cluster();
	if (rast_yaml_parse("fuzz.yaml", (const char *)data, size, &y, NULL) < 0)
		return 0;
	rows = json_array();
	if (rast_yaml_count(y)) {
		r = rast_truth_check(rast_yaml_root(y, 0), &world, image, rules, rows, &err);
		MUST(r == 0 ? !err.code : err.code == -r && err.text[0] && err.line > 0);
	}
	json_array_foreach(rows, i, row) {
		const char *got = rast_json_str(row, "got");

		MUST(!strcmp(got, "allow") || !strcmp(got, "deny"));
		MUST(rast_json_bool(row, "ok") <= !strcmp(got, rast_json_str(row, "want")));
		MUST(*rast_json_str(row, "rule") && rast_json_int(row, "line") > 0);
	}
	json_decref(rows);
	rast_yaml_destroy(y);
	return 0;
}
