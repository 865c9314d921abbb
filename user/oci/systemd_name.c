// SPDX-License-Identifier: BSD-2-Clause
/* Unit and slice of a container, and the list of words; see systemd_unit.h. */
#include "oci/systemd_unit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define IN_NAME LETTERS ":-_.\\@"

/* "a-b.slice" is below "a.slice", so no part of it may be empty; "-.slice" is the root. */
static bool slice_ok(const char *s)
{
	static const char end[] = ".slice";
	size_t n = strlen(s), e = sizeof(end) - 1;

	if (n <= e || n > OCI_UNIT_MAX || strcmp(s + n - e, end) != 0 || strspn(s, IN_NAME) != n ||
	    strchr(s, '@'))
		return false;
	if (!strcmp(s, "-.slice"))
		return true;
	return s[0] != '-' && s[n - e - 1] != '-' && !strstr(s, "--");
}

/* An id may hold '+', which no unit's name does: as systemd-escape(1) writes it. */
static void escape(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (; *text && n + 5 < size; text++)
		n += (size_t)snprintf(out + n, size - n, *text == '+' ? "\\x2b" : "%c", *text);
	out[n] = '\0';
}

int oci_unit_name_parse(const char *cgroups_path, const char *id, bool user,
			struct oci_unit_name *ret, struct rast_err *err)
{
	const char *first = cgroups_path ? strchr(cgroups_path, ':') : NULL;
	const char *second = first ? strchr(first + 1, ':') : NULL;
	struct oci_unit_name u = {0};
	char name[OCI_UNIT_MAX + 1], prefix[OCI_UNIT_MAX + 1];
	int slice, n;

	if (cgroups_path && (!second || strchr(second + 1, ':')))
		return rast_err_set(err, EINVAL,
				    "linux.cgroupsPath: want \"slice:prefix:name\" for systemd, "
				    "not \"%.80s\"",
				    cgroups_path);
	if (cgroups_path) {
		slice = snprintf(u.slice, sizeof(u.slice), "%.*s", (int)(first - cgroups_path),
				 cgroups_path);
		n = snprintf(prefix, sizeof(prefix), "%.*s", (int)(second - first - 1), first + 1);
		if (slice > OCI_UNIT_MAX || n > OCI_UNIT_MAX || strlen(second + 1) > OCI_UNIT_MAX)
			goto too_long;
		(void)strcpy(name, second + 1);
	} else {
		(void)strcpy(prefix, "rast-oci");
		escape(id, name, sizeof(name));
	}
	if (!u.slice[0])
		(void)strcpy(u.slice, user ? "user.slice" : "system.slice");
	if (!strcmp(u.slice, "-"))
		(void)strcpy(u.slice, "-.slice");
	if (!slice_ok(u.slice))
		return rast_err_set(err, EINVAL,
				    "linux.cgroupsPath: \"%.80s\" is no name of a slice", u.slice);
	if (!name[0])
		return rast_err_set(err, EINVAL, "linux.cgroupsPath: \"%.80s\" has an empty name",
				    cgroups_path);
	if (strspn(prefix, IN_NAME) != strlen(prefix) || strspn(name, IN_NAME) != strlen(name) ||
	    strchr(prefix, '@') || strchr(name, '@'))
		return rast_err_set(err, EINVAL,
				    "linux.cgroupsPath: \"%.40s%s%.80s\" is no name of a unit",
				    prefix, prefix[0] ? "-" : "", name);
	n = snprintf(u.unit, sizeof(u.unit), "%s%s%s.scope", prefix, prefix[0] ? "-" : "", name);
	if (n > OCI_UNIT_MAX)
		goto too_long;
	*ret = u;
	return 0;
too_long:
	return rast_err_set(err, ENAMETOOLONG,
			    "linux.cgroupsPath: a unit's name has at most %d characters",
			    OCI_UNIT_MAX);
}

void oci_words_add(struct oci_words *w, const char *fmt, ...)
{
	char *at = w->text + w->used;
	size_t room = sizeof(w->text) - w->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room || w->n >= OCI_MAX_WORDS) {
		w->full = true;
		return;
	}
	w->used += (size_t)n + 1;
	w->v[w->n++] = at;
	w->v[w->n] = NULL;
}

int oci_words_check(const struct oci_words *w, struct rast_err *err)
{
	return w->full ? rast_err_set(err, E2BIG, "more properties than fit for a unit of systemd")
		       : 0;
}
