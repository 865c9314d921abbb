// SPDX-License-Identifier: BSD-2-Clause
/* See criu_message.h: tag (field << 3 | kind), then a varint, or a length and so many bytes. */
#include "oci/criu_message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND_VARINT 0u
#define KIND_64 1u
#define KIND_BYTES 2u
#define KIND_32 5u

static void put(struct oci_message *m, const void *data, size_t n)
{
	if (m->failed || !n)
		return;
	if (m->room - m->len < n) {
		size_t room = (m->room + n) * 2;
		unsigned char *p = realloc(m->data, room);

		if (!p) {
			m->failed = true;
			return;
		}
		m->data = p;
		m->room = room;
	}
	memcpy(m->data + m->len, data, n);
	m->len += n;
}

static void put_varint(struct oci_message *m, uint64_t v)
{
	unsigned char b[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		b[n++] = (unsigned char)(v | 0x80);
	b[n++] = (unsigned char)v;
	put(m, b, n);
}

static void put_bytes(struct oci_message *m, unsigned int field, const void *data, size_t n)
{
	put_varint(m, field << 3 | KIND_BYTES);
	put_varint(m, n);
	put(m, data, n);
}

void oci_message_int(struct oci_message *m, unsigned int field, int64_t value)
{
	put_varint(m, field << 3 | KIND_VARINT);
	put_varint(m, (uint64_t)value);
}

void oci_message_text(struct oci_message *m, unsigned int field, const char *text)
{
	if (text)
		put_bytes(m, field, text, strlen(text));
}

void oci_message_format(struct oci_message *m, unsigned int field, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		m->failed = true;
		return;
	}
	put_bytes(m, field, text, (size_t)n);
	free(text);
}

void oci_message_sub(struct oci_message *m, unsigned int field, const struct oci_message *sub)
{
	if (sub->failed)
		m->failed = true;
	else
		put_bytes(m, field, sub->data, sub->len);
}

void oci_message_finish(struct oci_message *m)
{
	free(m->data);
	*m = (struct oci_message){0};
}

/* ---- reading ---- */

struct reader {
	const unsigned char *at, *end;
};

struct field {
	unsigned int number, kind;
	uint64_t value;
	struct reader bytes;
};

static int get_varint(struct reader *r, uint64_t *ret)
{
	uint64_t v = 0;
	unsigned int shift;

	for (shift = 0; shift < 64 && r->at < r->end; shift += 7) {
		unsigned char b = *r->at++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -EBADMSG;
}

static int skip(struct reader *r, size_t n)
{
	if ((size_t)(r->end - r->at) < n)
		return -EBADMSG;
	r->at += n;
	return 0;
}

/* 1: one more field; 0: the end. */
static int next(struct reader *r, struct field *f)
{
	uint64_t tag, n;

	if (r->at == r->end)
		return 0;
	if (get_varint(r, &tag) < 0 || tag >> 3 > UINT32_MAX)
		return -EBADMSG;
	*f = (struct field){.number = (unsigned int)(tag >> 3), .kind = tag & 7};
	switch (f->kind) {
	case KIND_VARINT:
		return get_varint(r, &f->value) < 0 ? -EBADMSG : 1;
	case KIND_64:
		return skip(r, 8) < 0 ? -EBADMSG : 1;
	case KIND_32:
		return skip(r, 4) < 0 ? -EBADMSG : 1;
	case KIND_BYTES:
		if (get_varint(r, &n) < 0 || n > (size_t)(r->end - r->at))
			return -EBADMSG;
		f->bytes = (struct reader){r->at, r->at + n};
		r->at += n;
		return 1;
	default:
		return -EBADMSG;
	}
}

static void copy_text(const struct field *f, char *buf, size_t size)
{
	size_t n = (size_t)(f->bytes.end - f->bytes.at);

	if (n >= size)
		n = size - 1;
	if (n)
		memcpy(buf, f->bytes.at, n);
	buf[n] = '\0';
}

/* criu_notify: script = 1, pid = 2. */
static int get_notify(struct reader r, struct oci_criu_answer *ret)
{
	struct field f;
	int more;

	while ((more = next(&r, &f)) > 0)
		if (f.number == 1)
			copy_text(&f, ret->script, sizeof(ret->script));
		else if (f.number == 2)
			ret->pid = (int64_t)f.value;
	return more;
}

/* criu_version: major = 1, minor = 2, sublevel = 4. */
static int get_version(struct reader r, struct oci_criu_answer *ret)
{
	struct field f;
	int more;

	while ((more = next(&r, &f)) > 0)
		if (f.number == 1)
			ret->major = (int64_t)f.value;
		else if (f.number == 2)
			ret->minor = (int64_t)f.value;
		else if (f.number == 4)
			ret->sublevel = (int64_t)f.value;
	return more;
}

static int get_restored(struct reader r, struct oci_criu_answer *ret)
{
	struct field f;
	int more;

	while ((more = next(&r, &f)) > 0)
		if (f.number == 1)
			ret->pid = (int64_t)f.value;
	return more;
}

int oci_criu_answer_parse(const void *data, size_t len, struct oci_criu_answer *ret)
{
	struct reader r = {data, (const unsigned char *)data + len};
	struct oci_criu_answer a = {0};
	struct field f;
	int more, bad = 0;

	while (!bad && (more = next(&r, &f)) > 0) {
		switch (f.number) {
		case 1:
			a.type = (int)f.value;
			break;
		case 2:
			a.success = f.value != 0;
			break;
		case 4:
			bad = get_restored(f.bytes, &a);
			break;
		case 5:
			bad = get_notify(f.bytes, &a);
			break;
		case 7:
			a.code = (int64_t)f.value;
			break;
		case 9:
			copy_text(&f, a.text, sizeof(a.text));
			break;
		case 10:
			bad = get_version(f.bytes, &a);
			break;
		default:
			break;
		}
	}
	if (bad || more < 0 || !a.type)
		return -EBADMSG;
	*ret = a;
	return 0;
}
