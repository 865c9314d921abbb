// SPDX-License-Identifier: BSD-2-Clause
/*
 * netpol [--loaded CIDR | --sockets CIDR] FILE: every verdict of a netpol-cases file (JSON lines, may be gzipped) through the
 * policy compiler and the image's arithmetic; with --loaded also through the programs as they are loaded
 * into this kernel (root), for the pods that have an IPv4 address, which must be in CIDR (ADDRESS/16..28).
 * With --sockets some rows of each step are tried by real sockets in network namespaces instead.
 * Prints what differs and the counts; exit code 1 when a verdict is wrong, 2 when the file cannot be used.
 *
 * A line is one state of a cluster: namespaces, pods, policies, and the truth about each pair of
 * pods as "from to PROTO/port i<ingress> e<egress> c<combined>". Pods of a file that does not say
 * which ports they have serve 80 and 81 on each protocol, under the names serve-80-tcp and so on.
 */
#include "policy/addr.h"
#include "policy/policy.h"
#include "selftests/bpf/policy_judge.h"
#include "selftests/conformance/sockets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define MAX_LINE (64u << 20)
#define MAX_SHOWN 20u

struct totals {
	unsigned long steps, verdicts, loaded, wrong, tried, missing;
};

/* Rows of a step that sockets try: enough to see each policy, few enough for half a minute. */
#define TRIED_PER_STEP 24u

static bool loaded, sockets;

static const char *const protos[] = {"TCP", "UDP", "SCTP"};

static int read_labels(const json_t *obj, struct rast_policy_label *ret, size_t room, size_t *ret_n)
{
	const char *key;
	json_t *value;

	*ret_n = 0;
	json_object_foreach((json_t *)obj, key, value) {
		if (!json_is_string(value) || *ret_n == room)
			return -EINVAL;
		ret[*ret_n].key = key;
		ret[(*ret_n)++].value = json_string_value(value);
	}
	return 0;
}

static int add_pod(struct rast_policy_world *world, const json_t *o, uint32_t identity)
{
	struct rast_policy_label labels[64];
	struct rast_policy_named_port ports[64];
	char names[6][32];
	struct rast_policy_pod pod = {.ns = rast_json_str(o, "Ns"),
				      .name = rast_json_str(o, "Name"),
				      .labels = labels,
				      .ports = ports,
				      .identity = identity};
	const json_t *given = json_object_get(o, "Ports");
	rast_u128 addr;
	bool v6;

	if (read_labels(json_object_get(o, "Labels"), labels, ARRAY_SIZE(labels), &pod.n_labels) <
	    0)
		return -EINVAL;
	if (rast_addr_parse(rast_json_str(o, "IP"), &v6, &addr) < 0)
		return -EINVAL;
	if (v6)
		for (int i = 15; i >= 0; i--, addr >>= 8)
			pod.addr6[i] = (uint8_t)addr;
	else
		pod.addr4 = (uint32_t)addr;
	for (size_t i = 0; i < json_array_size(given); i++) {
		const json_t *p = json_array_get(given, i);
		size_t proto;

		for (proto = 0; proto < ARRAY_SIZE(protos); proto++)
			if (!strcmp(rast_json_str(p, "Protocol"), protos[proto]))
				break;
		if (proto == ARRAY_SIZE(protos) || pod.n_ports == ARRAY_SIZE(ports))
			return -EINVAL;
		ports[pod.n_ports++] = (struct rast_policy_named_port){
			rast_json_str(p, "Name"), (enum rast_policy_proto)proto,
			(uint16_t)rast_json_int(p, "Port")};
	}
	for (size_t i = 0; !given && i < 6; i++) {
		static const char *const lower[] = {"tcp", "udp", "sctp"};

		(void)snprintf(names[i], sizeof(names[i]), "serve-%zu-%s", 80 + i / 3,
			       lower[i % 3]);
		ports[pod.n_ports++] = (struct rast_policy_named_port){
			names[i], (enum rast_policy_proto)(i % 3), (uint16_t)(80 + i / 3)};
	}
	return rast_policy_world_add_pod(world, &pod);
}

static int read_world(const json_t *step, struct rast_policy_world *world)
{
	const json_t *pods = json_object_get(step, "pods");
	const char *name;
	json_t *value;

	for (size_t i = 0; i < json_array_size(pods); i++)
		if (add_pod(world, json_array_get(pods, i), RAST_IDENTITY_FIRST + (uint32_t)i) < 0)
			return -EINVAL;
	json_object_foreach(json_object_get(step, "namespaces"), name, value) {
		struct rast_policy_label labels[64];
		struct rast_policy_namespace ns = {.name = name, .labels = labels};

		if (read_labels(value, labels, ARRAY_SIZE(labels), &ns.n_labels) < 0 ||
		    rast_policy_world_add_namespace(world, &ns) < 0)
			return -EINVAL;
	}
	return 0;
}

