// SPDX-License-Identifier: BSD-2-Clause
/* See flow_filter.h. An event is JSON by now, so a filter is a list of tests on its fields. */
#include "policy/flow_filter.h"

#include "policy/addr.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum option {
	FROM,
	TO,
	POD,
	PORT,
	PROTOCOL,
	VERDICT,
	DIRECTION,
	NAMESPACE,
	POLICY,
	RULE,
	REASON,
	ENDED,
	N_OPTIONS
};

enum kind { A_NAME, A_CIDR, A_SELECTOR, AN_ENTITY, A_RANGE, A_WORD };

struct test {
	enum kind kind;
	char *text; /* owned; as it was given */
	struct rast_cidr cidr;
	long lo, hi;
};

struct rast_flow_filter {
	struct test tests[N_OPTIONS][RAST_FLOW_FILTER_MAX];
	size_t n[N_OPTIONS];
	bool fresh, ended, wants_labels;
};

static const char *const words_protocol[] = {"tcp", "udp", "sctp", "icmp", "icmpv6", NULL};
static const char *const words_verdict[] = {"allow", "deny", NULL};
static const char *const words_direction[] = {"ingress", "egress", NULL};
static const char *const words_ended[] = {"fin",     "rst",   "timeout", "policy",
					  "removed", "error", NULL};

static const struct {
	const char *name;
	const char *const *words; /* NULL: free text */
} options[N_OPTIONS] = {
	[FROM] = {"from", NULL},
	[TO] = {"to", NULL},
	[POD] = {"pod", NULL},
	[PORT] = {"port", NULL},
	[PROTOCOL] = {"protocol", words_protocol},
	[VERDICT] = {"verdict", words_verdict},
	[DIRECTION] = {"direction", words_direction},
	[NAMESPACE] = {"namespace", NULL},
	[POLICY] = {"policy", NULL},
	[RULE] = {"rule", NULL},
	[REASON] = {"reason", NULL},
	[ENDED] = {"how", words_ended},
};

struct rast_flow_filter *rast_flow_filter_create(void)
{
	return calloc(1, sizeof(struct rast_flow_filter));
}

void rast_flow_filter_destroy(struct rast_flow_filter *f)
{
	if (!f)
		return;
	for (int o = 0; o < N_OPTIONS; o++)
		for (size_t i = 0; i < f->n[o]; i++)
			free(f->tests[o][i].text);
	free(f);
}

void rast_flow_filter_set_kind(struct rast_flow_filter *f, bool fresh, bool ended)
{
	f->fresh = fresh;
	f->ended = ended;
}

bool rast_flow_filter_wants_labels(const struct rast_flow_filter *f)
{
	return f->wants_labels;
}

/* ---- parsing ---- */

static int parse_word(struct test *t, int o, struct rast_err *err)
{
	char list[160] = "";
	size_t len = 0;

	t->kind = A_WORD;
	for (const char *const *w = options[o].words; *w; w++) {
		if (!strcasecmp(*w, t->text))
			return 0;
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "",
					*w);
	}
	/* A protocol may be a number. */
	if (o == PROTOCOL && *t->text && strspn(t->text, "0123456789") == strlen(t->text) &&
	    strtol(t->text, NULL, 10) <= 255)
		return 0;
	return rast_err_set(err, EINVAL, "--%s %s: must be one of %s%s", options[o].name, t->text,
			    list, o == PROTOCOL ? ", or a number up to 255" : "");
}

static int parse_ports(struct test *t, struct rast_err *err)
{
	char *end;

	t->kind = A_RANGE;
	t->lo = isdigit((unsigned char)*t->text) ? strtol(t->text, &end, 10) : -1;
	t->hi = t->lo;
	if (t->lo >= 0 && *end == '-' && isdigit((unsigned char)end[1]))
		t->hi = strtol(end + 1, &end, 10);
	if (t->lo < 0 || *end || t->lo > 65535 || t->hi > 65535 || t->hi < t->lo)
		return rast_err_set(err, EINVAL, "--port %s: must be N or N-M, 0 to 65535",
				    t->text);
	return 0;
}

/* One requirement of a selector, cut at `,`: KEY=VALUE or KEY!=VALUE. */
static bool requirement(const char *at, size_t len, bool *ret_not, const char **ret_value,
			size_t *ret_key_len)
{
	const char *eq = memchr(at, '=', len);
	size_t key;

	if (!eq)
		return false;
	key = (size_t)(eq - at);
	*ret_not = key && at[key - 1] == '!';
	*ret_key_len = key - *ret_not;
	*ret_value = eq + 1;
	if (!*ret_not && eq + 1 < at + len && eq[1] == '=') /* as kubectl also takes it */
		(*ret_value)++;
	return *ret_key_len > 0;
}

