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
#define RAST_MAX_QUESTIONS 32768u
/*
 * What one container may add, so that it cannot push out what others have: the least recently used goes first,
 * and at this pace what goes is over anyway.
 */
#define RAST_QUESTIONS_A_SECOND 1000u
#define RAST_LEARNT_A_MINUTE 1024u
#define RAST_NAME_SLOTS 8 /* patterns an address is known under */

/* By class of containers. */
enum rast_names_flags {
	RAST_NAMES_PEERS = 1 << 0, /* some egress rule has `fqdns`: answers are watched */
	RAST_NAMES_DNS = 1 << 1    /* some egress rule has `dns` */
};

/*
 * A pattern as the compiler writes it. `fqdns`: group 0, and klass is the peer class. `dns`: group is the rule's
 * number, klass 0. The same text may be in several groups.
 */
struct rast_pattern {
	__u64 id;   /* rast_pattern_id() of the text */
	__u32 text; /* offset of the name on the wire, or of what is behind the wildcard */
	__u32 klass;
	__u32 group;
	__u8 suffix; /* one or more labels before it, the name itself excluded */
	__u8 len;    /* with the root's zero */
	__u8 pad[2];
};
_Static_assert(sizeof(struct rast_pattern) == 24, "rast_pattern is part of the contract");

#define RAST_MAX_PATTERN_TEXT 65536u

/* The part of an image that is about names. The programs read n_patterns and flags_by_class. */
struct rast_name_table {
	__u32 n_patterns, n_text;
	__u8 flags_by_class[8192]; /* RAST_MAX_IDENTITIES */
	struct rast_pattern patterns[RAST_MAX_PATTERNS];
	__u8 text[RAST_MAX_PATTERN_TEXT];
};

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

/* class_by_pattern → peer class of that image. is_rule: `pattern` is a rule's number, which has `dns`. */
struct rast_pattern_key {
	__u64 pattern;
	__u32 slot;
	__u32 is_rule;
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
	__u32 server[4]; /* as in struct rast_flow_key */
	__u64 name;      /* hash, seeded when the programs are loaded */
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
	__u64 full;      /* no room in a map, or more than one container may add */
	__u64 refused;   /* questions that no `dns` rule allows, broken ones too */
};

/* A question that was not let out. */
struct rast_event_dns {
	struct rast_event hdr; /* slot and identity: who asked */
	__u8 family, protocol;
	__u8 reason;   /* enum rast_dns_reason */
	__u8 name_len; /* with the root's zero; 0: it could not be read */
	__u16 rule;    /* of image `generation`, whose `dns` it is */
	__u16 type;    /* of the question: 1 A, 28 AAAA … */
	__u32 generation;
	__u32 questions; /* that this event stands for */
	__u8 server[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 name[256];  /* as on the wire */
};

enum rast_dns_reason {
	RAST_DNS_OK = 0,
	RAST_DNS_NAME = 1,      /* no pattern of the rule matches */
	RAST_DNS_MALFORMED = 2, /* no question that can be read, or more than one */
	RAST_DNS_SPLIT = 3      /* TCP: not one whole message in one segment; UDP: fragments */
};

#endif