static int read_policies(const json_t *step, const char *where, struct rast_policy_set *set,
			 struct rast_err *err)
{
	const json_t *list = json_object_get(step, "policies");
	int r = 0;

	for (size_t i = 0; !r && i < json_array_size(list); i++) {
		json_t *p = json_array_get(list, i);
		_cleanup_free_ char *text = NULL;
		_cleanup_yaml_ struct rast_yaml *y = NULL;

		/* Written from Go values: some have no type, which is this one. */
		if (!json_object_get(p, "kind"))
			(void)json_object_set_new(p, "kind", json_string("NetworkPolicy"));
		if (!json_object_get(p, "apiVersion"))
			(void)json_object_set_new(p, "apiVersion",
						  json_string("networking.k8s.io/v1"));
		text = json_dumps(p, JSON_INDENT(1));
		r = text ? rast_yaml_parse(where, text, strlen(text), &y, err) : -ENOMEM;
		if (!r)
			r = rast_policy_set_parse(rast_yaml_root(y, 0), set, err);
	}
	return r;
}

/* The same two verdicts by the programs, in both families. Returns whether they are wrong. */
static bool check_loaded(const char *row, const char *where, const struct rast_policy_pod *from,
			 const struct rast_policy_pod *to, enum rast_policy_proto proto,
			 uint16_t port, bool want_in, bool want_out, struct totals *t)
{
	bool out, in, out6, in6;

	if (!loaded || !from->addr4 || !to->addr4)
		return false;
	out = judge_allows(RAST_DIR_EGRESS, from, to, 0, proto, port);
	in = judge_allows(RAST_DIR_INGRESS, to, from, 0, proto, port);
	out6 = judge_allows6(RAST_DIR_EGRESS, from, to, NULL, proto, port);
	in6 = judge_allows6(RAST_DIR_INGRESS, to, from, NULL, proto, port);
	t->loaded += 2;
	if (in == want_in && out == want_out && in6 == want_in && out6 == want_out)
		return false;
	if (t->wrong < MAX_SHOWN)
		printf("%s: want %s, the loaded programs say i%d e%d, in IPv6 i%d e%d\n", where,
		       row, in, out, in6, out6);
	return true;
}

/* Only from pod to pod: what a pod says to itself passes no link. */
static bool check_sockets(const char *row, const char *where, const struct rast_policy_pod *from,
			  const struct rast_policy_pod *to, enum rast_policy_proto proto,
			  uint16_t port, bool want, struct totals *t)
{
	int right;

	if (!from->addr4 || !to->addr4 || from == to)
		return false;
	right = sockets_try(from, to, proto, port, want);
	if (right < 0)
		t->missing++;
	else
		t->tried++;
	if (!right && t->wrong < MAX_SHOWN)
		printf("%s: want %s, sockets find otherwise\n", where, row);
	return !right;
}

static int check_row(const char *row, const char *where, const struct rast_policy_world *world,
		     const struct rast_policy_image *im, const struct rast_policy_rules *rules,
		     struct totals *t)
{
	const struct rast_policy_pod *from, *to;
	char a[256], b[256], proto[8], in[512], out[512];
	unsigned int port, i, e, c;
	uint32_t cell_i, cell_e;
	size_t p;

	if (sscanf(row, "%255s %255s %7[A-Z]/%u i%u e%u c%u", a, b, proto, &port, &i, &e, &c) != 7)
		return -EINVAL;
	from = rast_policy_world_find(world, a);
	to = rast_policy_world_find(world, b);
	for (p = 0; p < ARRAY_SIZE(protos); p++)
		if (!strcmp(proto, protos[p]))
			break;
	if (!from || !to || p == ARRAY_SIZE(protos) || port > UINT16_MAX)
		return -EINVAL;
	cell_e = rast_policy_image_verdict(im, RAST_DIR_EGRESS, from->identity,
					   &(struct rast_policy_end){.identity = to->identity},
					   (enum rast_policy_proto)p, (uint16_t)port);
	cell_i = rast_policy_image_verdict(im, RAST_DIR_INGRESS, to->identity,
					   &(struct rast_policy_end){.identity = from->identity},
					   (enum rast_policy_proto)p, (uint16_t)port);
	t->verdicts++;
	if (sockets)
		t->wrong += check_sockets(row, where, from, to, (enum rast_policy_proto)p,
					  (uint16_t)port, c, t);
	t->wrong += check_loaded(row, where, from, to, (enum rast_policy_proto)p, (uint16_t)port, i,
				 e, t);
	if (!!(cell_i & RAST_CELL_ALLOW) == !!i && !!(cell_e & RAST_CELL_ALLOW) == !!e &&
	    (cell_i & cell_e & RAST_CELL_ALLOW) / RAST_CELL_ALLOW == c)
		return 0;
	if (t->wrong++ < MAX_SHOWN)
		printf("%s: want %s, got ingress %s by %s, egress %s by %s\n", where, row,
		       cell_i & RAST_CELL_ALLOW ? "allowed" : "denied",
		       rast_policy_rules_name(rules, cell_i & RAST_CELL_RULE, in, sizeof(in)),
		       cell_e & RAST_CELL_ALLOW ? "allowed" : "denied",
		       rast_policy_rules_name(rules, cell_e & RAST_CELL_RULE, out, sizeof(out)));
	return 0;
}

