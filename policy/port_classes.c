// SPDX-License-Identifier: BSD-2-Clause
/*
 * Port lists → classes of ports that no rule tells apart. Equal lists are one list, whoever wrote
 * them; a number that some pod has under a name in use is a class of its own, so that a name can
 * later mean exactly it. Class 0 is what no list mentions, and every protocol without ports.
 */
#include "policy/stage.h"

#include <errno.h>

struct interval {
	uint32_t list; /* which bit */
	enum rast_policy_proto proto;
	uint32_t lo, end; /* end: one past */
};

struct event {
	enum rast_policy_proto proto;
	uint32_t at, bit;
};

static int cmp_port(const struct rast_policy_port *a, const struct rast_policy_port *b)
{
	if (!a->name != !b->name)
		return a->name ? 1 : -1;
	if (a->proto != b->proto)
		return a->proto < b->proto ? -1 : 1;
	if (a->name)
		return strcmp(a->name, b->name);
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return (a->hi > b->hi) - (a->hi < b->hi);
}

static int cmp_port_ptr(const void *a, const void *b)
{
	return cmp_port(*(const struct rast_policy_port *const *)a,
			*(const struct rast_policy_port *const *)b);
}

/* A rule's ports sorted, to be compared with those of others. */
struct sorted {
	struct rast_flat_rule *rule;
	const struct rast_policy_port **ports;
	size_t n;
};

static int cmp_list(const struct sorted *a, const struct sorted *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		int c = cmp_port(a->ports[i], b->ports[i]);

		if (c)
			return c;
	}
	return (a->n > b->n) - (a->n < b->n);
}

static int cmp_sorted(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int c = cmp_list(x, y);

	return c ? c : (x->rule->number > y->rule->number) - (x->rule->number < y->rule->number);
}

static int sort_lists(struct rast_flat *flat, struct rast_arena *a, struct sorted **ret,
		      size_t *ret_n)
{
	struct sorted *s;
	size_t n = 0, at = 0;

	for (size_t i = 0; i < flat->n_policies; i++)
		n += flat->policies[i].n_rules[0] + flat->policies[i].n_rules[1];
	s = rast_arena_take(a, n + 1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < flat->n_policies * 2; i++) {
		struct rast_flat_policy *p = &flat->policies[i / 2];

		for (size_t j = 0; j < p->n_rules[i % 2]; j++) {
			struct rast_flat_rule *f = &p->rules[i % 2][j];
			struct sorted *to = &s[at];

			if (f->rule->any_port)
				continue;
			to->rule = f;
			to->n = f->rule->n_ports;
			to->ports = rast_arena_take(a, to->n, sizeof(*to->ports));
			if (!to->ports)
				return -ENOMEM;
			for (size_t k = 0; k < to->n; k++)
				to->ports[k] = &f->rule->ports[k];
			qsort(to->ports, to->n, sizeof(*to->ports), cmp_port_ptr);
			at++;
		}
	}
	qsort(s, at, sizeof(*s), cmp_sorted);
	*ret = s;
	*ret_n = at;
	return 0;
}

static int cmp_named(const void *a, const void *b)
{
	const struct rast_named *x = a, *y = b;
	int c;

	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	c = strcmp(x->name, y->name);
	return c ? c : (x->port > y->port) - (x->port < y->port);
}

