/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names on a container's link: what it asks, what it is answered, and whether an address that the matrix
 * denies by default was learnt under a name that a rule allows. bpf/names.h has the picture.
 *
 * Enforcement fails closed: a question that a `dns` rule decides and that cannot be read is dropped, an
 * answer that cannot be read goes on and teaches nothing, and what finds no room in a map was not learnt.
 */
#ifndef RAST_BPF_LIB_NAMES_H
#define RAST_BPF_LIB_NAMES_H

#include "bpf/lib/dns.bpf.h"
#include "bpf/lib/emit.bpf.h"
#include "bpf/lib/flow.bpf.h"
#include "bpf/lib/pattern.bpf.h"

#define DNS_PORT 53

/* Set between open and load: what hashes of questions begin with. */
const volatile __u64 dns_seed = 0;

/* Slot, group and name → patterns. A miss means: no pattern ends here. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * RAST_MAX_PATTERNS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rast_name_key);
	__type(value, struct rast_name_pattern);
} name_pattern SEC(".maps");

/* Who asked and address → patterns, each with its end. A miss means: not learnt, denied. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RAST_MAX_LEARNT);
	__type(key, struct rast_learnt_key);
	__type(value, struct rast_learnt);
} names_by_addr SEC(".maps");

/* Question → when. A miss means: not asked, teaches nothing. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RAST_MAX_QUESTIONS);
	__type(key, struct rast_question_key);
	__type(value, __u64);
} time_by_question SEC(".maps");

/* Who asked and hash of the name → events of refused questions, one a second at most. */
struct refused_key {
	__u64 name;
	__u32 identity, reason;
};

struct refused {
	__u64 last_ns, pending;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct refused_key);
	__type(value, struct refused);
} refused_by_name SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rast_dns_counters);
} dns_counters SEC(".maps");

/* Identity → what it has added of late. */
enum { BUDGET_QUESTIONS, BUDGET_LEARNT };
struct budget {
	__u64 since_ns[2];
	__u32 used[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RAST_MAX_IDENTITIES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct budget);
} names_budget SEC(".maps");

/* Programs on packets do not interrupt each other on a CPU: softirqs are off. */
struct names_scratch {
	struct dns_scratch dns;
	struct rast_question_key question;
	struct rast_learnt_key key;
	struct rast_learnt fresh;
	__u64 now, matched[RAST_NAME_SLOTS];
	__u32 n_matched;
	__u8 name[256]; /* matching needs the one in dns.key */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct names_scratch);
} names_scratch SEC(".maps");

#define names_count(field, n)                                                              \
	do {                                                                               \
		__u32 zero_ = 0;                                                           \
		struct rast_dns_counters *c_ = bpf_map_lookup_elem(&dns_counters, &zero_); \
		if (c_)                                                                    \
			c_->field += (n);                                                  \
	} while (0)

/* May this identity add one more? Several CPUs at once may get some too many. */
static __noinline int names_afford(__u32 identity, __u32 what)
{
	__u32 limit = what ? RAST_LEARNT_A_MINUTE : RAST_QUESTIONS_A_SECOND;
	__u64 now = bpf_ktime_get_coarse_ns(), window = what ? 60 * SECONDS : SECONDS;
	struct budget *b = bpf_map_lookup_elem(&names_budget, &identity);

	if (!b) {
		struct budget fresh = {};

		bpf_map_update_elem(&names_budget, &identity, &fresh, BPF_NOEXIST);
		b = bpf_map_lookup_elem(&names_budget, &identity);
		if (!b)
			return 0;
	}
	what &= 1;
	if (now - b->since_ns[what] >= window) {
		b->since_ns[what] = now;
		b->used[what] = 0;
	}
	if (b->used[what] >= limit)
		return 0;
	b->used[what]++;
	return 1;
}

/* ---- a message into the scratch ---- */

enum { NAMES_NOTHING = -1 }; /* a segment without payload */

/* The whole message, or why not: enum rast_dns_reason. */
static __noinline int names_load(struct __sk_buff *skb, const struct packet *p,
				 struct names_scratch *s)
{
	__u32 at = p->l4_off, len, total, head;
	__u8 b[4];

