// SPDX-License-Identifier: BSD-2-Clause
/*
 * podman's default profile from its text to a program: our compiler against libseccomp, in one process
 * and in turn, given the same structure. And how long the two programs are.
 */
#include "bench.h"

#include "../unit/seccomp_peer.h"
#include "oci/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE "selftests/data/seccomp/podman.json"
#define TIMES 20
#define REPS 21

static unsigned short len_ours, len_peer;

static int ours(void *arg)
{
	struct rast_err err = {0};
	int r = 0;

	for (int i = 0; i < TIMES && r == 0; i++) {
		struct rast_seccomp_filter f = {0};

		r = rast_seccomp_profile_compile(arg, &f, &err);
		len_ours = f.len;
		rast_seccomp_finish(&f);
	}
	return r;
}

static int peer(void *arg)
{
	int r = 0;

	for (int i = 0; i < TIMES && r == 0; i++) {
		struct rast_seccomp_filter f = {0};

		r = seccomp_peer_compile(arg, &f);
		len_peer = f.len;
		rast_seccomp_finish(&f);
	}
	return r;
}

static struct rast_oci_spec *load(void)
{
	static char profile[65536], text[66000];
	struct rast_oci_spec *spec = NULL;
	struct rast_err err = {0};
	FILE *f = fopen(PROFILE, "re");

	if (!f) {
		perror(PROFILE);
		return NULL;
	}
	profile[fread(profile, 1, sizeof(profile) - 1, f)] = '\0';
	(void)fclose(f);
	(void)snprintf(text, sizeof(text),
		       "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":{"
		       "\"namespaces\":[{\"type\":\"mount\"}],\"seccomp\":%s}}",
		       profile);
	if (rast_oci_spec_parse("config.json", text, strlen(text), &spec, &err) < 0)
		(void)fprintf(stderr, "%s: %s\n", err.field, err.text);
	return spec;
}

int main(void)
{
	struct rast_oci_spec *spec = load();
	void *arg = spec ? (void *)(uintptr_t)spec->seccomp : NULL;
	struct rast_bench_side a = {.name = "rast", .fn = ours, .arg = arg},
			       b = {.name = "libseccomp", .fn = peer, .arg = arg};
	struct rast_bench_result ra, rb;
	int r;

	if (!spec)
		return 1;
	rast_bench_compare(&a, &b, REPS, &ra, &rb);
	r = rast_bench_print(&(struct rast_bench_row){
		.name = "seccomp profile of podman compiled",
		.unit = "us CPU",
		.ours = (double)ra.median.cpu_ns / 1e3 / TIMES,
		.peer = "libseccomp",
		.peer_figure = (double)rb.median.cpu_ns / 1e3 / TIMES,
		.target = 0.1,
		.note = "x86-64, i386 and x32; from the structure, without the parsing of JSON"});
	r |= rast_bench_print(
		&(struct rast_bench_row){.name = "instructions of podman's seccomp profile",
					 .unit = "instructions",
					 .ours = len_ours,
					 .peer = "libseccomp",
					 .peer_figure = len_peer,
					 .target = 0.3});
	rast_oci_spec_destroy(spec);
	return r < 0;
}
