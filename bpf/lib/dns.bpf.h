/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Messages of the domain name system (RFC 1035) that lie in a scratch: the question, and the addresses of
 * the answer. Nothing is trusted. Pure: this compiles for user space too, where the unit test and the
 * fuzzer of it are; all that changes from step to step lies in the scratch and not in registers, so that
 * the verifier sees every step of a loop as the same one.
 *
 * A name of the question may not be compressed: there is nothing before it to point to. Names of records are
 * stepped over, never followed, so that no pointer can lead in a circle.
 */
#ifndef RAST_BPF_LIB_DNS_H
#define RAST_BPF_LIB_DNS_H

#include "bpf/names.h"

#define DNS_HEADER 12u
#define DNS_TYPE_A 1u
#define DNS_TYPE_AAAA 28u
#define DNS_CLASS_IN 1u
/* A record whose name is a pointer takes two; 1024 more than suffice for 4096 bytes that mean anything. */
#define DNS_MAX_STEPS 1024
#define DNS_MAX_LABELS 128u /* 127 and the root */

struct dns_address {
	__u8 addr[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u32 ttl;
};

struct dns_scratch {
	__u8 msg[RAST_DNS_MAX];
	/* struct rast_name_key: the name in lower case from byte 8 on, 256 zeroes behind it, so that the key
	 * of each of its suffixes is a place in here. */
	__u8 key[8 + 512];
	__u8 label_at
		[DNS_MAX_LABELS]; /* where each label of the name begins; the last one is the root */
	struct dns_address found[RAST_DNS_MAX_ADDRESSES];
	__u64 hash; /* of the name */
	__u32 len;  /* of the message */
	__u32 at;
	__u32 left; /* bytes of this label; records to come */
	__u32 name_len, n_labels, n_found;
	__u32 left_out; /* addresses for which there was no room */
	__u32 done, in_record;
	__u16 id, flags, n_answers, type; /* host byte order; id as it came */
};

/* For bpf_loop(). */
struct dns_walk {
	struct dns_scratch *s;
	__u64 seed;
};

static __always_inline __u32 dns_byte(const struct dns_scratch *s, __u32 at)
{
	return s->msg[at & (RAST_DNS_MAX - 1)];
}

static __always_inline __u32 dns_u16(const struct dns_scratch *s, __u32 at)
{
	return dns_byte(s, at) << 8 | dns_byte(s, at + 1);
}

/* One byte of the question's name. Ends with done = 1 when all of it was right. */
static long dns_name_step(__u32 i, struct dns_walk *w)
{
	struct dns_scratch *s = w->s;
	__u32 c, out = s->name_len;

	(void)i;
	if (s->at >= s->len || out >= RAST_NAME_MAX)
		return 1;
	c = dns_byte(s, s->at);
	s->at++;
	if (!s->left) {
		/* 64 and more: a pointer, or a kind of label that was never used. */
		if (c > 63)
			return 1;
		s->label_at[s->n_labels & (DNS_MAX_LABELS - 1)] = out;
		s->n_labels++;
		s->left = c;
		s->done = !c;
	} else {
		s->left--;
		if (c - 'A' < 26)
			c |= 0x20;
	}
	s->key[8 + (out & 255)] = c;
	s->name_len = out + 1;
	s->hash = (s->hash ^ c) * 0x9e3779b97f4a7c15ull;
	s->hash ^= s->hash >> 29;
	return s->done ? 1 : 0;
}

/*
 * The header and the question of the s->len bytes in s->msg; `is_answer`: which of the two it must be.
 * Returns enum rast_dns_reason; with RAST_DNS_OK s->at is behind the question.
 */
static __always_inline int dns_question(struct dns_scratch *s, __u64 seed, int is_answer)
{
	struct dns_walk w = {.s = s, .seed = seed};

	__builtin_memset(s->key, 0, sizeof(s->key));
	s->hash = seed;
	s->left = s->name_len = s->n_labels = s->n_found = s->left_out = s->done = 0;
	s->at = DNS_HEADER;
	/* The least: the root's name, type and class. */
	if (s->len < DNS_HEADER + 5)
		return RAST_DNS_MALFORMED;
	__builtin_memcpy(&s->id, s->msg, 2);
	s->flags = dns_u16(s, 2);
	s->n_answers = dns_u16(s, 6);
	/* QR, and of the operations only QUERY; exactly one question. */
	if ((s->flags & 0xf800) != (is_answer ? 0x8000 : 0) || dns_u16(s, 4) != 1)
		return RAST_DNS_MALFORMED;
	if (!is_answer && (s->n_answers || dns_u16(s, 8)))
		return RAST_DNS_MALFORMED;
	bpf_loop(RAST_NAME_MAX, dns_name_step, &w, 0);
	if (!s->done || s->at + 4 > s->len) {
		s->name_len = s->done ? s->name_len : 0;
		return RAST_DNS_MALFORMED;
	}
	s->type = dns_u16(s, s->at);
	if (dns_u16(s, s->at + 2) != DNS_CLASS_IN)
		return RAST_DNS_MALFORMED;
	s->at += 4;
	return RAST_DNS_OK;
}

static __always_inline void dns_found(struct dns_scratch *s, __u32 at, __u32 size, __u32 ttl)
{
	struct dns_address *a;
	__u32 n = s->n_found;

	if (n >= RAST_DNS_MAX_ADDRESSES) {
		s->left_out++;
		return;
	}
	a = &s->found[n];
	a->ttl = ttl;
	if (size == 4) {
		__builtin_memset(a->addr, 0, 10);
		a->addr[10] = a->addr[11] = 0xff;
		for (__u32 i = 0; i < 4; i++)
			a->addr[12 + i] = dns_byte(s, at + i);
	} else {
		for (__u32 i = 0; i < 16; i++)
			a->addr[i] = dns_byte(s, at + i);
	}
	s->n_found = n + 1;
}

/* A label of a record's name, or what is behind the name. Ends with done = 1 when all records were read. */
static long dns_record_step(__u32 i, struct dns_walk *w)
{
	struct dns_scratch *s = w->s;
	__u32 at = s->at, c, type, size;

	(void)i;
	if (!s->in_record) {
		if (at >= s->len)
			return 1;
		c = dns_byte(s, at);
		if (c >= 0xc0) {
			s->at = at + 2;
			s->in_record = 1;
		} else if (c > 63) {
			return 1;
		} else {
			s->at = at + 1 + c;
			s->in_record = !c;
		}
		return 0;
	}
	if (at + 10 > s->len)
		return 1;
	type = dns_u16(s, at);
	size = dns_u16(s, at + 8);
	if (at + 10 + size > s->len)
		return 1;
	if (dns_u16(s, at + 2) == DNS_CLASS_IN &&
	    ((type == DNS_TYPE_A && size == 4) || (type == DNS_TYPE_AAAA && size == 16)))
		dns_found(s, at + 10, size, dns_u16(s, at + 4) << 16 | dns_u16(s, at + 6));
	s->at = at + 10 + size;
	s->in_record = 0;
	s->left--;
	if (s->left)
		return 0;
	s->done = 1;
	return 1;
}

/*
 * After dns_question(): the addresses among the answers, whatever their names: the chain of aliases behind
 * the question is the server's affair. What was read before an error stays found: -1.
 */
static __always_inline int dns_addresses(struct dns_scratch *s)
{
	struct dns_walk w = {.s = s};

	s->left = s->n_answers;
	s->in_record = s->done = 0;
	if (!s->left)
		return 0;
	bpf_loop(DNS_MAX_STEPS, dns_record_step, &w, 0);
	return s->done ? 0 : -1;
}

#endif