	if (p->fragment != PACKET_WHOLE)
		return RAST_DNS_SPLIT;
	if (p->protocol == IPPROTO_UDP) {
		/* Datagrams that still are to be cut would be several messages. */
		if (skb->gso_size || bpf_skb_load_bytes(skb, at + 4, b, 2))
			return RAST_DNS_SPLIT;
		len = (b[0] << 8 | b[1]) - 8;
		at += 8;
	} else {
		if (bpf_skb_load_bytes(skb, at + 12, b, 1))
			return RAST_DNS_SPLIT;
		head = (b[0] >> 4) * 4;
		if (bpf_skb_load_bytes(skb, ETH_HLEN + (p->kind == PACKET_IPV6 ? 4 : 2), b, 2))
			return RAST_DNS_SPLIT;
		/* 0: more than 64 KB. */
		total = b[0] << 8 | b[1];
		if (!total)
			return RAST_DNS_SPLIT;
		total += ETH_HLEN + (p->kind == PACKET_IPV6 ? 40 : 0);
		at += head;
		if (total <= at)
			return NAMES_NOTHING;
		if (total - at < 2 || bpf_skb_load_bytes(skb, at, b, 2))
			return RAST_DNS_SPLIT;
		len = b[0] << 8 | b[1];
		at += 2;
		if (len != total - at)
			return RAST_DNS_SPLIT;
	}
	if (!len || len > RAST_DNS_MAX) {
		names_count(too_long, 1);
		return RAST_DNS_MALFORMED;
	}
	s->dns.len = len;
	len--;
	asm volatile(
		""
		: "+r"(len)); /* or the compiler, which knows the bounds, leaves the mask out */
	len = (len & (RAST_DNS_MAX - 1)) + 1;
	return bpf_skb_load_bytes(skb, at, s->dns.msg, len) ? RAST_DNS_MALFORMED : RAST_DNS_OK;
}

/* Reads the question; the name goes to s->name as well. */
static __noinline int names_read(struct names_scratch *s, int is_answer)
{
	int r = dns_question(&s->dns, dns_seed, is_answer);

	__builtin_memcpy(s->name, s->dns.key + 8, sizeof(s->name));
	return r;
}

/* ---- patterns ---- */

struct names_walk {
	struct names_scratch *s;
	__u32 slot, group;
};

static long names_match_step(__u32 i, struct names_walk *w)
{
	struct names_scratch *s = w->s;
	const struct rast_name_pattern *found;
	struct rast_name_key *key;
	__u64 pattern;
	__u32 n;

	if (i >= s->dns.n_labels)
		return 1;
	/* The key's head goes where the labels before were: they are done with. */
	key = (void *)(s->dns.key + s->dns.label_at[i & (DNS_MAX_LABELS - 1)]);
	key->slot = w->slot;
	key->group = w->group;
	found = bpf_map_lookup_elem(&name_pattern, key);
	if (!found)
		return 0;
	pattern = i ? found->suffix : found->exact;
	n = s->n_matched;
	if (!pattern)
		return 0;
	if (n >= RAST_NAME_SLOTS) {
		names_count(crowded, 1);
		return 1;
	}
	s->matched[n] = pattern;
	s->n_matched = n + 1;
	return w->group != 0; /* one suffices */
}

static __noinline int names_match(struct names_scratch *s, __u32 slot, __u32 group)
{
	struct names_walk w = {.s = s, .slot = slot, .group = group};

	s->n_matched = 0;
	bpf_loop(DNS_MAX_LABELS, names_match_step, &w, 0);
	return s->n_matched;
}

/* ---- questions ---- */

/* The rule that let the packet out, if its `dns` says which names may be asked; else 0. */
static __always_inline __u32 names_group(const struct look *l)
{
	struct rast_pattern_key key = {.pattern = l->rule, .slot = l->image_slot, .is_rule = 1};

	return bpf_map_lookup_elem(&class_by_pattern, &key) ? l->rule : 0;
}

static __noinline int names_report(const struct packet *p, const struct look *l,
				   struct names_scratch *s, __u32 reason, __u32 questions)
{
	struct rast_event_dns *ev;

