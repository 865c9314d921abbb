// SPDX-License-Identifier: BSD-2-Clause
/*
 * See seccomp_profile.h. For each ABI the rules are gathered by number, in the order in which they stand;
 * each number's rules become one decision, and a search over the numbers leads there.
 *
 * On i386 the calls of sockets and of System V IPC are parts of socketcall(2) and ipc(2), and most of
 * them have numbers of their own besides: a rule then stands for both. Which arguments the part was
 * given lies in memory, so of the rule's conditions only those on other arguments than the first are
 * left, as in libseccomp.
 */
#include "container/seccomp_profile.h"

#include "base/mem.h"
#include "container/seccomp_numbers.h"
#include "container/seccomp_rules.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define X32_BIT 0x40000000u
/* Numbers are slots of a list: those below 1000, and ARM's own from 0xf0000 on. */
#define LOW_SLOTS 1000
#define ARM_OWN 0xf0000
#define SLOTS (LOW_SLOTS + 16)
#define NR_SOCKETCALL 102
#define NR_IPC 117

static const struct abi {
	uint32_t arch;
	bool wide;
} abis[SECCOMP_ABIS] = {
	[SECCOMP_X86_64] = {AUDIT_ARCH_X86_64, true},
	[SECCOMP_I386] = {AUDIT_ARCH_I386, false},
	[SECCOMP_X32] = {AUDIT_ARCH_X86_64, false},
	[SECCOMP_AARCH64] = {AUDIT_ARCH_AARCH64, true},
	[SECCOMP_ARM] = {AUDIT_ARCH_ARM, false},
};

#if defined(__x86_64__)
#define NATIVE SECCOMP_X86_64
#elif defined(__aarch64__)
#define NATIVE SECCOMP_AARCH64
#else
#error "no table of system calls for this architecture"
#endif

struct entry {
	struct seccomp_rule rule;
	uint32_t next; /* of the same slot; 0: none */
	bool own;      /* the conditions were allocated */
};

struct gather {
	const struct rast_seccomp_profile *p;
	struct code code;
	struct entry *e; /* from 1 on */
	uint32_t n, size;
	uint32_t first[SLOTS], last[SLOTS];
	int32_t newest; /* the highest number that is named, with any action; -1: none is */
	struct seccomp_rule *list; /* of one slot, long enough for all */
	struct code_range ranges[SLOTS + 2];
	bool failed, too_long;
};

static int slot_of(int32_t nr)
{
	if (nr >= 0 && nr < LOW_SLOTS - 1)
		return nr;
	return nr >= ARM_OWN && nr < ARM_OWN + SLOTS - LOW_SLOTS ? nr - ARM_OWN + LOW_SLOTS : -1;
}

static void add(struct gather *g, int32_t nr, const struct rast_seccomp_arg *args, size_t n_args,
		uint32_t action, bool own)
{
	int slot = slot_of(nr);

	if (g->n == g->size) {
		struct entry *e = realloc(g->e, 2 * g->size * sizeof(*e));

		if (e) {
			g->e = e;
			g->size *= 2;
		}
	}
	if (slot < 0 || g->n == g->size) {
		g->failed |= slot >= 0;
		if (own)
			free((void *)(uintptr_t)args);
		return;
	}
	g->e[g->n] = (struct entry){{args, (unsigned int)n_args, action}, 0, own};
	if (g->last[slot])
		g->e[g->last[slot]].next = g->n;
	else
		g->first[slot] = g->n;
	g->last[slot] = g->n++;
}

/* ---- socketcall and ipc ---- */

struct part {
	const char *name;
	int32_t call;
	struct rast_seccomp_arg is; /* the first argument says which part */
};
#define PART(name_, call_, part_)                                                         \
	{                                                                                 \
		.name = (name_), .call = (call_), .is = {0, RAST_SECCOMP_EQ, (part_), 0}, \
	}
#define SOCKET(name, part) PART(name, 102, part)
#define IPC(name, part) PART(name, 117, part)

