// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as an annotation's value and as a cgroupsPath: refused with a reason, or words that fit their
 * signature, and a name that systemd would take.
 */
#include "base/mem.h"
#include "oci/systemd_unit.h"

#include "fuzz.h"

#include <string.h>

static void value(const char *text, bool usec)
{
	static struct oci_words w;
	struct rast_err err = {0};
	const char *sig;

	w.n = w.used = 0;
	w.full = false;
	if (oci_words_add_value(&w, "key", text, usec, &err) < 0) {
		MUST(err.code && strstr(err.text, "annotations.key: "));
		return;
	}
	MUST(w.full || w.n >= 2);
	if (w.full)
		return;
	sig = w.v[0];
	MUST(strchr("ybnqiuxtdsog", sig[sig[0] == 'a']) && sig[sig[0] == 'a']);
	MUST(strlen(sig) == (sig[0] == 'a' ? 2u : 1u));
	MUST(w.n == (sig[0] == 'a' ? strtoul(w.v[1], NULL, 10) + 2 : 2));
	MUST(!w.v[w.n]);
}

static void name(const char *text, bool user)
{
	struct oci_unit_name u;
	struct rast_err err = {0};

	if (oci_unit_name_parse(text, "id", user, &u, &err) < 0) {
		MUST(err.code && strstr(err.text, "linux.cgroupsPath: "));
		return;
	}
	MUST(strlen(u.unit) > 6 && !strcmp(u.unit + strlen(u.unit) - 6, ".scope"));
	MUST(strlen(u.slice) > 6 && !strcmp(u.slice + strlen(u.slice) - 6, ".slice"));
	MUST(!strpbrk(u.unit, "/@ :") || strchr(text, ':'));
	MUST(!strpbrk(u.unit, "/@ \n") && !strpbrk(u.slice, "/@ \n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	value(text, false);
	value(text, true);
	name(text, size & 1);
	return 0;
}
