// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kernel's reader of DNS messages. Byte 0 odd: an answer. What is taken must hold when it is read
 * again by a reader that is not clever: the name label by label, the addresses where the bytes are.
 */
#include "selftests/lib/bpf_native.h"

#include "bpf/lib/dns.bpf.h"
#include "fuzz.h"

#include <stdbool.h>

static struct dns_scratch *s;

static void check_name(const uint8_t *msg, size_t len)
{
	size_t at = 0, labels = 0;

	MUST(s->name_len && s->name_len <= RAST_NAME_MAX);
	for (;;) {
		size_t n;

		MUST(DNS_HEADER + at < len && labels < s->n_labels && s->label_at[labels] == at);
		labels++;
		n = msg[DNS_HEADER + at];
		MUST(n <= 63 && s->key[8 + at] == n);
		if (!n)
			break;
		for (size_t i = 1; i <= n; i++) {
			uint8_t c = msg[DNS_HEADER + at + i];

			MUST(s->key[8 + at + i] == (c >= 'A' && c <= 'Z' ? c + 32 : c));
		}
		at += n + 1;
	}
	MUST(labels == s->n_labels && at + 1 == s->name_len);
	for (size_t i = 8 + s->name_len; i < sizeof(s->key); i++)
		MUST(!s->key[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int answer, r;

	if (!size)
		return 0;
	answer = data[0] & 1;
	data++;
	size--;
	if (size > RAST_DNS_MAX)
		size = RAST_DNS_MAX;
	if (!s)
		s = malloc(sizeof(*s));
	MUST(s);
	/* Whatever the message before left here. */
	memcpy(s->msg, data, size);
	s->len = (__u32)size;
	r = dns_question(s, 42, answer);
	MUST(r == RAST_DNS_OK || r == RAST_DNS_MALFORMED);
	MUST(!memcmp(s->msg, data, size));
	if (s->name_len && s->done)
		check_name(data, size);
	if (r != RAST_DNS_OK)
		return 0;
	MUST(s->at <= size && s->at == DNS_HEADER + s->name_len + 4);
	if (!answer)
		return 0;
	r = dns_addresses(s);
	MUST(s->n_found <= RAST_DNS_MAX_ADDRESSES && s->n_found + s->left_out <= s->n_answers);
	MUST(r || s->at <= size);
	for (__u32 i = 0; i < s->n_found; i++) {
		static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
		const uint8_t *a = s->found[i].addr;
		bool v4 = !memcmp(a, mapped, 12), there = false;

		for (size_t k = 0; !there && k + 4 <= size; k++)
			there = v4 ? !memcmp(data + k, a + 12, 4)
				   : k + 16 <= size && !memcmp(data + k, a, 16);
		MUST(there);
	}
	return 0;
}
