// SPDX-License-Identifier: BSD-2-Clause
/* See fqdn.h. */
#include "policy/fqdn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int rast_fqdn_parse(const char *text, struct rast_fqdn *ret)
{
	struct rast_fqdn f = {0};
	size_t n = strlen(text), out = 0;

	if (n && text[0] == '*' && (!text[1] || text[1] == '.')) {
		f.suffix = true;
		text += text[1] ? 2 : 1;
		if (!*text && n > 1)
			return -EINVAL;
	} else if (!n) {
		return -EINVAL;
	}
	while (*text) {
		size_t len = strcspn(text, ".");

		if (!len || len > 63 || out + 1 + len >= RAST_NAME_MAX)
			return -EINVAL;
		f.wire[out++] = (uint8_t)len;
		for (size_t i = 0; i < len; i++) {
			char c = text[i];

			if (c >= 'A' && c <= 'Z')
				c = (char)(c + 32);
			if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
			    c != '_')
				return -EINVAL;
			f.wire[out++] = (uint8_t)c;
		}
		text += len;
		text += *text == '.';
	}
	f.len = (uint8_t)(out + 1);
	*ret = f;
	return 0;
}

bool rast_fqdn_matches(const struct rast_fqdn *pattern, const struct rast_fqdn *name)
{
	size_t at = name->len - pattern->len;

	if (name->len < pattern->len || memcmp(name->wire + at, pattern->wire, pattern->len) != 0)
		return false;
	if (!pattern->suffix)
		return !at;
	/* At a border of labels, and with one before it. */
	for (size_t i = 0; i < at; i += name->wire[i] + 1u)
		if (i + name->wire[i] + 1u == at)
			return true;
	return false;
}

uint64_t rast_fqdn_id(const struct rast_fqdn *f)
{
	uint64_t h = 0xcbf29ce484222325ull ^ f->suffix;

	for (size_t i = 0; i < f->len; i++) {
		h = (h ^ f->wire[i]) * 0x100000001b3ull;
		h ^= h >> 32;
	}
	return h ? h : 1;
}

const char *rast_fqdn_format(const uint8_t *wire, size_t len, char buf[RAST_FQDN_TEXT_SIZE])
{
	size_t at = 0, out = 0;
	bool cut = true;

	while (at < len) {
		size_t n = wire[at++];

		if (!n) {
			cut = false;
			break;
		}
		if (out)
			buf[out++] = '.';
		for (size_t i = 0; i < n && at < len && out + 12 < RAST_FQDN_TEXT_SIZE; i++, at++) {
			uint8_t c = wire[at];

			if (c > 32 && c < 127 && c != '.' && c != '\\')
				buf[out++] = (char)c;
			else
				out += (size_t)snprintf(buf + out, 5, "\\%03u", c);
		}
	}
	if (!out && !cut)
		buf[out++] = '.';
	if (cut) {
		memcpy(buf + out, "…", 3);
		out += 3;
	}
	buf[out] = '\0';
	return buf;
}

/* ---- the table of an image ---- */

int rast_fqdn_table_add(struct rast_name_table *t, const struct rast_fqdn *f, uint32_t klass,
			uint32_t group)
{
	struct rast_pattern *p;
	uint32_t text = t->n_text;

	if (t->n_patterns >= RAST_MAX_PATTERNS)
		return -E2BIG;
	/* In one policy after the other the same text. */
	for (uint32_t i = 0; i < t->n_patterns; i++)
		if (t->patterns[i].len == f->len &&
		    !memcmp(t->text + t->patterns[i].text, f->wire, f->len))
			text = t->patterns[i].text;
	if (text == t->n_text) {
		if (f->len > RAST_MAX_PATTERN_TEXT - t->n_text)
			return -E2BIG;
		memcpy(t->text + text, f->wire, f->len);
		t->n_text += f->len;
	}
	p = &t->patterns[t->n_patterns++];
	*p = (struct rast_pattern){.id = rast_fqdn_id(f),
				   .text = text,
				   .klass = klass,
				   .group = group,
				   .suffix = f->suffix,
				   .len = f->len};
	return 0;
}

void rast_fqdn_table_get(const struct rast_name_table *t, uint32_t i, struct rast_fqdn *ret)
{
	const struct rast_pattern *p = &t->patterns[i];

	memset(ret, 0, sizeof(*ret));
	ret->suffix = p->suffix;
	ret->len = p->len;
	memcpy(ret->wire, t->text + p->text, p->len);
}

static int bad(struct rast_err *err, const char *what)
{
	return rast_err_set(err, EINVAL, "not a policy image: %s", what);
}

static bool is_name(const uint8_t *wire, size_t len)
{
	size_t at = 0;

	while (at < len && wire[at] && wire[at] <= 63)
		at += wire[at] + 1u;
	return at + 1 == len && !wire[at];
}

int rast_fqdn_table_check(const struct rast_name_table *t, uint32_t n_peer, uint32_t n_rule,
			  struct rast_err *err)
{
	if (t->n_patterns > RAST_MAX_PATTERNS || t->n_text > RAST_MAX_PATTERN_TEXT)
		return bad(err, "more names than there is room for");
	for (uint32_t i = 0; i < t->n_patterns; i++) {
		const struct rast_pattern *p = &t->patterns[i];
		struct rast_fqdn f;

		if (p->suffix > 1 || p->pad[0] || p->pad[1] || !p->len || p->text > t->n_text ||
		    p->len > t->n_text - p->text || !is_name(t->text + p->text, p->len))
			return bad(err, "a name that is none");
		if (p->group ? p->klass || p->group >= n_rule : p->klass >= n_peer)
			return bad(err, "a name of a class or rule that is not there");
		rast_fqdn_table_get(t, i, &f);
		if (p->id != rast_fqdn_id(&f))
			return bad(err, "a name with another's number");
	}
	for (size_t i = 0; i < sizeof(t->flags_by_class); i++)
		if (t->flags_by_class[i] & ~(RAST_NAMES_PEERS | RAST_NAMES_DNS))
			return bad(err, "a class with unknown flags");
	return 0;
}