static bool is_selector(const char *text)
{
	const char *value;
	size_t key;
	bool not ;

	for (;;) {
		size_t len = strcspn(text, ",");

		if (!requirement(text, len, &not, &value, &key))
			return false;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

static bool is_name(const char *text)
{
	size_t slashes = 0;

	if (!*text || *text == '/')
		return false;
	for (; *text; text++) {
		slashes += *text == '/';
		if (!isalnum((unsigned char)*text) && !strchr("-./", *text))
			return false;
	}
	return slashes <= 1;
}

static int parse_end(struct rast_flow_filter *f, struct test *t, int o, struct rast_err *err)
{
	if (!strcmp(t->text, "host") || !strcmp(t->text, "world") || !strcmp(t->text, "cluster")) {
		t->kind = AN_ENTITY;
		return 0;
	}
	if (!rast_cidr_parse(t->text, &t->cidr)) {
		t->kind = A_CIDR;
		return 0;
	}
	if (!rast_addr_parse(t->text, &t->cidr.v6, &t->cidr.lo)) {
		t->cidr.hi = t->cidr.lo;
		t->kind = A_CIDR;
		return 0;
	}
	if (strchr(t->text, '=')) {
		t->kind = A_SELECTOR;
		f->wants_labels = true;
		return is_selector(t->text)
			       ? 0
			       : rast_err_set(
					 err, EINVAL,
					 "--%s %s: a selector is KEY=VALUE or KEY!=VALUE, joined by commas",
					 options[o].name, t->text);
	}
	t->kind = A_NAME;
	/* What begins like an address and is none is a mistake, not a pod. */
	if (is_name(t->text) && (!isdigit((unsigned char)*t->text) || !strpbrk(t->text, "./")))
		return 0;
	return rast_err_set(
		err, EINVAL,
		"--%s %s: neither a pod, NAMESPACE/POD, selector, address or CIDR, nor host, world or cluster",
		options[o].name, t->text);
}

int rast_flow_filter_add(struct rast_flow_filter *f, const char *option, const char *value,
			 struct rast_err *err)
{
	struct test t = {0};
	int o = 0, r = 0;

	while (o < N_OPTIONS && strcmp(options[o].name, option) != 0)
		o++;
	if (o == N_OPTIONS)
		return rast_err_set(err, EINVAL, "no such filter: %s", option);
	if (f->n[o] == RAST_FLOW_FILTER_MAX)
		return rast_err_set(err, EINVAL, "--%s: more than %d values", option,
				    RAST_FLOW_FILTER_MAX);
	t.text = strdup(value);
	if (!t.text)
		return rast_err_set(err, ENOMEM, "out of memory");
	if (o == FROM || o == TO || o == POD)
		r = parse_end(f, &t, o, err);
	else if (o == PORT)
		r = parse_ports(&t, err);
	else if (options[o].words)
		r = parse_word(&t, o, err);
	else if (o == REASON && strspn(value, "abcdefghijklmnopqrstuvwxyz_") != strlen(value))
		r = rast_err_set(err, EINVAL, "--reason %s: small letters and _ only", value);
	else if (o == RULE || o == REASON ? !*value : !is_name(value))
		r = rast_err_set(err, EINVAL, "--%s %s: not a name", option, value);
	if (r < 0) {
		free(t.text);
		return r;
	}
	f->tests[o][f->n[o]++] = t;
	return 0;
}

/* ---- matching ---- */

struct end {
	const char *ns, *pod, *entity, *addr;
};

/* Who opened the flow (of a denied packet: sent it), and whom it was meant for. */
static void find_ends(const json_t *ev, struct end *from, struct end *to)
{
	bool in = !strcmp(rast_json_str(ev, "direction"), "ingress");
	struct end *own = in ? to : from, *peer = in ? from : to;

	own->ns = rast_json_str(ev, "namespace");
	own->pod = rast_json_str(ev, "pod");
	own->entity = "";
	peer->ns = rast_json_str(ev, "peer_namespace");
	peer->pod = rast_json_str(ev, "peer_pod");
	peer->entity = rast_json_str(ev, "peer_entity");
	from->addr = rast_json_str(ev, "src");
	to->addr = rast_json_str(ev, "dst");
}

static bool name_matches(const char *want, const char *ns, const char *name)
{
	const char *slash = strchr(want, '/');
	size_t len = slash ? (size_t)(slash - want) : 0;

	if (!slash)
		return !strcmp(want, name);
	return strlen(ns) == len && !strncmp(want, ns, len) &&
	       (!slash[1] || !strcmp(slash + 1, name));
}

static bool selector_matches(const char *text, const json_t *labels)
{
	for (;;) {
		size_t len = strcspn(text, ","), key_len;
		const char *value, *have = NULL;
		char key[330];
		bool not, same;

		if (!requirement(text, len, &not, &value, &key_len) || key_len >= sizeof(key))
			return false;
		memcpy(key, text, key_len);
		key[key_len] = '\0';
		have = json_string_value(json_object_get(labels, key));
		same = have && strlen(have) == (size_t)(text + len - value) &&
		       !strncmp(have, value, strlen(have));
		if (same == not )
			return false;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

static bool end_matches(const struct test *t, const struct end *e, rast_flow_labels_fn *labels,
			void *arg)
{
	const json_t *have;
	rast_u128 addr;
	bool v6;

	switch (t->kind) {
	case A_CIDR:
		return !rast_addr_parse(e->addr, &v6, &addr) &&
		       rast_cidr_contains(&t->cidr, v6, addr);
	case AN_ENTITY:
		if (!strcmp(t->text, "cluster"))
			return *e->pod || !strcmp(e->entity, "host");
		return !strcmp(t->text, e->entity);
	case A_SELECTOR:
		have = *e->pod && labels ? labels(arg, e->ns, e->pod) : NULL;
		return have && selector_matches(t->text, have);
	default:
		return *e->pod && name_matches(t->text, e->ns, e->pod);
	}
}

static bool word_matches(int o, const struct test *t, const json_t *ev)
{
	const json_t *rule = json_object_get(ev, "rule"),
		     *by = json_object_get(rule, "isolated_by"), *one;
	size_t i;

	switch (o) {
	case PROTOCOL:
		return !strcasecmp(t->text, rast_json_str(ev, "protocol"));
	case VERDICT:
		return !strncasecmp(t->text, rast_json_str(ev, "verdict"), strlen(t->text));
	case NAMESPACE:
		return !strcmp(t->text, rast_json_str(ev, "namespace")) ||
		       !strcmp(t->text, rast_json_str(ev, "peer_namespace"));
	case RULE:
		return strstr(rast_json_str(rule, "name"), t->text) != NULL;
	case POLICY:
		if (*rast_json_str(rule, "policy") &&
		    name_matches(t->text, rast_json_str(rule, "namespace"),
				 rast_json_str(rule, "policy")))
			return true;
		/* A default deny: those that isolate are what decided. "NAMESPACE/NAME" or a name. */
		json_array_foreach((json_t *)(uintptr_t)by, i, one) {
			const char *full = json_string_value(one),
				   *slash = full ? strchr(full, '/') : NULL;

			if (full &&
			    (!strcmp(full, t->text) || (slash && !strcmp(slash + 1, t->text))))
				return true;
		}
		return false;
	case ENDED:
		/* Of a sum: an object of counts. */
		if (json_is_object(json_object_get(ev, "ended")))
			return json_object_get(json_object_get(ev, "ended"), t->text) != NULL;
		return !strcasecmp(t->text, rast_json_str(ev, "ended"));
	default:
		return !strcasecmp(t->text, rast_json_str(ev, options[o].name));
	}
}

static bool test_matches(int o, const struct test *t, const json_t *ev, rast_flow_labels_fn *labels,
			 void *arg)
{
	struct end from, to;
	long port;

	if (o == PORT) {
		port = json_object_get(ev, "dst_port") ? (long)rast_json_int(ev, "dst_port") : -1;
		return t->lo <= port && port <= t->hi;
	}
	if (o != FROM && o != TO && o != POD)
		return word_matches(o, t, ev);
	find_ends(ev, &from, &to);
	return (o != TO && end_matches(t, &from, labels, arg)) ||
	       (o != FROM && end_matches(t, &to, labels, arg));
}

bool rast_flow_filter_match(const struct rast_flow_filter *f, const json_t *ev,
			    rast_flow_labels_fn *labels, void *arg)
{
	const char *type = rast_json_str(ev, "type");
	bool fresh = !strcmp(type, "flow") || !strcmp(type, "dns") || !strcmp(type, "staged"),
	     ended = !strcmp(type, "flow_end") || !strcmp(type, "flow_sum");

	if (!fresh && !ended)
		return false;
	if (f->fresh != f->ended && (fresh ? !f->fresh : !f->ended))
		return false;
	for (int o = 0; o < N_OPTIONS; o++) {
		bool any = !f->n[o];

		for (size_t i = 0; i < f->n[o] && !any; i++)
			any = test_matches(o, &f->tests[o][i], ev, labels, arg);
		if (!any)
			return false;
	}
	return true;
}
