/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What systemd is told of a container, as text: the unit's name and slice out of linux.cgroupsPath, and its
 * properties as the words of rast-oci-systemd's command line. Pure: nobody is asked here.
 *
 * A property is NAME SIGNATURE VALUE…; SIGNATURE is one of "ybnqiuxtdsog", or 'a' and one of them, and then
 * the number of values comes first. "?NAME" may be left out where systemd does not know it.
 */
#ifndef RAST_OCI_SYSTEMD_UNIT_H
#define RAST_OCI_SYSTEMD_UNIT_H

#include "container/cgroup.h"
#include "oci/resources.h"
#include "oci/spec.h"

#define OCI_UNIT_MAX 255

struct oci_unit_name {
	char unit[OCI_UNIT_MAX + 1];  /* "PREFIX-NAME.scope" */
	char slice[OCI_UNIT_MAX + 1]; /* "a-b.slice": systemd itself puts it below a.slice */
};

/*
 * "SLICE:PREFIX:NAME", each of which may be empty; NULL stands for "::ID" with our own prefix. The slice is
 * system.slice then, or user.slice with `user`. -EINVAL with err.
 */
int oci_unit_name_parse(const char *cgroups_path, const char *id, bool user,
			struct oci_unit_name *ret, struct rast_err *err);

#define OCI_MAX_WORDS 1000

/* Words in memory of their own; on the heap, since it is large. */
struct oci_words {
	const char *v[OCI_MAX_WORDS + 1]; /* NULL at the end */
	size_t n, used;
	bool full; /* something did not fit; see oci_words_check() */
	char text[32768];
};

void oci_words_add(struct oci_words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* -E2BIG with err when something did not fit. */
int oci_words_check(const struct oci_words *w, struct rast_err *err);

/*
 * One value as g_variant_parse() reads it, without tuples, dictionaries, variants and nested arrays: the
 * signature and the values are added. `key` is for err. `usec`: it is a number of seconds and becomes
 * microseconds of type t.
 */
int oci_words_add_value(struct oci_words *w, const char *key, const char *text, bool usec,
			struct rast_err *err);
/* Of the annotations org.systemd.property.NAME. */
int oci_words_add_annotations(struct oci_words *w, const struct rast_oci_spec *spec,
			      struct rast_err *err);
/*
 * Of what is written to the cgroup's files, so that systemd writes the same when it writes anew. The
 * controllers of `v2` are on cgroup2, others have systemd's old names. What it has no name for is left to
 * the files.
 */
int oci_words_add_limits(struct oci_words *w, const struct oci_resources *res, unsigned int v2,
			 struct rast_err *err);

#endif
