// SPDX-License-Identifier: BSD-2-Clause
/* Width, units and cleaning of text for terminals; see text.h. */
#include "cli/text.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/*
 * Decodes one character. Returns its length, or 0 for a byte that is no UTF-8 (too long forms,
 * surrogates, past U+10FFFF). Own code, since mbrtowc() depends on the locale that happens to be set.
 */
static size_t decode(const char *s, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)s;
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
	uint32_t c = n == 1 ? p[0] : n == 2 ? p[0] & 0x1f : n == 3 ? p[0] & 0x0f : p[0] & 0x07;

	if (!n || p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return n;
}

/* Blocks of Unicode 15 EastAsianWidth.txt (W and F) and of general category Mn, coarsely. */
static unsigned int char_width(uint32_t c)
{
	static const struct {
		uint32_t from, to;
		unsigned int width;
	} ranges[] = {
		{0x0300, 0x036f, 0},   {0x0483, 0x0489, 0},   {0x0591, 0x05bd, 0},
		{0x064b, 0x065f, 0},   {0x1100, 0x115f, 2},   {0x1ab0, 0x1aff, 0},
		{0x1dc0, 0x1dff, 0},   {0x200b, 0x200f, 0},   {0x20d0, 0x20ff, 0},
		{0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},   {0xa960, 0xa97c, 2},
		{0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},
		{0xfe20, 0xfe2f, 0},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},
		{0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2},
		{0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2}, {0xe0100, 0xe01ef, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return ranges[i].width;
	return 1;
}

size_t rast_text_width(const char *s)
{
	size_t width = 0;

	while (*s) {
		uint32_t c = 0;
		size_t n = decode(s, &c);

		width += n ? char_width(c) : 1;
		s += n ? n : 1;
	}
	return width;
}

static size_t style_length(const char *s)
{
	size_t n;

	if (s[0] != '\033' || s[1] != '[')
		return 0;
	n = 2 + strspn(s + 2, "0123456789;");
	return s[n] == 'm' ? n + 1 : 0;
}

const char *rast_text_clean(const char *s, bool keep_style, char *buf, size_t size)
{
	size_t len = 0;

	if (!size)
		return "";
	while (*s) {
		uint32_t c = 0;
		size_t n = keep_style ? style_length(s) : 0;
		char out[8];

		if (!n)
			n = decode(s, &c);
		else
			c = ' ';
		/* C1 controls (U+0080..9f) start sequences on some terminals; bidi overrides hide. */
		if (n && c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0) &&
		    !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069)) {
			if (len + n >= size)
				break;
			memcpy(buf + len, s, n);
			len += n;
			s += n;
			continue;
		}
		if (*s == '\n')
			(void)snprintf(out, sizeof(out), "\\n");
		else if (*s == '\t')
			(void)snprintf(out, sizeof(out), "\\t");
		else
			(void)snprintf(out, sizeof(out), "\\x%02x", (unsigned char)*s);
		if (len + strlen(out) >= size)
			break;
		memcpy(buf + len, out, strlen(out));
		len += strlen(out);
		/* A multi-byte control is shown byte by byte: the rest are stray continuation bytes. */
		s++;
	}
	buf[len] = '\0';
	return buf;
}

static const char *scaled(uint64_t v, double step, const char *const *units, size_t n, char *buf,
			  size_t size)
{
	double d = (double)v;
	size_t i = 0;

	/* 999.95 would print as 1000.0. */
	while (i + 1 < n && d >= step * 0.99995) {
		d /= step;
		i++;
	}
	if (i == 0)
		(void)snprintf(buf, size, "%llu%s", (unsigned long long)v, units[0]);
	else
		(void)snprintf(buf, size, "%.1f%s", d, units[i]);
	return buf;
}

const char *rast_text_bytes(uint64_t v, char *buf, size_t size)
{
	static const char *const units[] = {"", "K", "M", "G", "T", "P", "E"};

	return scaled(v, 1024, units, ARRAY_SIZE(units), buf, size);
}

const char *rast_text_count(uint64_t v, char *buf, size_t size)
{
	static const char *const units[] = {"", "k", "M", "G", "T", "P", "E"};

	return scaled(v, 1000, units, ARRAY_SIZE(units), buf, size);
}

const char *rast_text_ns(uint64_t ns, char *buf, size_t size)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	uint64_t s = ns / 1000000000u;

	if (s < 60)
		return scaled(ns, 1000, units, ARRAY_SIZE(units), buf, size);
	if (s < 3600)
		(void)snprintf(buf, size, "%llum%02llus", (unsigned long long)(s / 60),
			       (unsigned long long)(s % 60));
	else if (s < 86400)
		(void)snprintf(buf, size, "%lluh%02llum", (unsigned long long)(s / 3600),
			       (unsigned long long)(s / 60 % 60));
	else
		(void)snprintf(buf, size, "%llud%02lluh", (unsigned long long)(s / 86400),
			       (unsigned long long)(s / 3600 % 24));
	return buf;
}