static int cmp_use(const void *a, const void *b)
{
	const struct rast_policy_port *x = *(const struct rast_policy_port *const *)a;
	const struct rast_policy_port *y = *(const struct rast_policy_port *const *)b;

	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* All (protocol, name, number) that some pod has and some rule asks for. */
static int resolve(struct rast_ports *ports, const struct rast_index *ix, struct rast_arena *a)
{
	const struct rast_policy_port **uses;
	size_t n = 0, room = 0, kept = 0;

	for (size_t i = 0; i < ports->n_lists; i++)
		n += ports->lists[i].n_names;
	uses = rast_arena_take(a, n + 1, sizeof(*uses));
	if (!uses)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < ports->n_lists; i++)
		for (size_t j = 0; j < ports->lists[i].n_names; j++)
			uses[n++] = ports->lists[i].names[j];
	qsort(uses, n, sizeof(*uses), cmp_use);
	for (size_t i = 0; n && i < ix->n_pods; i++)
		room += ix->pods[i]->n_ports;
	ports->named = rast_arena_take(a, room + 1, sizeof(*ports->named));
	if (!ports->named)
		return -ENOMEM;
	for (size_t i = 0; n && i < ix->n_pods; i++)
		for (size_t j = 0; j < ix->pods[i]->n_ports; j++) {
			const struct rast_policy_named_port *np = &ix->pods[i]->ports[j];
			struct rast_policy_port key = {.proto = np->proto, .name = np->name};
			const struct rast_policy_port *k = &key;

			if (bsearch(&k, uses, n, sizeof(*uses), cmp_use))
				ports->named[kept++] =
					(struct rast_named){np->name, np->proto, np->port, NULL};
		}
	qsort(ports->named, kept, sizeof(*ports->named), cmp_named);
	for (size_t i = 0; i < kept; i++)
		if (!ports->n_named ||
		    cmp_named(&ports->named[i], &ports->named[ports->n_named - 1]) != 0)
			ports->named[ports->n_named++] = ports->named[i];
	for (size_t i = 0; i < ports->n_named; i++) {
		ports->named[i].pods = rast_arena_take(a, ix->words, sizeof(uint64_t));
		if (!ports->named[i].pods)
			return -ENOMEM;
	}
	for (size_t i = 0; ports->n_named && i < ix->n_pods; i++)
		for (size_t j = 0; j < ix->pods[i]->n_ports; j++) {
			const struct rast_policy_named_port *np = &ix->pods[i]->ports[j];
			struct rast_named key = {np->name, np->proto, np->port, NULL};
			struct rast_named *at =
				bsearch(&key, ports->named, ports->n_named, sizeof(key), cmp_named);

			if (at)
				rast_bit_set(at->pods, i);
		}
	return 0;
}

static int cmp_interval(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	return (x->lo > y->lo) - (x->lo < y->lo);
}

