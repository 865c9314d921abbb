// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as a command line of rast-oci (words end with a NUL; the first byte's lowest bit: the first word that
 * is no option ends them), or, when that byte's highest bit is set, as an answer of criu.
 */
#include "oci/criu_message.h"
#include "oci/oci.h"

#include "fuzz.h"

#include <string.h>

#define MAX_WORDS 300

static const struct oci_opt opts[] = {
	{"process", 'p', "FILE", ""}, {"env", 'e', "NAME=VALUE", ""},
	{"tty", 't', NULL, ""},       {"number", 'n', "N", ""},
	{"detach", 'd', NULL, ""},    {"no-pivot", 0, NULL, ""},
	{"pid-file", 0, "FILE", ""},  {0},
};

static void answer(const uint8_t *data, size_t size)
{
	struct oci_criu_answer a;

	if (oci_criu_answer_parse(data, size, &a) < 0)
		return;
	MUST(memchr(a.script, '\0', sizeof(a.script)) && memchr(a.text, '\0', sizeof(a.text)));
}

/* A value is a part of some word, or of a switch the empty text. */
static bool borrowed(const char *value, const char *text, size_t size)
{
	return !*value || (value >= text && value < text + size);
}

static void words(const uint8_t *data, size_t size, bool stop)
{
	char *text = malloc(size + 1), *argv[MAX_WORDS + 2] = {(char *)(uintptr_t) "rast-oci"};
	struct rast_err err = {0};
	struct oci_args a;
	long number = -1;
	int argc = 1, r;

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	for (char *p = text; p < text + size && argc <= MAX_WORDS; p += strlen(p) + 1)
		argv[argc++] = p;
	r = oci_args_parse(opts, stop, argc, argv, &a, &err);
	MUST(r == 0 ? !err.code : err.code == -r && err.text[0]);
	if (r == 0) {
		MUST(a.argc >= 0 && a.argc < argc && a.n_all <= OCI_MAX_VALUES);
		for (int i = 0; i < a.n_all; i++)
			MUST(borrowed(a.all[i].value, text, size));
		for (int i = 0; i < a.argc; i++)
			MUST(borrowed(a.argv[i], text, size));
		for (size_t i = 0; opts[i].name; i++)
			MUST(oci_has(&a, opts[i].name) == !!oci_arg_nth(&a, opts[i].name, 0));
		r = oci_arg_number(&a, "number", -5, 70000, 7, &number, &err);
		MUST(r == 0 ? number >= -5 && number <= 70000 : err.code == -r && err.text[0]);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] & 0x80)
		answer(data + 1, size - 1);
	else
		words(data + 1, size - 1, data[0] & 1);
	return 0;
}
