/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS messages and frames with them, for tests and benches of the policy programs. */
#ifndef RAST_SELFTESTS_BPF_DNS_MESSAGE_H
#define RAST_SELFTESTS_BPF_DNS_MESSAGE_H

#include "selftests/bpf/frames.h"

#include <stddef.h>
#include <stdint.h>

struct message {
	uint8_t b[1400];
	size_t len;
};

void message_put(struct message *m, const void *p, size_t n);
void message_put16(struct message *m, unsigned int v);
/* Of class IN. Bails out when the name is none. */
struct message message_question(uint16_t id, const char *name, unsigned int type);
/* With `n` addresses from `addr` on (host byte order). */
struct message message_answer(uint16_t id, const char *name, uint32_t addr, unsigned int n,
			      uint32_t ttl);
/* The same with one IPv6 address. */
struct message message_answer6(uint16_t id, const char *name, const uint8_t addr[16], uint32_t ttl);
/* The frame of s with the message as payload. */
void message_frame(struct frame *f, struct frame_spec s, const struct message *m);

#endif