static const struct part parts[] = {
	SOCKET("socket", 1),      SOCKET("bind", 2),        SOCKET("connect", 3),
	SOCKET("listen", 4),      SOCKET("accept", 5),      SOCKET("getsockname", 6),
	SOCKET("getpeername", 7), SOCKET("socketpair", 8),  SOCKET("send", 9),
	SOCKET("recv", 10),       SOCKET("sendto", 11),     SOCKET("recvfrom", 12),
	SOCKET("shutdown", 13),   SOCKET("setsockopt", 14), SOCKET("getsockopt", 15),
	SOCKET("sendmsg", 16),    SOCKET("recvmsg", 17),    SOCKET("accept4", 18),
	SOCKET("recvmmsg", 19),   SOCKET("sendmmsg", 20),   IPC("semop", 1),
	IPC("semget", 2),         IPC("semctl", 3),         IPC("semtimedop", 4),
	IPC("msgsnd", 11),        IPC("msgrcv", 12),        IPC("msgget", 13),
	IPC("msgctl", 14),        IPC("shmat", 21),         IPC("shmdt", 22),
	IPC("shmget", 23),        IPC("shmctl", 24),
};

static const struct part *part_of(const char *name)
{
	size_t i;

	if (!strchr("abcglmrs", name[0]))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strcmp(parts[i].name, name))
			return &parts[i];
	return NULL;
}

static void add_part(struct gather *g, const struct part *part, const struct rast_seccomp_arg *args,
		     size_t n_args, uint32_t action)
{
	struct rast_seccomp_arg *own;
	size_t i, n = 1;

	for (i = 0; i < n_args; i++)
		n += args[i].index != 0;
	if (n == 1) {
		add(g, part->call, &part->is, 1, action, false);
		return;
	}
	own = malloc(n * sizeof(*own));
	if (!own) {
		g->failed = true;
		return;
	}
	own[0] = part->is;
	for (i = 0, n = 1; i < n_args; i++)
		if (args[i].index)
			own[n++] = args[i];
	add(g, part->call, own, n, action, true);
}

/* ---- one ABI ---- */

static void add_rule(struct gather *g, enum seccomp_abi abi, const struct seccomp_numbers *numbers,
		     const struct rast_seccomp_arg *args, size_t n_args, uint32_t action)
{
	const struct part *part = abi == SECCOMP_I386 ? part_of(numbers->name) : NULL;

	if (part)
		add_part(g, part, args, n_args, action);
	add(g, numbers->nr[abi], args, n_args, action, false);
}

static bool repeats(const struct rast_seccomp_call *call)
{
	unsigned int seen = 0;
	size_t i;

	for (i = 0; i < call->n_args; i++) {
		if (seen & 1u << call->args[i].index)
			return true;
		seen |= 1u << call->args[i].index;
	}
	return false;
}

static void gather(struct gather *g, enum seccomp_abi abi,
		   const struct seccomp_numbers *const *numbers)
{
	size_t i, j, k;

	for (i = 1; i < g->n; i++)
		if (g->e[i].own)
			free((void *)(uintptr_t)g->e[i].rule.args);
	memset(g->first, 0, sizeof(g->first));
	memset(g->last, 0, sizeof(g->last));
	g->n = 1;
	g->newest = -1;
	for (i = 0; i < g->p->n_calls; i++) {
		const struct rast_seccomp_call *call = &g->p->calls[i];
		bool apart = repeats(call);

		for (j = 0; j < call->n_names; j++, numbers++) {
			/* ARM's own stand apart: they are not the newest. */
			if (*numbers && (*numbers)->nr[abi] > g->newest &&
			    (*numbers)->nr[abi] < LOW_SLOTS)
				g->newest = (*numbers)->nr[abi];
			if (!*numbers || call->action == g->p->default_action)
				continue;
			if (!apart)
				add_rule(g, abi, *numbers, call->args, call->n_args, call->action);
			for (k = 0; apart && k < call->n_args; k++)
				add_rule(g, abi, *numbers, &call->args[k], 1, call->action);
		}
	}
}