	ev = emit_begin(RAST_RING_ORDINARY, RAST_EVENT_DNS, sizeof(*ev));
	if (!ev)
		return -1;
	ev->hdr.slot = l->ep.slot;
	ev->hdr.identity = l->ep.identity;
	ev->hdr.cgroup_id = l->ep.cgroup_id;
	ev->family = p->kind == PACKET_IPV6 ? 10 : 2;
	ev->protocol = p->protocol;
	ev->reason = reason;
	ev->name_len = s->dns.name_len;
	ev->rule = l->rule;
	ev->type = s->dns.type;
	ev->generation = l->generation;
	ev->questions = questions;
	__builtin_memcpy(ev->server, p->dst6, 16);
	__builtin_memcpy(ev->name, s->name, sizeof(ev->name));
	emit_end(&ev->hdr);
	return 0;
}

static __noinline int names_refuse(const struct packet *p, const struct look *l,
				   struct names_scratch *s, __u32 reason)
{
	struct refused_key key = {
		.name = s->dns.hash, .identity = l->ep.identity, .reason = reason};
	__u64 now = bpf_ktime_get_coarse_ns(), n;
	struct refused *r;

	names_count(refused, 1);
	if (reason != RAST_DNS_NAME) {
		/* No name that could be told. */
		key.name = 0;
		s->dns.name_len = 0;
		s->dns.type = 0;
		__builtin_memset(s->name, 0, sizeof(s->name));
	}
	r = bpf_map_lookup_elem(&refused_by_name, &key);
	if (!r) {
		struct refused fresh = {};

		bpf_map_update_elem(&refused_by_name, &key, &fresh, BPF_NOEXIST);
		r = bpf_map_lookup_elem(&refused_by_name, &key);
		if (!r)
			return names_report(p, l, s, reason, 1);
	}
	__sync_fetch_and_add(&r->pending, 1);
	if (r->last_ns && now - r->last_ns < SECONDS)
		return 0;
	r->last_ns = now;
	n = __sync_lock_test_and_set(&r->pending, 0);
	if (n && names_report(p, l, s, reason, n))
		__sync_fetch_and_add(&r->pending, n);
	return 0;
}

static __noinline int names_question_key(struct names_scratch *s, const struct packet *p,
					 const struct look *l)
{
	const __u32 *server = (const void *)(l->dir == RAST_DIR_EGRESS ? p->dst6 : p->src6);
	__u16 port = l->dir == RAST_DIR_EGRESS ? p->src_port : p->dst_port;

	for (__u32 i = 0; i < 4; i++)
		s->question.server[i] = server[i];
	s->question.name = s->dns.hash;
	s->question.identity = l->ep.identity;
	s->question.port = port;
	s->question.id = s->dns.id;
	s->question.type = s->dns.type;
	s->question.protocol = p->protocol;
	__builtin_memset(s->question.pad, 0, sizeof(s->question.pad));
	s->now = bpf_ktime_get_coarse_ns();
	return 0;
}

/*
 * A packet to a server that the policy lets out. `group`: the rule that did, if it has `dns`, else 0: then
 * the question is only remembered. Returns enum rast_dns_reason.
 */
static __noinline int names_question(struct __sk_buff *skb, const struct packet *p,
				     const struct look *l, __u32 group)
{
	struct names_scratch *s;
	__u32 zero = 0;
	int r;

	s = bpf_map_lookup_elem(&names_scratch, &zero);
	if (!s)
		return RAST_DNS_MALFORMED;
	r = names_load(skb, p, s);
	if (r == NAMES_NOTHING)
		return RAST_DNS_OK;
	if (r == RAST_DNS_OK)
		r = names_read(s, 0);
	if (r == RAST_DNS_OK && group && !names_match(s, l->image_slot, group))
		r = RAST_DNS_NAME;
	if (r == RAST_DNS_OK && (l->names & RAST_NAMES_PEERS)) {
		names_question_key(s, p, l);
		if (!names_afford(l->ep.identity, BUDGET_QUESTIONS) ||
		    bpf_map_update_elem(&time_by_question, &s->question, &s->now, BPF_ANY))
			names_count(full, 1);
		else
			names_count(questions, 1);
	}
	if (!group)
		return RAST_DNS_OK;
	if (r)
		names_refuse(p, l, s, r);
	return r;
}

/* ---- answers ---- */