static int check_step(const json_t *step, struct totals *t, struct rast_err *err)
{
	_cleanup_policy_world_ struct rast_policy_world world = {};
	_cleanup_policy_set_ struct rast_policy_set *set = NULL;
	_cleanup_policy_rules_ struct rast_policy_rules *rules = NULL;
	_cleanup_free_ struct rast_policy_image *im = NULL;
	const json_t *truth = json_object_get(step, "truth");
	char where[64];
	size_t step_by;
	int r;

	(void)snprintf(where, sizeof(where), "case %d step %d", (int)rast_json_int(step, "case"),
		       (int)rast_json_int(step, "step"));
	if (!json_array_size(truth))
		return rast_err_set(err, EINVAL, "%s: no truth", where);
	if (read_world(step, &world) < 0 || rast_policy_set_create(&set) < 0)
		return rast_err_set(err, EINVAL, "%s: pods or namespaces cannot be read", where);
	r = read_policies(step, where, set, err);
	if (!r)
		r = rast_policy_compile(set, &world, 1, &im, &rules, NULL, err);
	if (!r)
		r = rast_policy_image_check(im, err);
	if (!r && loaded) {
		judge_world(&world);
		judge_apply(im);
	}
	if (!r && sockets && !sockets_world(&world))
		return rast_err_set(err, E2BIG, "%s: too many pods for sockets", where);
	if (!r && sockets)
		sockets_apply(im);
	step_by = sockets ? json_array_size(truth) / TRIED_PER_STEP | 1 : 1;
	for (size_t i = sockets ? t->steps % step_by : 0; !r && i < json_array_size(truth);
	     i += step_by) {
		const char *row = json_string_value(json_array_get(truth, i));

		if (!row || check_row(row, where, &world, im, rules, t) < 0)
			r = rast_err_set(err, EINVAL, "%s: truth %zu cannot be read: %s", where, i,
					 row ? row : "no text");
	}
	if (sockets) {
		unsigned int through = sockets_settle();

		if (through && t->wrong < MAX_SHOWN)
			printf("%s: %u that were to be denied came through\n", where, through);
		t->wrong += through;
	}
	t->steps++;
	return r;
}

static int check_file(gzFile f, char *line, struct totals *t, struct rast_err *err)
{
	int r = 0;

	while (!r && gzgets(f, line, MAX_LINE)) {
		_cleanup_json_ json_t *step = NULL;
		json_error_t jerr;

		if (line[strspn(line, " \t\r\n")] == '\0')
			continue;
		step = json_loads(line, 0, &jerr);
		r = step ? check_step(step, t, err)
			 : rast_err_set(err, EINVAL, "line %lu: %s", t->steps + 1, jerr.text);
	}
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *line = malloc(MAX_LINE);
	struct rast_err err = {};
	struct totals t = {};
	char text[1024];
	gzFile f;
	int r;

	sockets = argc == 4 && !strcmp(argv[1], "--sockets");
	loaded = argc == 4 && !strcmp(argv[1], "--loaded");
	if ((argc != 2 && !loaded && !sockets) || !line) {
		fprintf(stderr, "usage: netpol [--loaded CIDR | --sockets CIDR] FILE\n");
		return 2;
	}
	if (loaded)
		judge_open("netpol", argv[2]);
	if (sockets)
		sockets_open("tsockets", argv[2]);
	argv += argc - 2;
	f = gzopen(argv[1], "r");
	if (!f) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	r = check_file(f, line, &t, &err);
	gzclose(f);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], rast_err_format(&err, text, sizeof(text)));
		return 2;
	}
	printf("%lu steps, %lu verdicts, %lu of them also by the loaded programs, %lu wrong\n",
	       t.steps, t.verdicts, t.loaded, t.wrong);
	if (sockets)
		printf("%lu tried by sockets, %lu not for want of the protocol\n", t.tried,
		       t.missing);
	return t.wrong || !t.verdicts || (sockets && !t.tried) || (loaded && !t.loaded);
}