static code_node decide(struct gather *g, unsigned int slot, bool wide)
{
	uint32_t e;
	unsigned int n = 0;

	for (e = g->first[slot]; e; e = g->e[e].next) {
		const struct seccomp_rule *r = &g->e[e].rule;
		unsigned int i;

		for (i = 0; i < r->n_args && seccomp_arg_idle(&r->args[i], wide); i++)
			;
		/* A rule without conditions is the whole answer, wherever it stands. */
		if (i == r->n_args)
			return code_ret(&g->code, r->action);
		g->list[n++] = *r;
	}
	if (!seccomp_rules_sort(g->list, n, wide)) {
		g->too_long = n > SECCOMP_MAX_MIXED;
		return 0;
	}
	return seccomp_rules_build(&g->code, g->list, n, wide, g->p->default_action);
}

/*
 * Refused is not the same as unknown: a C library tries the newest call first and takes the older one when
 * that is ENOSYS, but believes an EPERM. Whoever wrote the profile cannot have meant calls that came later.
 */
static bool tells_newer(const struct gather *g)
{
	uint32_t a = g->p->default_action;

	return g->newest >= 0 && (a & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
}

/* The ranges of an ABI from g->ranges + at on; returns their end. */
static unsigned int ranges(struct gather *g, unsigned int at, enum seccomp_abi abi, uint32_t base)
{
	code_node otherwise = code_ret(&g->code, g->p->default_action), last = 0, to;
	code_node newer =
		tells_newer(g) ? code_ret(&g->code, SECCOMP_RET_ERRNO | ENOSYS) : otherwise;
	unsigned int slot;

	g->list = malloc((g->n + 1) * sizeof(*g->list));
	if (!g->list || !otherwise || !newer) {
		g->failed = true;
		free(g->list);
		return at;
	}
	for (slot = 0; slot < SLOTS; slot++) {
		if (g->first[slot])
			to = decide(g, slot, abis[abi].wide);
		else if (slot < LOW_SLOTS ? (int32_t)slot > g->newest : abi != SECCOMP_ARM)
			to = newer;
		else
			to = otherwise;
		if (!to) {
			g->failed = true;
			break;
		}
		if (to != last)
			g->ranges[at++] = (struct code_range){
				base + (slot < LOW_SLOTS ? slot : slot - LOW_SLOTS + ARM_OWN), to};
		last = to;
	}
	free(g->list);
	return at;
}

/* ---- all of them ---- */

static bool serves(const struct rast_seccomp_profile *p, enum seccomp_abi abi)
{
	uint32_t arch = abis[abi].arch | (abi == SECCOMP_X32 ? RAST_SECCOMP_ARCH_X32 : 0);
	size_t i;

	for (i = 0; i < p->n_archs; i++)
		if (p->archs[i] == arch)
			return true;
	return abi == NATIVE;
}

/*
 * One architecture: its numbers lead to a decision. Those of x86-64 from bit 30 on are those of x32,
 * or as bad as a foreign architecture. All ones is no call: tracers put it there to skip one.
 */
static code_node architecture(struct gather *g, const struct seccomp_numbers *const *numbers,
			      enum seccomp_abi abi, bool x32, code_node bad)
{
	code_node otherwise = code_ret(&g->code, g->p->default_action);
	bool self = abi != SECCOMP_X86_64 || serves(g->p, abi);
	unsigned int n = 0;

	if (self) {
		gather(g, abi, numbers);
		n = ranges(g, 0, abi, 0);
	} else {
		g->ranges[n++] = (struct code_range){0, bad};
	}
	if (abi == SECCOMP_X86_64) {
		if (x32) {
			gather(g, SECCOMP_X32, numbers);
			n = ranges(g, n, SECCOMP_X32, X32_BIT);
		} else {
			g->ranges[n++] = (struct code_range){X32_BIT, bad};
		}
		g->ranges[n++] = (struct code_range){UINT32_MAX, otherwise};
	}
	return g->failed ? 0
			 : code_switch(&g->code, offsetof(struct seccomp_data, nr), g->ranges, n);
}

static code_node program(struct gather *g, const struct seccomp_numbers *const *numbers)
{
	code_node top = code_ret(&g->code, SECCOMP_RET_KILL_THREAD), bad = top;
	int abi;

	/* The native one is asked first: it is built last. */
	for (abi = SECCOMP_ABIS - 1; abi >= 0 && top; abi--) {
		bool x32 = abi == SECCOMP_X86_64 && serves(g->p, SECCOMP_X32);

		if (abi != SECCOMP_X32 && abi != NATIVE && (x32 || serves(g->p, abi)))
			top = code_test(&g->code, offsetof(struct seccomp_data, arch), ~0u, BPF_JEQ,
					abis[abi].arch, architecture(g, numbers, abi, x32, bad),
					top);
	}
	if (!top)
		return 0;
	return code_test(&g->code, offsetof(struct seccomp_data, arch), ~0u, BPF_JEQ,
			 abis[NATIVE].arch,
			 architecture(g, numbers, NATIVE,
				      NATIVE == SECCOMP_X86_64 && serves(g->p, SECCOMP_X32), bad),
			 top);
}

static int check(const struct rast_seccomp_profile *p, struct rast_err *err)
{
	size_t i, j;

	for (i = 0; i < p->n_calls; i++)
		for (j = 0; j < p->calls[i].n_args; j++)
			if (p->calls[i].args[j].index > 5 ||
			    p->calls[i].args[j].op > RAST_SECCOMP_MASKED_EQ)
				return rast_err_set(
					err, EINVAL,
					"seccomp: rule %zu, condition %zu: a call has six "
					"arguments, and seven operators compare them",
					i, j);
	return 0;
}

int rast_seccomp_profile_compile(const struct rast_seccomp_profile *p,
				 struct rast_seccomp_filter *ret, struct rast_err *err)
{
	_cleanup_free_ const struct seccomp_numbers **numbers = NULL;
	_cleanup_free_ struct gather *g = calloc(1, sizeof(*g));
	size_t i, j, n = 0;
	int r = check(p, err);

	if (r < 0)
		return r;
	for (i = 0; i < p->n_calls; i++)
		n += p->calls[i].n_names;
	numbers = calloc(n + 1, sizeof(*numbers));
	if (!g || !numbers)
		return rast_err_sys(err, ENOMEM, "system call filter");
	for (i = n = 0; i < p->n_calls; i++)
		for (j = 0; j < p->calls[i].n_names; j++)
			numbers[n++] = seccomp_numbers_find(p->calls[i].names[j]);
	g->p = p;
	g->n = 1;
	g->size = 512;
	g->e = malloc(g->size * sizeof(*g->e));
	r = code_init(&g->code);
	if (r == 0)
		r = g->e ? code_layout(&g->code, program(g, numbers), ret) : -ENOMEM;
	for (i = 1; g->e && i < g->n; i++)
		if (g->e[i].own)
			free((void *)(uintptr_t)g->e[i].rule.args);
	free(g->e);
	code_finish(&g->code);
	if (r == -E2BIG || g->too_long)
		return rast_err_set(
			err, E2BIG,
			"seccomp: the rules make a program of more than %d instructions, "
			"which is more than a kernel takes",
			RAST_SECCOMP_MAX_INSNS);
	return r < 0 ? rast_err_sys(err, -r, "system call filter") : 0;
}

bool rast_seccomp_profile_notifies(const struct rast_seccomp_profile *p)
{
	size_t i;

	for (i = 0; i < p->n_calls; i++)
		if (p->calls[i].action == SECCOMP_RET_USER_NOTIF)
			return true;
	return p->default_action == SECCOMP_RET_USER_NOTIF;
}
