// SPDX-License-Identifier: BSD-2-Clause
/*
 * The compiler of seccomp profiles against libseccomp: both make a program of the same profile, and an
 * interpreter runs both over numbers, architectures and arguments at the edges of every comparison. The
 * profiles are podman's own and thousands of random ones, whose names, constants and conditions are
 * drawn from small sets so that they meet. RAST_SEED and RAST_ROUNDS repeat and prolong.
 */
#include "container/seccomp_numbers.h"
#include "container/seccomp_profile.h"
#include "cbpf.h"
#include "oci/spec.h"
#include "seccomp_model.h"
#include "seccomp_peer.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define X32_BIT 0x40000000u
#define X32 (AUDIT_ARCH_X86_64 | RAST_SECCOMP_ARCH_X32)
#define ERRNO(e) (SECCOMP_RET_ERRNO | (e))

static uint64_t seed = 1;

static uint32_t draw(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

static int compile(const struct rast_seccomp_profile *p, struct rast_seccomp_filter *f)
{
	struct rast_err err = {0};
	int r = rast_seccomp_profile_compile(p, f, &err);

	if (r == 0 && cbpf_check(f->insns, f->len))
		fail_msg("the kernel would not take it: %s", cbpf_check(f->insns, f->len));
	return r;
}

static uint32_t verdict(const struct rast_seccomp_filter *f, uint32_t arch, uint32_t nr,
			const uint64_t *args)
{
	struct seccomp_data d = {.nr = (int)nr, .arch = arch};

	if (args)
		memcpy(d.args, args, sizeof(d.args));
	return cbpf_run(f->insns, f->len, &d);
}

/* ---- the comparison ---- */

static const uint32_t archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
				 AUDIT_ARCH_ARM, AUDIT_ARCH_PPC64LE};
#define N_ARCHS (sizeof(archs) / sizeof(archs[0]))

struct edges {
	uint64_t v[512];
	size_t n;
};

static void edges_of(const struct rast_seccomp_profile *p, struct edges *e)
{
	static const uint64_t always[] = {0, 1, ~0ull, 1ull << 31, 1ull << 32, 1ull << 63};

	memcpy(e->v, always, sizeof(always));
	e->n = sizeof(always) / sizeof(always[0]);
	for (size_t i = 0; i < p->n_calls; i++)
		for (size_t k = 0; k < p->calls[i].n_args && e->n + 9 < 512; k++) {
			const struct rast_seccomp_arg *a = &p->calls[i].args[k];
			uint64_t v = a->op == RAST_SECCOMP_MASKED_EQ ? a->value_two : a->value;
			const uint64_t at[] = {v,
					       v - 1,
					       v + 1,
					       v ^ 1ull << 32,
					       v + (1ull << 32),
					       v - (1ull << 32),
					       (uint32_t)v,
					       v ^ a->value,
					       v | ~a->value};

			for (size_t j = 0; j < sizeof(at) / sizeof(at[0]); j++)
				e->v[e->n++] = at[j];
		}
}

struct both {
	const struct rast_seccomp_profile *p;
	struct rast_seccomp_filter ours, peer;
	struct edges edges;
	const struct seccomp_model *model; /* NULL: libseccomp is always right */
	unsigned long compared, unclear, differ, peer_wrong;
};

static bool conditional(const struct both *b, uint32_t nr)
{
	for (size_t i = 0; i < b->p->n_calls; i++) {
		const struct rast_seccomp_call *c = &b->p->calls[i];

		for (size_t k = 0; c->n_args && k < c->n_names; k++) {
			const struct seccomp_numbers *n = seccomp_numbers_find(c->names[k]);

			for (int a = 0; n && a < SECCOMP_ABIS; a++)
				if (n->nr[a] >= 0 && (uint32_t)n->nr[a] == (nr & ~X32_BIT))
					return true;
		}
	}
	/* socketcall and ipc: rules for their parts may be conditions. */
	return (nr & ~X32_BIT) == 102 || (nr & ~X32_BIT) == 117;
}