/* The i % 8th pattern of the i / 8th address. */
static long names_learn_step(__u32 i, struct names_walk *w)
{
	struct names_scratch *s = w->s;
	__u32 a = i / RAST_NAME_SLOTS, m = i % RAST_NAME_SLOTS, ttl, best = 0;
	__u64 pattern, until, least = ~0ull;
	struct rast_learnt_slot *slot;
	struct rast_learnt *e;

	if (a >= s->dns.n_found)
		return 1;
	if (m >= s->n_matched)
		return 0;
	a &= RAST_DNS_MAX_ADDRESSES - 1;
	pattern = s->matched[m];
	ttl = s->dns.found[a].ttl;
	if (ttl < RAST_NAME_TTL_MIN)
		ttl = RAST_NAME_TTL_MIN;
	if (ttl > RAST_NAME_TTL_MAX)
		ttl = RAST_NAME_TTL_MAX;
	until = s->now + ttl * SECONDS;
	__builtin_memcpy(s->key.addr, s->dns.found[a].addr, 16);
	e = bpf_map_lookup_elem(&names_by_addr, &s->key);
	/* What was learnt by whom had this identity before counts no more. */
	if (!e || e->learnt_ns < s->fresh.learnt_ns) {
		__u64 since = s->fresh.learnt_ns;

		s->fresh.learnt_ns = s->now;
		s->fresh.slots[0].pattern = pattern;
		s->fresh.slots[0].until_ns = until;
		if (!names_afford(s->key.identity, BUDGET_LEARNT) ||
		    bpf_map_update_elem(&names_by_addr, &s->key, &s->fresh, BPF_ANY))
			names_count(full, 1);
		else
			names_count(learnt, 1);
		s->fresh.learnt_ns = since;
		return 0;
	}
	for (__u32 k = 0; k < RAST_NAME_SLOTS; k++) {
		if (e->slots[k].pattern == pattern) {
			best = k;
			break;
		}
		if (e->slots[k].until_ns < least) {
			least = e->slots[k].until_ns;
			best = k;
		}
	}
	slot = &e->slots[best & (RAST_NAME_SLOTS - 1)];
	if (slot->pattern == pattern) {
		if (slot->until_ns < until)
			slot->until_ns = until;
	} else {
		if (slot->until_ns > s->now)
			names_count(crowded, 1);
		/* A reader must never see the old end with the new pattern. */
		*(volatile __u64 *)&slot->until_ns = 0;
		*(volatile __u64 *)&slot->pattern = pattern;
		*(volatile __u64 *)&slot->until_ns = until;
	}
	e->learnt_ns = s->now;
	__builtin_memcpy(e->name, s->fresh.name, sizeof(e->name));
	names_count(learnt, 1);
	return 0;
}

/* An answer that the policy lets in, before it goes on. Only looks. */
static __noinline int names_answer(struct __sk_buff *skb, const struct packet *p,
				   const struct look *l)
{
	struct names_walk w;
	struct names_scratch *s;
	const __u64 *when;
	__u64 asked;
	__u32 zero = 0;
	int r;

	s = bpf_map_lookup_elem(&names_scratch, &zero);
	if (!s)
		return 0;
	r = names_load(skb, p, s);
	if (r == NAMES_NOTHING)
		return 0;
	if (r == RAST_DNS_SPLIT) {
		names_count(split, 1);
		return 0;
	}
	if (r || names_read(s, 1)) {
		names_count(malformed, 1);
		return 0;
	}
	names_question_key(s, p, l);
	when = bpf_map_lookup_elem(&time_by_question, &s->question);
	asked = when ? *when : 0;
	if (!when || asked < l->ep.since_ns || s->now - asked > RAST_QUESTION_SECONDS * SECONDS) {
		names_count(unasked, 1);
		return 0;
	}
	bpf_map_delete_elem(&time_by_question, &s->question);
	names_count(answers, 1);
	if ((s->dns.flags & 0xf) || !names_match(s, l->image_slot, 0))
		return 0;
	if (dns_addresses(&s->dns))
		names_count(malformed, 1);
	names_count(too_long, s->dns.left_out);
	__builtin_memset(&s->fresh, 0, sizeof(s->fresh));
	__builtin_memcpy(s->fresh.name, s->name, sizeof(s->fresh.name) - 1);
	s->fresh.learnt_ns = l->ep.since_ns;
	s->key.identity = l->ep.identity;
	w.s = s;
	bpf_loop(RAST_DNS_MAX_ADDRESSES * RAST_NAME_SLOTS, names_learn_step, &w, 0);
	return 0;
}

