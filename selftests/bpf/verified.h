/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the verifier of the running kernel said of each program, as veristat would print it: how much it
 * had to look at, and the stack of the program and all functions it calls. Those do not all call each
 * other, so the sum may be more than the 512 bytes that one chain of calls may take.
 */
#ifndef RAST_SELFTESTS_BPF_VERIFIED_H
#define RAST_SELFTESTS_BPF_VERIFIED_H

struct verified {
	const char *name;
	int loaded;
	const char *log;             /* the verifier's, as long as the call lasts */
	unsigned long insns, states; /* states: of all instructions together */
	unsigned int stack;          /* bytes, the sum over functions */
	unsigned long limit;         /* of insns; 0: nobody has written one down */
};

/* Loads every program of every object; nothing is attached or pinned. fn for each. 0 or -errno. */
int verified_each(void (*fn)(const struct verified *v, void *arg), void *arg);

#endif