static void explain(const struct rast_seccomp_profile *p)
{
	static const char *const ops[] = {"!=", "<", "<=", "==", ">=", ">", "&"};

	print_message("default 0x%x; archs", p->default_action);
	for (size_t i = 0; i < p->n_archs; i++)
		print_message(" %s", rast_seccomp_name_of(rast_seccomp_archs, p->archs[i]));
	print_message("\n");
	for (size_t i = 0; i < p->n_calls; i++) {
		for (size_t k = 0; k < p->calls[i].n_names; k++)
			print_message("%s ", p->calls[i].names[k]);
		for (size_t k = 0; k < p->calls[i].n_args; k++)
			print_message("(a%u %s 0x%llx 0x%llx)", p->calls[i].args[k].index,
				      ops[p->calls[i].args[k].op],
				      (unsigned long long)p->calls[i].args[k].value,
				      (unsigned long long)p->calls[i].args[k].value_two);
		print_message(" -> 0x%x\n", p->calls[i].action);
	}
}

static void compare_one(struct both *b, uint32_t arch, uint32_t nr, const uint64_t *args)
{
	uint32_t got = verdict(&b->ours, arch, nr, args), want = verdict(&b->peer, arch, nr, args);

	b->compared++;
	if (b->model) {
		struct seccomp_data d = {.nr = (int)nr, .arch = arch};
		uint32_t right;

		memcpy(d.args, args, sizeof(d.args));
		if (seccomp_model_newer(b->model, &d))
			want = ERRNO(ENOSYS);
		if (seccomp_model_verdict(b->model, &d, &right)) {
			b->peer_wrong += want != right;
			want = right;
		} else {
			b->unclear++;
			b->differ += want != got;
			want = got;
		}
	}
	if (got == want)
		return;
	if (b->p->n_calls < 40)
		explain(b->p);
	fail_msg("architecture 0x%x, call %u (0x%x), arguments 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx "
		 "0x%llx: 0x%x instead of 0x%x",
		 arch, nr, nr, (unsigned long long)args[0], (unsigned long long)args[1],
		 (unsigned long long)args[2], (unsigned long long)args[3],
		 (unsigned long long)args[4], (unsigned long long)args[5], got, want);
}

static void compare_number(struct both *b, uint32_t arch, uint32_t nr, int tries)
{
	static const uint64_t none[6];
	int n = conditional(b, nr) ? tries : 0;

	compare_one(b, arch, nr, none);
	while (n-- > 0) {
		uint64_t args[6];

		for (int i = 0; i < 6; i++)
			args[i] = b->edges.v[draw((uint32_t)b->edges.n)];
		compare_one(b, arch, nr, args);
	}
}

static void compare(struct both *b, int tries)
{
	static const uint32_t odd[] = {601,        999,        1000,       0x3fffffff, 0x40000400,
				       0x7fffffff, 0x80000000, 0xfffffffe, 0xf0000,    0xf0001,
				       0xf0002,    0xf0005,    0xf0010,    0xffffffff};

	edges_of(b->p, &b->edges);
	for (size_t a = 0; a < N_ARCHS; a++) {
		for (uint32_t nr = 0; nr <= 600; nr++) {
			compare_number(b, archs[a], nr, tries);
			compare_number(b, archs[a], nr | X32_BIT, tries);
		}
		for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
			compare_number(b, archs[a], odd[i], 1);
	}
}

static void finish(struct both *b)
{
	rast_seccomp_finish(&b->ours);
	rast_seccomp_finish(&b->peer);
}

/* ---- podman's ---- */

static char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *buf = malloc(65536);

	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	assert_non_null(buf);
	*len = fread(buf, 1, 65535, f);
	buf[*len] = '\0';
	(void)fclose(f);
	return buf;
}

static struct rast_oci_spec *podman(void)
{
	struct rast_oci_spec *spec = NULL;
	struct rast_err err = {0};
	size_t len;
	char *profile = slurp("selftests/data/seccomp/podman.json", &len), *text;

