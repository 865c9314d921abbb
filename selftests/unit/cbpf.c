// SPDX-License-Identifier: BSD-2-Clause
/* See cbpf.h; the rules are those of bpf_check_classic() and seccomp_check_filter() in the kernel. */
#include "cbpf.h"

#include <string.h>

#define LOAD (BPF_LD | BPF_W | BPF_ABS)

const char *cbpf_check(const struct sock_filter *f, size_t n)
{
	if (!n || n > BPF_MAXINSNS)
		return "no or too many instructions";
	for (size_t i = 0; i < n; i++) {
		size_t left = n - i - 1;

		switch (f[i].code) {
		case LOAD:
			if (f[i].k % 4 || f[i].k >= sizeof(struct seccomp_data))
				return "a load that is not aligned, or outside";
			break;
		case BPF_ALU | BPF_AND | BPF_K:
		case BPF_RET | BPF_K:
			break;
		case BPF_JMP | BPF_JA:
			if (f[i].k >= left)
				return "a jump outside";
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
		case BPF_JMP | BPF_JGT | BPF_K:
		case BPF_JMP | BPF_JSET | BPF_K:
			if (f[i].jt >= left || f[i].jf >= left)
				return "a conditional jump outside";
			break;
		default:
			return "an unknown instruction";
		}
	}
	return f[n - 1].code == (BPF_RET | BPF_K) ? NULL : "no return at its end";
}

uint32_t cbpf_run(const struct sock_filter *f, size_t n, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &f[pc];

		switch (i->code) {
		case LOAD:
			memcpy(&a, (const char *)d + i->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			pc += a > i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += a & i->k ? i->jt : i->jf;
			break;
		default:
			return i->k;
		}
	}
	return 0;
}

/* What is in the accumulator before an instruction. */
struct held {
	uint8_t known, several;
	uint32_t offset, mask;
};

static void arrive(struct held *at, const struct held *with)
{
	if (!at->known)
		*at = *with;
	else if (at->offset != with->offset || at->mask != with->mask || with->several)
		at->several = 1;
}

int cbpf_confused(const struct sock_filter *f, size_t n)
{
	static struct held at[BPF_MAXINSNS];

	memset(at, 0, n * sizeof(at[0]));
	at[0].known = 1;
	for (size_t i = 0; i < n; i++) {
		struct held now = at[i];

		switch (f[i].code) {
		case LOAD:
			now = (struct held){1, 0, f[i].k, ~0u};
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			now.mask &= f[i].k;
			break;
		case BPF_JMP | BPF_JA:
			arrive(&at[i + 1 + f[i].k], &now);
			continue;
		case BPF_RET | BPF_K:
			continue;
		default:
			if (now.several)
				return 1;
			arrive(&at[i + 1 + f[i].jt], &now);
			arrive(&at[i + 1 + f[i].jf], &now);
			continue;
		}
		arrive(&at[i + 1], &now);
	}
	return 0;
}
