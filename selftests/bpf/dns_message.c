// SPDX-License-Identifier: BSD-2-Clause
/* See dns_message.h. */
#include "selftests/bpf/dns_message.h"

#include "policy/fqdn.h"
#include "selftests/lib/tap.h"

#include <string.h>

enum { A = 1, AAAA = 28 };

void message_put(struct message *m, const void *p, size_t n)
{
	memcpy(m->b + m->len, p, n);
	m->len += n;
}

void message_put16(struct message *m, unsigned int v)
{
	message_put(m, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

struct message message_question(uint16_t id, const char *name, unsigned int type)
{
	struct message m = {.len = 0};
	struct rast_fqdn f;

	if (rast_fqdn_parse(name, &f) < 0)
		bail("%s", name);
	message_put16(&m, id);
	message_put16(&m, 0x0100);
	message_put16(&m, 1);
	message_put(&m, "\0\0\0\0\0\0", 6);
	message_put(&m, f.wire, f.len);
	message_put16(&m, type);
	message_put16(&m, 1);
	return m;
}

static struct message begin(uint16_t id, const char *name, unsigned int type, unsigned int n)
{
	struct message m = message_question(id, name, type);

	m.b[2] = 0x81;
	m.b[3] = 0x80;
	m.b[7] = (uint8_t)n;
	return m;
}

static void record(struct message *m, unsigned int type, uint32_t ttl, const void *data, size_t n)
{
	message_put(m, "\xc0\x0c", 2);
	message_put16(m, type);
	message_put16(m, 1);
	message_put16(m, ttl >> 16);
	message_put16(m, ttl & 0xffff);
	message_put16(m, (unsigned int)n);
	message_put(m, data, n);
}

struct message message_answer(uint16_t id, const char *name, uint32_t addr, unsigned int n,
			      uint32_t ttl)
{
	struct message m = begin(id, name, A, n);

	for (unsigned int i = 0; i < n; i++, addr++) {
		uint8_t b[4] = {(uint8_t)(addr >> 24), (uint8_t)(addr >> 16), (uint8_t)(addr >> 8),
				(uint8_t)addr};

		record(&m, A, ttl, b, sizeof(b));
	}
	return m;
}

struct message message_answer6(uint16_t id, const char *name, const uint8_t addr[16], uint32_t ttl)
{
	struct message m = begin(id, name, AAAA, 1);

	record(&m, AAAA, ttl, addr, 16);
	return m;
}

void message_frame(struct frame *f, struct frame_spec s, const struct message *m)
{
	s.payload = (uint16_t)m->len;
	frame_ipv4(f, &s);
	memcpy(f->b + f->len - m->len, m->b, m->len);
}