/* Of l->names keeps what is to be watched about a packet that passes. */
static __always_inline void names_keep(const struct packet *p, struct look *l)
{
	if (!l->names)
		return;
	if (p->protocol != IPPROTO_UDP && p->protocol != IPPROTO_TCP)
		l->names = 0;
	else if (l->dir == RAST_DIR_INGRESS)
		l->names = p->src_port == bpf_htons(DNS_PORT) ? l->names & RAST_NAMES_PEERS : 0;
	else if (p->dst_port != bpf_htons(DNS_PORT))
		l->names = 0;
}

/*
 * A packet that passes, for which l->names is set. Not 0 for a question that the rule which lets it out does
 * not allow. Global: looked at once by the verifier.
 */
__noinline int names_watch(struct __sk_buff *skb, struct packet *p, struct look *l)
{
	__u32 group;

	if (!p || !l)
		return RAST_DNS_MALFORMED;
	if (l->dir == RAST_DIR_INGRESS) {
		names_answer(skb, p, l);
		return RAST_DNS_OK;
	}
	group = (l->names & RAST_NAMES_DNS) ? names_group(l) : 0;
	/* Who may ask some servers for some names learns from these servers alone. */
	if (!group && l->names != RAST_NAMES_PEERS)
		return RAST_DNS_OK;
	return names_question(skb, p, l, group);
}

/* ---- verdicts ---- */

static __always_inline __u32 names_by(struct look *l, __u64 pattern, __u32 cell)
{
	__u32 zero = 0;
	__u64 *in_use = bpf_map_lookup_elem(&pattern_in_use, &zero);

	if (in_use)
		*in_use = pattern;
	l->by_name = 1;
	return cell;
}

/*
 * What becomes of the cell: for a packet to the world that the matrix denies by default, that of a name of
 * its destination, if one allows it. A flow that was opened while its name was known goes on while it stands
 * and a rule still has the pattern. Sets l->names.
 */
static __noinline __u32 names_cell(const struct rast_policy_image *img, const struct packet *p,
				   struct look *l, __u32 denied)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	struct rast_learnt_key key;
	struct rast_flow *f = NULL;
	struct rast_learnt *e;
	__u32 zero = 0, cell;

	l->names = names_of(img, l->ep.identity);
	if (!(l->names & RAST_NAMES_PEERS) ||
	    (denied & (RAST_CELL_ALLOW | RAST_CELL_RULE)) != RAST_RULE_DEFAULT_DENY ||
	    l->dir != RAST_DIR_EGRESS || l->peer_identity != RAST_IDENTITY_WORLD)
		return denied;
	if (p->protocol != IPPROTO_TCP || (p->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN) {
		struct rast_flow_key *k = bpf_map_lookup_elem(&flow_in_question, &zero);

		if (!k)
			return denied;
		flow_key_of(k, p);
		f = bpf_map_lookup_elem(&flow_by_tuple, k);
		if (f && (!(f->state & RAST_FLOW_AT_SRC) || f->opened_ns < l->ep.since_ns ||
			  !flow_fresh(f, p->protocol, now)))
			f = NULL;
	}
	if (f) {
		cell = pattern_cell(img, l, f->pattern, p->protocol, number_of(p));
		if (cell & RAST_CELL_ALLOW) {
			flow_touch(f, p, 0, now);
			return names_by(l, f->pattern, cell);
		}
	}
	key.identity = l->ep.identity;
	__builtin_memcpy(key.addr, p->dst6, 16);
	e = bpf_map_lookup_elem(&names_by_addr, &key);
	if (!e || e->learnt_ns < l->ep.since_ns)
		return denied;
	for (__u32 i = 0; i < RAST_NAME_SLOTS; i++) {
		__u64 pattern;

		/* In this order: see names_learn_step(). */
		if (*(volatile __u64 *)&e->slots[i].until_ns <= now)
			continue;
		pattern = *(volatile __u64 *)&e->slots[i].pattern;
		cell = pattern_cell(img, l, pattern, p->protocol, number_of(p));
		if (cell & RAST_CELL_ALLOW) {
			if (f)
				f->pattern = pattern;
			return names_by(l, pattern, cell);
		}
	}
	return denied;
}

#endif