	assert_true(asprintf(&text,
			     "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":{"
			     "\"namespaces\":[{\"type\":\"mount\"}],\"seccomp\":%s}}",
			     profile) > 0);
	if (rast_oci_spec_parse("config.json", text, strlen(text), &spec, &err) < 0)
		fail_msg("%s: %s", err.field, err.text);
	free(text);
	free(profile);
	return spec;
}

/* libseccomp may be older than the profile: what it does not know is left out on both sides. */
static void forget_unknown(const struct rast_seccomp_profile *p)
{
	for (size_t i = 0; i < p->n_calls; i++)
		for (size_t k = 0; k < p->calls[i].n_names; k++)
			if (seccomp_syscall_resolve_name(p->calls[i].names[k]) == __NR_SCMP_ERROR)
				((const char **)(uintptr_t)p->calls[i].names)[k] = "no_such_call";
}

static void test_podmans_default_profile_has_libseccomps_verdicts(void **state)
{
	struct rast_oci_spec *spec = podman();
	struct both b = {.p = spec->seccomp};

	(void)state;
	forget_unknown(b.p);
	assert_int_equal(b.p->n_calls, 22);
	assert_int_equal(compile(b.p, &b.ours), 0);
	assert_int_equal(seccomp_peer_compile(b.p, &b.peer), 0);
	compare(&b, 500);
	print_message("%u instructions, libseccomp %u; %lu comparisons\n", b.ours.len, b.peer.len,
		      b.compared);
	finish(&b);
	rast_oci_spec_destroy(spec);
}

/* ---- newer than the profile ---- */

#define NR_CLONE 56
#define NR_STATX 332
#define NR_CLONE3 435

/* A profile of before clone3: statx is the newest that it names, and it refuses it. */
static uint32_t of_an_old_profile(uint32_t otherwise, uint32_t arch, uint32_t nr)
{
	static const char *const read[] = {"read", "breakpoint"}, *const statx[] = {"statx"};
	const struct rast_seccomp_call calls[] = {
		{.names = read, .n_names = 2, .action = SECCOMP_RET_ALLOW},
		{.names = statx, .n_names = 1, .action = otherwise},
	};
	const uint32_t served[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, X32, AUDIT_ARCH_ARM,
				   AUDIT_ARCH_AARCH64};
	const struct rast_seccomp_profile p = {.default_action = otherwise,
					       .archs = served,
					       .n_archs = 5,
					       .calls = calls,
					       .n_calls = 2};
	struct rast_seccomp_filter f = {0};
	uint32_t got;

	assert_int_equal(compile(&p, &f), 0);
	got = verdict(&f, arch, nr, NULL);
	rast_seccomp_finish(&f);
	return got;
}

static void test_calls_newer_than_a_profile_are_unknown_and_not_refused(void **state)
{
	static const struct {
		uint32_t arch, nr, want;
	} t[] = {
		{AUDIT_ARCH_X86_64, 0, SECCOMP_RET_ALLOW},
		{AUDIT_ARCH_X86_64, NR_CLONE, ERRNO(EPERM)},
		{AUDIT_ARCH_X86_64, NR_STATX, ERRNO(EPERM)},
		{AUDIT_ARCH_X86_64, NR_STATX + 1, ERRNO(ENOSYS)},
		{AUDIT_ARCH_X86_64, NR_CLONE3, ERRNO(ENOSYS)},
		{AUDIT_ARCH_X86_64, 999, ERRNO(ENOSYS)},
		{AUDIT_ARCH_X86_64, 0xf0001, ERRNO(ENOSYS)},
		{AUDIT_ARCH_X86_64, X32_BIT - 1, ERRNO(ENOSYS)},
		{AUDIT_ARCH_X86_64, X32_BIT | NR_STATX, ERRNO(EPERM)},
		{AUDIT_ARCH_X86_64, X32_BIT | NR_CLONE3, ERRNO(ENOSYS)},
		/* No call, but what a tracer puts there to skip one. */
		{AUDIT_ARCH_X86_64, UINT32_MAX, ERRNO(EPERM)},
		{AUDIT_ARCH_I386, 383, ERRNO(EPERM)},
		{AUDIT_ARCH_I386, 384, ERRNO(ENOSYS)},
		{AUDIT_ARCH_AARCH64, 291, ERRNO(EPERM)},
		{AUDIT_ARCH_AARCH64, 292, ERRNO(ENOSYS)},
		/* Numbers of ARM's own are as old as ARM. */
		{AUDIT_ARCH_ARM, 398, ERRNO(ENOSYS)},
		{AUDIT_ARCH_ARM, 0xf0001, SECCOMP_RET_ALLOW},
		{AUDIT_ARCH_ARM, 0xf0002, ERRNO(EPERM)},
		{AUDIT_ARCH_PPC64LE, NR_CLONE3, SECCOMP_RET_KILL_THREAD},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint32_t got = of_an_old_profile(ERRNO(EPERM), t[i].arch, t[i].nr);

		if (got != t[i].want)
			fail_msg("architecture 0x%x, call %u: 0x%x instead of 0x%x", t[i].arch,
				 t[i].nr, got, t[i].want);
	}
}

static void test_only_a_default_of_errno_has_newer_calls_unknown(void **state)
{
	static const uint32_t others[] = {SECCOMP_RET_ALLOW,        SECCOMP_RET_LOG,
					  SECCOMP_RET_TRACE | 1,    SECCOMP_RET_TRAP,
					  SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_USER_NOTIF};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(of_an_old_profile(others[i], AUDIT_ARCH_X86_64, NR_CLONE3),
				 others[i]);
	/* Of any errno: docker's own profile says 1, and means those that it could know. */
	assert_int_equal(of_an_old_profile(ERRNO(EACCES), AUDIT_ARCH_X86_64, NR_CLONE3),
			 ERRNO(ENOSYS));
}

static void test_a_profile_without_calls_refuses_all(void **state)
{
	const struct rast_seccomp_profile p = {.default_action = ERRNO(EPERM)};
	struct rast_seccomp_filter f = {0};

	(void)state;
	assert_int_equal(compile(&p, &f), 0);
	assert_int_equal(verdict(&f, AUDIT_ARCH_X86_64, NR_CLONE3, NULL), ERRNO(EPERM));
	rast_seccomp_finish(&f);
}

/* ---- random ones ---- */

#define MAX_CALLS 12
#define MAX_ARGS 4
#define FEW 0x300000007ull
#define ODD 0x100000001ull

struct random {
	struct rast_seccomp_profile p;
	struct rast_seccomp_call calls[MAX_CALLS];
	struct rast_seccomp_arg args[MAX_CALLS][MAX_ARGS];
	const char *names[MAX_CALLS][8];
	uint32_t archs[4];
};

static const char *a_name(void)
{
	static const char *const often[] = {
		"socket", "clone",    "personality", "read",   "ioctl",  "semop",      "shmget",
		"accept", "recvmmsg", "send",        "msgctl", "sendto", "socketcall", "ipc",
		"prctl",  "futex",    "open",        "mmap2",  "stat64", "breakpoint", "not_one"};
	static size_t n_all;

	while (seccomp_numbers_all[n_all].name[0])
		n_all++;
	for (;;) {
		const char *s = draw(3) ? often[draw(sizeof(often) / sizeof(often[0]))]
					: seccomp_numbers_all[draw((uint32_t)n_all)].name;

		if (!strcmp(s, "not_one") || seccomp_syscall_resolve_name(s) != __NR_SCMP_ERROR)
			return s;
	}
}

static uint64_t a_value(void)
{
	static const uint64_t often[] = {0, 1, 2, 3, 7, 8, 0x7fffffff, 0xffffffff};

	switch (draw(8)) {
	case 0:
		return 1ull << draw(64);
	case 1:
		return often[draw(8)] << 32 | often[draw(8)];
	case 2:
		return ~0ull;
	default:
		return often[draw(8)];
	}
}

/*
 * One action for all rules; or several, and only conditions that libseccomp has an order for. It has
 * none for "greater" and "less" of 64 bits that share a high half, nor for two "not equal": what it
 * then says of a number depends on which of its halves differs.
 */
static void fill(struct random *r, bool mixed)
{
	static const uint32_t actions[] = {SECCOMP_RET_ALLOW,
					   ERRNO(1),
					   ERRNO(38),
					   SECCOMP_RET_LOG,
					   SECCOMP_RET_KILL_PROCESS,
					   SECCOMP_RET_TRAP,
					   SECCOMP_RET_TRACE | 7,
					   SECCOMP_RET_KILL_THREAD,
					   SECCOMP_RET_USER_NOTIF};
	static const uint32_t all[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, X32, AUDIT_ARCH_ARM,
				       AUDIT_ARCH_AARCH64};
	static const enum rast_seccomp_op plain[] = {RAST_SECCOMP_EQ, RAST_SECCOMP_NE,
						     RAST_SECCOMP_MASKED_EQ};
	static const char *const few[] = {"read", "socket", "shmget", "ioctl"};
	uint32_t action = actions[draw(9)];
	uint64_t unlike = a_value();

	memset(r, 0, sizeof(*r));
	r->p.default_action = actions[draw(3)];
	r->p.archs = r->archs;
	r->p.n_archs = draw(4);
	for (size_t i = 0; i < r->p.n_archs; i++)
		r->archs[i] = all[draw(5)];
	r->p.calls = r->calls;
	r->p.n_calls = 1 + draw(MAX_CALLS);
	for (size_t i = 0; i < r->p.n_calls; i++) {
		struct rast_seccomp_call *c = &r->calls[i];

		c->names = r->names[i];
		c->n_names = 1 + draw(mixed ? 2 : 8);
		for (size_t k = 0; k < c->n_names; k++)
			r->names[i][k] = mixed ? few[draw(4)] : a_name();
		c->action = mixed && draw(2) ? actions[draw(9)] : action;
		c->args = r->args[i];
		c->n_args = draw(4) ? draw(MAX_ARGS) : 0;
		for (size_t k = 0; k < c->n_args; k++) {
			struct rast_seccomp_arg *a = &r->args[i][k];

			a->index = draw(8) ? (uint32_t)k : draw(6);
			a->op = mixed ? plain[draw(3)] : (enum rast_seccomp_op)draw(7);
			a->value = a_value();
			a->value_two = a_value();
			if (!mixed)
				continue;
			a->value = (a->op == RAST_SECCOMP_NE ? unlike : a->value & FEW) & ~ODD;
			if (a->op == RAST_SECCOMP_MASKED_EQ)
				a->value = FEW;
			a->value_two = (a->value_two & FEW) | ODD;
		}
	}
}

/* By a child: libseccomp 2.5.4 does not return from some profiles. -ETIME then. */
static int peer_compile(const struct rast_seccomp_profile *p, struct rast_seccomp_filter *ret)
{
	static struct shared {
		int result;
		unsigned short len;
		struct sock_filter insns[RAST_SECCOMP_MAX_INSNS];
	} * shared;
	const struct itimerval limit = {.it_value = {.tv_usec = 50000}};
	int status;
	pid_t pid;

	if (!shared)
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct rast_seccomp_filter f = {0};

		(void)setitimer(ITIMER_VIRTUAL, &limit, NULL);
		shared->result = seccomp_peer_compile(p, &f);
		shared->len = f.len;
		if (!shared->result)
			memcpy(shared->insns, f.insns, f.len * sizeof(*f.insns));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		return -ETIME;
	if (shared->result < 0)
		return shared->result;
	ret->insns = malloc(shared->len * sizeof(*ret->insns));
	assert_non_null(ret->insns);
	memcpy(ret->insns, shared->insns, shared->len * sizeof(*ret->insns));
	ret->len = shared->len;
	return 0;
}

/*
 * libseccomp 2.5.4 is wrong about some profiles, so the model decides where it can, and libseccomp's
 * deviations from it are counted.
 */
static void random_profiles(bool mixed, int rounds)
{
	static struct seccomp_model model;
	unsigned long compared = 0, unclear = 0, refused = 0, done = 0, wrong = 0, differ = 0,
		      stuck = 0;

	for (int i = 0; i < rounds; i++) {
		struct random r;
		struct both b = {.p = &r.p, .model = &model};
		int got;

		fill(&r, mixed);
		seccomp_model_make(&model, &r.p);
		assert_int_equal(compile(&r.p, &b.ours), 0);
		got = peer_compile(&r.p, &b.peer);
		if (got < 0) {
			refused += got != -ETIME;
			stuck += got == -ETIME;
		} else {
			compare(&b, 12);
			done++;
		}
		compared += b.compared;
		unclear += b.unclear;
		wrong += b.peer_wrong > 0;
		if (b.differ && !b.peer_wrong && !cbpf_confused(b.peer.insns, b.peer.len)) {
			differ++;
			explain(&r.p);
		}
		finish(&b);
	}
	print_message(
		"%lu profiles, %lu comparisons, %lu of them decided by order; libseccomp refuses "
		"%lu, never returns from %lu, is wrong about %lu, has another order in %lu\n",
		done, compared, unclear, refused, stuck, wrong, differ);
	assert_true(done > (unsigned long)rounds / 4);
	assert_true(wrong < done / 4);
	assert_int_equal(differ, 0);
}

static int rounds(int usual)
{
	return getenv("RAST_ROUNDS") ? atoi(getenv("RAST_ROUNDS")) : usual;
}

static void test_random_profiles_of_one_action_have_libseccomps_verdicts(void **state)
{
	(void)state;
	random_profiles(false, rounds(400));
}

static void test_random_profiles_of_several_actions_have_libseccomps_verdicts(void **state)
{
	(void)state;
	random_profiles(true, rounds(400));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_podmans_default_profile_has_libseccomps_verdicts),
		cmocka_unit_test(test_calls_newer_than_a_profile_are_unknown_and_not_refused),
		cmocka_unit_test(test_only_a_default_of_errno_has_newer_calls_unknown),
		cmocka_unit_test(test_a_profile_without_calls_refuses_all),
		cmocka_unit_test(test_random_profiles_of_one_action_have_libseccomps_verdicts),
		cmocka_unit_test(test_random_profiles_of_several_actions_have_libseccomps_verdicts),
	};

	if (getenv("RAST_SEED"))
		seed = strtoull(getenv("RAST_SEED"), NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
