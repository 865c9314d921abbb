// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rule table as text: the very bytes that rast_policy_rules_to_json() would give, dumped compactly and
 * with sorted keys, but written at once. A table of 100,000 rules has a million values, which need not all
 * be objects first.
 */
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct out {
	char *text;
	size_t len, room;
	bool failed;
};

static void put(struct out *o, const char *s, size_t n)
{
	if (o->room - o->len < n + 1 && !o->failed) {
		size_t room = o->room ? o->room : 4096;
		char *more;

		while (room - o->len < n + 1)
			room *= 2;
		more = realloc(o->text, room);
		o->failed = !more;
		if (more) {
			o->text = more;
			o->room = room;
		}
	}
	if (o->failed)
		return;
	memcpy(o->text + o->len, s, n);
	o->len += n;
}

static void literal(struct out *o, const char *s)
{
	put(o, s, strlen(s));
}

static void number(struct out *o, int64_t n)
{
	uint64_t u = n < 0 ? -(uint64_t)n : (uint64_t)n;
	char buf[24], *p = buf + sizeof(buf);

	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (n < 0)
		*--p = '-';
	put(o, p, (size_t)(buf + sizeof(buf) - p));
}

static void escape(struct out *o, unsigned char c)
{
	static const char shorts[][2] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
					 {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};
	static const char digits[] = "0123456789ABCDEF";
	char u[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

	for (size_t i = 0; i < ARRAY_SIZE(shorts); i++)
		if ((char)c == shorts[i][0]) {
			u[1] = shorts[i][1];
			put(o, u, 2);
			return;
		}
	put(o, u, sizeof(u));
}

static void string(struct out *o, const char *s)
{
	const char *from = s;

	put(o, "\"", 1);
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == '"' || *s == '\\') {
			put(o, from, (size_t)(s - from));
			escape(o, (unsigned char)*s);
			from = s + 1;
		}
	put(o, from, (size_t)(s - from));
	put(o, "\"", 1);
}

static void strings(struct out *o, const char *const *list, uint32_t n)
{
	put(o, "[", 1);
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			put(o, ",", 1);
		string(o, list[i]);
	}
	put(o, "]", 1);
}

static void numbers(struct out *o, const uint32_t *list, uint32_t n)
{
	put(o, "[", 1);
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			put(o, ",", 1);
		number(o, list[i]);
	}
	put(o, "]", 1);
}

static void class_of(struct out *o, const struct rast_policy_class_ref *c)
{
	literal(o, "{\"egress_isolated_by\":");
	numbers(o, c->isolated_by[1], c->n_isolated_by[1]);
	literal(o, ",\"ingress_isolated_by\":");
	numbers(o, c->isolated_by[0], c->n_isolated_by[0]);
	literal(o, ",\"members\":");
	strings(o, c->members, c->n_members);
	put(o, "}", 1);
}

static void policy(struct out *o, const struct rast_policy_ref *p)
{
	literal(o, "{\"file\":");
	string(o, p->file);
	literal(o, ",\"kind\":");
	string(o, p->kind);
	literal(o, ",\"line\":");
	number(o, p->line);
	literal(o, ",\"name\":");
	string(o, p->name);
	literal(o, ",\"namespace\":");
	string(o, p->ns);
	literal(o, p->staged ? ",\"staged\":true}" : "}");
}

static void rule(struct out *o, const struct rast_policy_rule_ref *r)
{
	literal(o, "{\"action\":");
	string(o, r->action);
	literal(o, r->direction == RAST_DIR_INGRESS ? ",\"direction\":\"ingress\",\"id\":"
						    : ",\"direction\":\"egress\",\"id\":");
	number(o, r->id);
	literal(o, ",\"index\":");
	number(o, r->index);
	literal(o, ",\"line\":");
	number(o, r->line);
	literal(o, ",\"policy\":");
	number(o, r->policy);
	put(o, "}", 1);
}

int rast_policy_rules_to_text(const struct rast_policy_rules *rules, char **ret, size_t *ret_len)
{
	struct out o = {0};

	literal(&o, "{\"address_classes\":");
	strings(&o, rules->addr_classes, rules->n_addr_classes);
	literal(&o, ",\"classes\":[");
	for (uint32_t i = 0; i < rules->n_classes; i++) {
		if (i)
			put(&o, ",", 1);
		class_of(&o, &rules->classes[i]);
	}
	literal(&o, "],\"generation\":");
	number(&o, rules->generation);
	literal(&o, ",\"policies\":[");
	for (uint32_t i = 0; i < rules->n_policies; i++) {
		if (i)
			put(&o, ",", 1);
		policy(&o, &rules->policies[i]);
	}
	literal(&o, "],\"port_classes\":");
	strings(&o, rules->port_classes, rules->n_port_classes);
	literal(&o, ",\"rules\":[");
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		if (i)
			put(&o, ",", 1);
		rule(&o, &rules->rules[i]);
	}
	literal(&o, "]}");
	if (o.failed) {
		free(o.text);
		return -ENOMEM;
	}
	o.text[o.len] = '\0';
	*ret = o.text;
	*ret_len = o.len;
	return 0;
}
