// SPDX-License-Identifier: BSD-2-Clause
/* How much the verifier has to look at to accept each program, as veristat would print it. */
#include "bench.h"
#include "selftests/bpf/verified.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void row(const struct verified *v, void *arg)
{
	char name[80], note[100];

	(void)snprintf(name, sizeof(name), "verified_%s", v->name);
	(void)snprintf(note, sizeof(note), "%lu states, %u bytes of stack", v->states, v->stack);
	*(int *)arg |= rast_bench_print(
		&(struct rast_bench_row){.name = name,
					 .unit = "insns",
					 .ours = v->loaded && v->insns ? (double)v->insns : NAN,
					 .target = v->limit ? (double)v->limit : NAN,
					 .note = v->loaded ? note : "refused"});
}

int main(void)
{
	int bad = 0, r;

	if (geteuid()) {
		(void)fprintf(stderr, "bench_verified: needs root\n");
		return 1;
	}
	r = verified_each(row, &bad);
	if (r)
		(void)fprintf(stderr, "bench_verified: %s\n", strerror(-r));
	return r || bad;
}