static int cmp_event(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* Where each list's membership flips, sorted by protocol and port. */
static int events(const struct rast_ports *ports, const struct sorted *lists, size_t n_lists,
		  struct rast_arena *a, struct event **ret, size_t *ret_n)
{
	struct interval *iv;
	struct event *ev;
	size_t n = ports->n_named, at = 0, merged = 0;

	for (size_t i = 0; i < n_lists; i++)
		n += lists[i].n;
	iv = rast_arena_take(a, n + 1, sizeof(*iv));
	ev = rast_arena_take(a, 2 * n + 1, sizeof(*ev));
	if (!iv || !ev)
		return -ENOMEM;
	for (size_t i = 0; i < n_lists; i++)
		for (size_t j = 0; j < lists[i].n; j++) {
			const struct rast_policy_port *p = lists[i].ports[j];

			if (!p->name)
				iv[at++] =
					(struct interval){(uint32_t)i, p->proto, p->lo, p->hi + 1u};
		}
	/* Two names for one number give two bits where one would do: the sets are the same. */
	for (size_t i = 0; i < ports->n_named; i++)
		iv[at++] = (struct interval){(uint32_t)(n_lists + i), ports->named[i].proto,
					     ports->named[i].port, ports->named[i].port + 1u};
	qsort(iv, at, sizeof(*iv), cmp_interval);
	for (size_t i = 0; i < at; i++) {
		struct interval *last = merged ? &iv[merged - 1] : NULL;

		if (last && last->list == iv[i].list && last->proto == iv[i].proto &&
		    iv[i].lo <= last->end) {
			if (iv[i].end > last->end)
				last->end = iv[i].end;
		} else {
			iv[merged++] = iv[i];
		}
	}
	for (size_t i = 0; i < merged; i++) {
		ev[2 * i] = (struct event){iv[i].proto, iv[i].lo, iv[i].list};
		ev[2 * i + 1] = (struct event){iv[i].proto, iv[i].end, iv[i].list};
	}
	qsort(ev, 2 * merged, sizeof(*ev), cmp_event);
	*ret = ev;
	*ret_n = 2 * merged;
	return 0;
}

static int sweep(struct rast_ports *ports, const struct event *ev, size_t n, struct rast_arena *a,
		 struct rast_sigs *sigs)
{
	uint64_t *bits = rast_arena_take(a, sigs->words, sizeof(*bits));
	size_t i = 0;

	if (!bits)
		return -ENOMEM;
	for (int proto = 0; proto < RAST_PROTO_PORTED; proto++)
		for (uint32_t at = 0, next; at < 65536; at = next) {
			uint32_t klass;

			for (; i < n && ev[i].proto == (unsigned int)proto && ev[i].at == at; i++)
				rast_bit_flip(bits, ev[i].bit);
			next = i < n && ev[i].proto == (unsigned int)proto ? ev[i].at : 65536;
			if (rast_sigs_get(sigs, bits, &klass) < 0)
				return -ENOMEM;
			if (klass < RAST_MAX_PORT_CLASSES)
				memset(&ports->port_class[proto][at], (int)klass, next - at);
			if (next != 65536)
				continue;
			/* What ends with the last port. */
			for (; i < n && ev[i].proto == (unsigned int)proto; i++)
				rast_bit_flip(bits, ev[i].bit);
		}
	return 0;
}

int rast_ports_build(struct rast_flat *flat, const struct rast_index *ix, struct rast_arena *a,
		     struct rast_ports *ret)
{
	struct rast_ports ports = {};
	struct rast_sigs sigs;
	struct sorted *s;
	struct event *ev;
	size_t n, n_ev, kept = 0;

	if (sort_lists(flat, a, &s, &n) < 0)
		return -ENOMEM;
	ports.lists = rast_arena_take(a, n + 1, sizeof(*ports.lists));
	ports.port_class = rast_arena_take(a, RAST_PROTO_PORTED, sizeof(*ports.port_class));
	if (!ports.lists || !ports.port_class)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!kept || cmp_list(&s[i], &s[kept - 1]) != 0) {
			struct rast_port_list *l = &ports.lists[kept];

			/* Names sort behind numbers. */
			l->names = s[i].ports;
			l->n_names = s[i].n;
			while (l->n_names && !l->names[0]->name) {
				l->names++;
				l->n_names--;
			}
			s[i].rule->port_list = (uint32_t)kept;
			s[kept++] = s[i];
		} else {
			s[i].rule->port_list = (uint32_t)kept - 1;
		}
	}
	ports.n_lists = kept;
	if (resolve(&ports, ix, a) < 0 || events(&ports, s, kept, a, &ev, &n_ev) < 0 ||
	    rast_sigs_init(&sigs, a, kept + ports.n_named) < 0 ||
	    sweep(&ports, ev, n_ev, a, &sigs) < 0)
		return -ENOMEM;
	ports.n_class = sigs.n;
	for (size_t c = 0; c < sigs.n && c < RAST_MAX_PORT_CLASSES; c++)
		for (size_t i = 0; i < kept; i++)
			if (rast_bit_test(sigs.sets[c], i))
				rast_bit_set(ports.lists[i].classes, c);
	*ret = ports;
	return 0;
}

void rast_ports_of(const struct rast_ports *ports, const struct rast_port_list *list,
		   const struct rast_index *ix, const uint32_t *pod, uint64_t ret[4])
{
	memcpy(ret, list->classes, sizeof(list->classes));
	if (!pod)
		return;
	for (size_t i = 0; i < list->n_names; i++) {
		const struct rast_policy_port *want = list->names[i];

		for (size_t j = 0; j < ix->pods[*pod]->n_ports; j++) {
			const struct rast_policy_named_port *np = &ix->pods[*pod]->ports[j];

			if (np->proto == want->proto && !strcmp(np->name, want->name))
				rast_bit_set(ret, ports->port_class[np->proto][np->port]);
		}
	}
}
