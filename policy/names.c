// SPDX-License-Identifier: BSD-2-Clause
/* Kubernetes' name rules; see names.h. ASCII only: the C library's ctype would ask the locale. */
#include "policy/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool alnum(char c)
{
	return lower(c) || (c >= 'A' && c <= 'Z');
}

static bool dns_label(const char *s, size_t n)
{
	if (!n || !lower(s[0]) || !lower(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!lower(s[i]) && s[i] != '-')
			return false;
	return true;
}

static const char *dns_subdomain(const char *s, size_t n)
{
	if (n > 253)
		return "has more than 253 characters";
	for (;;) {
		const char *dot = memchr(s, '.', n);
		size_t len = dot ? (size_t)(dot - s) : n;

		if (!dns_label(s, len))
			return "must be lower case letters, digits, \"-\" and \".\", "
			       "with a letter or digit at both ends of each part";
		if (!dot)
			return NULL;
		s = dot + 1;
		n -= len + 1;
	}
}

const char *rast_name_dns_label(const char *s)
{
	size_t n = strlen(s);

	if (n > 63)
		return "has more than 63 characters";
	return dns_label(s, n) ? NULL
			       : "must be lower case letters, digits and \"-\", "
				 "with a letter or digit at both ends";
}

const char *rast_name_dns_subdomain(const char *s)
{
	return dns_subdomain(s, strlen(s));
}

static const char *qualified(const char *s, size_t n)
{
	if (n > 63)
		return "has more than 63 characters";
	if (!alnum(s[0]) || !alnum(s[n - 1]))
		return "must begin and end with a letter or digit";
	for (size_t i = 0; i < n; i++)
		if (!alnum(s[i]) && !strchr("-_.", s[i]))
			return "may have only letters, digits, \"-\", \"_\" and \".\"";
	return NULL;
}

const char *rast_name_label_key(const char *s)
{
	const char *slash = strchr(s, '/'), *why;

	if (slash) {
		if (strchr(slash + 1, '/'))
			return "has more than one \"/\"";
		why = dns_subdomain(s, (size_t)(slash - s));
		if (why)
			return "has a prefix that is no DNS name";
		s = slash + 1;
	}
	if (!*s)
		return "has no name";
	return qualified(s, strlen(s));
}

const char *rast_name_label_value(const char *s)
{
	return *s ? qualified(s, strlen(s)) : NULL;
}

const char *rast_name_port(const char *s)
{
	size_t n = strlen(s);
	bool letter = false;

	if (!n || n > 15)
		return "must have 1 to 15 characters";
	for (size_t i = 0; i < n; i++) {
		if (!lower(s[i]) && s[i] != '-')
			return "may have only lower case letters, digits and \"-\"";
		if (s[i] == '-' && (!i || i == n - 1 || s[i + 1] == '-'))
			return "may have \"-\" only between letters and digits";
		letter |= s[i] >= 'a' && s[i] <= 'z';
	}
	return letter ? NULL : "must have a letter (a number goes without quotes)";
}
