/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names in the data plane: what rules with `fqdns` and `dns` become in the kernel, and what it learns.
 *
 *	query out   name_pattern  may it be asked at all (`dns`)? Remembered in time_by_question.
 *	answer in   only to a question that was asked: its addresses go to names_by_addr, with the pattern
 *	            that the name matches, before the answer goes on
 *	packet out  that the matrix denies by default: the patterns its address was learnt under are looked
 *	            up in class_by_pattern, which gives a peer class, and the matrix is asked again
 *
 * A pattern's number is a hash of its text, so what was learnt outlives images; what a number means
 * (class_by_pattern) belongs to one image. Nothing learnt by one container counts for another.
 */
#ifndef RAST_BPF_NAMES_H
#define RAST_BPF_NAMES_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#include "bpf/event.h"

#define RAST_DNS_MAX 4096u        /* bytes of a message that are looked at */
#define RAST_DNS_MAX_ADDRESSES 64 /* of one answer that are learnt */
#define RAST_NAME_MAX 255         /* RFC 1035, as on the wire */
#define RAST_NAME_TTL_MIN 60u     /* seconds: an address is used some time after it was asked for */
#define RAST_NAME_TTL_MAX 86400u
#define RAST_QUESTION_SECONDS 30u /* how long an answer may take */

#define RAST_MAX_PATTERNS 2048u /* texts of one image */
#define RAST_MAX_LEARNT 16384u
#define RAST_MAX_QUESTIONS 8192u
#define RAST_NAME_SLOTS 8 /* patterns an address is known under */

/*
 * name_pattern: the whole name or what is behind one of its dots, as on the wire but in lower case, zeroes
 * behind. Compared byte by byte, so no name passes for another.
 */
struct rast_name_key {
	__u32 slot;  /* of the image */
	__u32 group; /* 0: `fqdns`; else the rule whose `dns` it is of */
	__u8 name[256];
};
_Static_assert(sizeof(struct rast_name_key) == 264, "rast_name_key is part of the contract");

/* Numbers of patterns, 0: none. */
struct rast_name_pattern {
	__u64 exact;  /* the name itself */
	__u64 suffix; /* one or more labels before it */
};

/* class_by_pattern → peer class of that image */
struct rast_pattern_key {
	__u64 pattern;
	__u32 slot;
	__u32 pad;
};

/* names_by_addr: LRU. */
struct rast_learnt_key {
	__u32 identity; /* who asked */
	__u8 addr[16];  /* IPv4 as ::ffff:a.b.c.d */
};

struct rast_learnt_slot {
	__u64 pattern;
	__u64 until_ns; /* CLOCK_MONOTONIC_COARSE */
};

struct rast_learnt {
	__u64 learnt_ns; /* the last time */
	struct rast_learnt_slot slots[RAST_NAME_SLOTS];
	__u8 name
		[128]; /* that was last asked for, as on the wire: its first 127 bytes, zeroes behind */
};

/* time_by_question: LRU; questions that wait for an answer. */
struct rast_question_key {
	__u8 server[16];
	__u64 name; /* hash, seeded when the programs are loaded */
	__u32 identity;
	__u16 port, id; /* of the asker; of the message; network byte order */
	__u16 type;     /* host byte order */
	__u8 protocol;
	__u8 pad[5];
};
_Static_assert(sizeof(struct rast_question_key) == 40, "rast_question_key is part of the contract");

/* dns_counters, per CPU, key 0. */
struct rast_dns_counters {
	__u64 questions; /* remembered */
	__u64 answers;   /* to them */
	__u64 learnt;    /* addresses written, renewed ones too */
	__u64 unasked;   /* answers to nothing that was asked: went on, taught nothing */
	__u64 malformed; /* answers that nothing was learnt of */
	__u64 too_long;  /* messages or addresses beyond the limits above */
	__u64 split;     /* TCP: a message in several segments */
	__u64 crowded;   /* more patterns at one address than there is room for */
	__u64 full;      /* no room in a map */
	__u64 refused;   /* questions that no `dns` rule allows, broken ones too */
};

/* A question that was not let out. The record ends behind name_len bytes of name. */
struct rast_event_dns {
	struct rast_event hdr; /* slot and identity: who asked */
	__u8 family, protocol;
	__u8 reason;   /* enum rast_dns_reason */
	__u8 name_len; /* with the root's zero; 0: it could not be read */
	__u16 rule;    /* of image `generation`, whose `dns` it is */
	__u16 type;    /* of the question: 1 A, 28 AAAA … */
	__u32 generation;
	__u32 questions; /* that this event stands for */
	__u8 server[16]; /* IPv4 in the first four bytes */
	__u8 name[256];  /* as on the wire */
};

enum rast_dns_reason {
	RAST_DNS_OK = 0,
	RAST_DNS_NAME = 1,      /* no pattern of the rule matches */
	RAST_DNS_MALFORMED = 2, /* no question that can be read, or more than one */
	RAST_DNS_SPLIT = 3      /* TCP: not one whole message in one segment; UDP: fragments */
};

#endif
