// SPDX-License-Identifier: BSD-2-Clause
/*
 * The search tree against libseccomp: the same table is given to libseccomp as rules, and both programs
 * are run by an interpreter of cBPF over every system call number and over arguments at the edges of
 * each condition. For the other architecture libseccomp's numbers are looked up the other way round.
 */
#include "base/fd.h"
#include "cbpf.h"
#include "container/run.h"
#include "container/seccomp.h"
#include "container/seccomp_numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define OTHER AUDIT_ARCH_I386
#define OTHER_SCMP SCMP_ARCH_X86
#define NATIVE_ABI SECCOMP_X86_64
#define OTHER_ABI SECCOMP_I386
#else
#define NATIVE AUDIT_ARCH_AARCH64
#define OTHER AUDIT_ARCH_ARM
#define OTHER_SCMP SCMP_ARCH_ARM
#define NATIVE_ABI SECCOMP_AARCH64
#define OTHER_ABI SECCOMP_ARM
#endif

#define DENY(e) (SECCOMP_RET_ERRNO | (e))
#define TRIED 700

static const uint64_t cap_sets[] = {
	RAST_CAPS_DEFAULT,
	0,
	1ull << CAP_SYS_ADMIN,
	1ull << CAP_BPF | 1ull << CAP_PERFMON | 1ull << CAP_SYSLOG,
	1ull << CAP_SYS_TIME | 1ull << CAP_SYS_NICE | 1ull << CAP_SYS_PTRACE,
	~0ull >> 23,
};
#define N_SETS (sizeof(cap_sets) / sizeof(cap_sets[0]))

static uint32_t ours(const struct rast_seccomp_filter *f, uint32_t arch, int nr,
		     const uint64_t *args)
{
	struct seccomp_data d = {.nr = nr, .arch = arch};

	if (args)
		memcpy(d.args, args, sizeof(d.args));
	return cbpf_run(f->insns, f->len, &d);
}

static void compile(uint64_t caps, struct rast_seccomp_filter *f)
{
	struct rast_err err = {0};

	if (rast_seccomp_compile(caps, f, &err) < 0)
		fail_msg("%s", err.text);
	if (cbpf_check(f->insns, f->len))
		fail_msg("the kernel would refuse: %s", cbpf_check(f->insns, f->len));
}

/* The table as libseccomp's rules for the native architecture, as a program. */
static size_t reference(uint64_t caps, struct sock_filter *out, size_t max)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int fd = memfd_create("reference", MFD_CLOEXEC);
	ssize_t got;

	assert_non_null(ctx);
	/* The kernel's 0x7fff0000 for "allowed" also for numbers with the x32 bit is not wanted. */
	for (size_t i = 0; i < rast_seccomp_n_rules; i++) {
		const struct rast_seccomp_rule *r = &rast_seccomp_rules[i];
		int nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_NATIVE, r->name);
		bool open = r->caps ? (r->caps & caps) != 0 : !r->n_conds;

		if (nr < 0 && seccomp_numbers_find(r->name))
			nr = seccomp_numbers_find(r->name)->nr[NATIVE_ABI];
		if (nr < 0)
			continue;
		if (open)
			assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0), 0);
		else if (!r->n_conds && r->error && r->error != EPERM)
			assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(r->error), nr, 0), 0);
		for (unsigned int c = 0; !open && c < r->n_conds; c++)
			assert_int_equal(
				seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 1,
						 SCMP_CMP(r->conds[c].arg, SCMP_CMP_MASKED_EQ,
							  r->conds[c].mask, r->conds[c].value)),
				0);
	}
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	seccomp_release(ctx);
	got = pread(fd, out, max * sizeof(*out), 0);
	assert_true(got > 0 && (size_t)got < max * sizeof(*out));
	(void)close(fd);
	return (size_t)got / sizeof(*out);
}

/* What a name means may not differ from what libseccomp takes it for, where libseccomp knows it. */
static void test_each_number_of_the_table_is_libseccomps(void **state)
{
	static const uint32_t arch[SECCOMP_ABIS] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32,
						    SCMP_ARCH_AARCH64, SCMP_ARCH_ARM};
	unsigned int known = 0;

	(void)state;
	for (const struct seccomp_numbers *n = seccomp_numbers_all; n->name[0]; n++)
		for (int abi = 0; abi < SECCOMP_ABIS; abi++) {
			int nr = seccomp_syscall_resolve_name_arch(arch[abi], n->name);

			/* Pseudo numbers are libseccomp's own; x32's bit is not in the table. */
			if (nr < 0)
				continue;
			if (abi == SECCOMP_X32)
				nr &= ~0x40000000;
			known++;
			if (n->nr[abi] != nr)
				fail_msg("%s, ABI %d: %d, libseccomp says %d", n->name, abi,
					 n->nr[abi], nr);
		}
	assert_true(known > 1500);
}

static void test_every_number_has_libseccomps_verdict(void **state)
{
	static struct sock_filter ref[16384];

	(void)state;
	for (size_t s = 0; s < N_SETS; s++) {
		_cleanup_seccomp_ struct rast_seccomp_filter f = {0};
		size_t n = reference(cap_sets[s], ref, sizeof(ref) / sizeof(ref[0]));

		compile(cap_sets[s], &f);
		for (int nr = 0; nr <= RAST_SECCOMP_NEWEST; nr++) {
			struct seccomp_data d = {.nr = nr, .arch = NATIVE};
			uint32_t want = cbpf_run(ref, n, &d), got = ours(&f, NATIVE, nr, NULL);

			if (got != want)
				fail_msg("caps %llx, call %d: 0x%x, libseccomp says 0x%x",
					 (unsigned long long)cap_sets[s], nr, got, want);
		}
	}
}

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	return *x ^= *x << 17;
}

static void test_conditions_on_arguments_have_libseccomps_verdict(void **state)
{
	static struct sock_filter ref[16384];
	_cleanup_seccomp_ struct rast_seccomp_filter f = {0};
	size_t n = reference(RAST_CAPS_DEFAULT, ref, sizeof(ref) / sizeof(ref[0])), tried = 0;
	uint64_t x = 88172645463325252ull;

	(void)state;
	compile(RAST_CAPS_DEFAULT, &f);
	for (size_t i = 0; i < rast_seccomp_n_rules; i++) {
		const struct rast_seccomp_rule *r = &rast_seccomp_rules[i];
		int nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_NATIVE, r->name);

		if (nr < 0 || !r->n_conds)
			continue;
		for (unsigned int k = 0; k < 4000; k++) {
			const struct rast_seccomp_cond *c = &r->conds[k % r->n_conds];
			struct seccomp_data d = {.nr = nr, .arch = NATIVE};
			uint64_t v = next_random(&x);

			/* Small numbers, the condition's value with a bit changed, and anything. */
			d.args[c->arg] = k < 64    ? k
					 : k < 512 ? c->value ^ (1ull << (v % 64))
					 : k < 600 ? c->value | v << 32
						   : v;
			if (ours(&f, NATIVE, nr, (const uint64_t *)d.args) != cbpf_run(ref, n, &d))
				fail_msg("%s(0x%llx): 0x%x, libseccomp says 0x%x", r->name,
					 (unsigned long long)d.args[c->arg],
					 ours(&f, NATIVE, nr, (const uint64_t *)d.args),
					 cbpf_run(ref, n, &d));
			tried++;
		}
	}
	assert_true(tried >= 3 * 4000);
}

static const struct rast_seccomp_rule *rule_of(const char *name)
{
	const struct rast_seccomp_rule *found = NULL;

	for (size_t i = 0; i < rast_seccomp_n_rules; i++)
		if (!strcmp(rast_seccomp_rules[i].name, name))
			found = &rast_seccomp_rules[i];
	return found;
}

static void test_the_other_architecture_follows_its_own_numbers(void **state)
{
	static const uint64_t none[6];
	unsigned int known = 0;

	(void)state;
	for (size_t s = 0; s < N_SETS; s++) {
		_cleanup_seccomp_ struct rast_seccomp_filter f = {0};

		compile(cap_sets[s], &f);
		for (int nr = 0; nr <= RAST_SECCOMP_NEWEST; nr++) {
			char *name = seccomp_syscall_resolve_num_arch(OTHER_SCMP, nr);
			const struct rast_seccomp_rule *r = name ? rule_of(name) : NULL;
			uint32_t want = DENY(EPERM);

			if (!name) {
				/* Newer than libseccomp: by number, if the table has one. */
				for (size_t i = 0; i < rast_seccomp_n_rules; i++) {
					const struct seccomp_numbers *n =
						seccomp_numbers_find(rast_seccomp_rules[i].name);

					if (n && n->nr[OTHER_ABI] == nr)
						r = &rast_seccomp_rules[i];
				}
			}
			known += name != NULL;
			if (r && (r->caps ? (r->caps & cap_sets[s]) != 0 : !r->n_conds))
				want = SECCOMP_RET_ALLOW;
			else if (r && r->n_conds)
				/* Arguments of nothing pass each list there is. */
				want = SECCOMP_RET_ALLOW;
			else if (r && r->error)
				want = DENY(r->error);
			if (ours(&f, OTHER, nr, none) != want)
				fail_msg("call %d (%s): 0x%x, want 0x%x", nr, name ? name : "?",
					 ours(&f, OTHER, nr, none), want);
			free(name);
		}
	}
	assert_true(known > N_SETS * 350);
}

static void test_numbers_that_are_newer_than_the_list_do_not_exist(void **state)
{
	static const uint32_t odd[] = {
		0x40000000u, 0x40000000u | 59, 0x7fffffffu, 0xffffffffu, 0x80000000u, 512, 1000};
	_cleanup_seccomp_ struct rast_seccomp_filter f = {0};

	(void)state;
	compile(RAST_CAPS_DEFAULT, &f);
	for (int nr = RAST_SECCOMP_NEWEST + 1; nr < TRIED; nr++) {
		assert_int_equal(ours(&f, NATIVE, nr, NULL), DENY(ENOSYS));
		assert_int_equal(ours(&f, OTHER, nr, NULL), DENY(ENOSYS));
	}
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_int_equal(ours(&f, NATIVE, (int)odd[i], NULL), DENY(ENOSYS));
}

static void test_a_foreign_architecture_is_killed(void **state)
{
	static const uint32_t arches[] = {0, AUDIT_ARCH_PPC64LE, AUDIT_ARCH_S390X, 0xffffffffu};
	_cleanup_seccomp_ struct rast_seccomp_filter f = {0};

	(void)state;
	compile(~0ull >> 23, &f);
	for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++)
		for (int nr = 0; nr < TRIED; nr++)
			assert_int_equal(ours(&f, arches[i], nr, NULL), SECCOMP_RET_KILL_PROCESS);
}

static void test_a_table_names_each_call_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < rast_seccomp_n_rules; i++)
		for (size_t j = i + 1; j < rast_seccomp_n_rules; j++)
			if (!strcmp(rast_seccomp_rules[i].name, rast_seccomp_rules[j].name))
				fail_msg("%s stands there twice", rast_seccomp_rules[i].name);
}

static void test_the_kernel_takes_the_program_and_does_as_it_says(void **state)
{
	_cleanup_seccomp_ struct rast_seccomp_filter f = {0};
	struct sock_fprog prog;
	int status = 0;
	pid_t pid;

	(void)state;
	compile(RAST_CAPS_DEFAULT, &f);
	prog = (struct sock_fprog){f.len, f.insns};
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
			_exit(1);
		if (syscall(SYS_getppid) <= 0)
			_exit(2);
		if (syscall(SYS_bpf, 0, NULL, 0) != -1 || errno != EPERM)
			_exit(3);
		if (syscall(SYS_unshare, 0) != -1 || errno != EPERM)
			_exit(4);
		if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
			_exit(5);
		if (syscall(600) != -1 || errno != ENOSYS)
			_exit(6);
		if (syscall(SYS_socket, 38 /* AF_ALG */, 5, 0) != -1 || errno != EPERM)
			_exit(7);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void same(const struct rast_seccomp_filter *a, const struct rast_seccomp_filter *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->insns, b->insns, a->len * sizeof(*a->insns));
}

static void test_only_an_untouched_cache_file_of_roots_is_used(void **state)
{
	char dir[] = "/tmp/rast-seccomp.XXXXXX", path[256];
	_cleanup_seccomp_ struct rast_seccomp_filter want = {0};
	struct rast_instance in = {0};
	struct rast_err err = {0};
	struct stat before, after;
	unsigned char byte;
	int fd, kind;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	(void)snprintf(in.lib_dir, sizeof(in.lib_dir), "%s", dir);
	(void)snprintf(path, sizeof(path), "%s/cache/seccomp/%016llx.bpf", dir,
		       (unsigned long long)rast_seccomp_hash(RAST_CAPS_DEFAULT));
	compile(RAST_CAPS_DEFAULT, &want);
	/* 0: made; 1: used; 2: a byte changed; 3: cut; 4: writable by others; 5: someone's own */
	for (kind = 0; kind < 6; kind++) {
		_cleanup_seccomp_ struct rast_seccomp_filter f = {0};

		if (kind) {
			assert_int_equal(stat(path, &before), 0);
			fd = open(path, O_RDWR | O_CLOEXEC);
			assert_true(fd >= 0);
			if (kind == 2) {
				assert_int_equal(pread(fd, &byte, 1, before.st_size / 2), 1);
				byte ^= 1;
				assert_int_equal(pwrite(fd, &byte, 1, before.st_size / 2), 1);
			} else if (kind == 3) {
				assert_int_equal(ftruncate(fd, before.st_size - 8), 0);
			} else if (kind == 4) {
				assert_int_equal(fchmod(fd, 0666), 0);
			} else if (kind == 5) {
				assert_int_equal(fchown(fd, 1000, 1000), 0);
			}
			(void)close(fd);
		}
		assert_int_equal(rast_seccomp_get(&in, RAST_CAPS_DEFAULT, &f, &err), 0);
		same(&f, &want);
		assert_int_equal(stat(path, &after), 0);
		assert_int_equal(after.st_mode & 07777, 0600);
		if (kind == 1)
			assert_int_equal(before.st_ino, after.st_ino);
		else if (kind)
			assert_true(after.st_uid == 0 && after.st_size > 8);
	}
	assert_int_equal(rast_remove_tree(AT_FDCWD, dir), 0);
}

static void test_capabilities_that_matter_change_the_hash(void **state)
{
	(void)state;
	assert_true(rast_seccomp_hash(0) != rast_seccomp_hash(1ull << CAP_SYS_ADMIN));
	assert_true(rast_seccomp_hash(0) == rast_seccomp_hash(1ull << CAP_CHOWN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_number_of_the_table_is_libseccomps),
		cmocka_unit_test(test_every_number_has_libseccomps_verdict),
		cmocka_unit_test(test_conditions_on_arguments_have_libseccomps_verdict),
		cmocka_unit_test(test_the_other_architecture_follows_its_own_numbers),
		cmocka_unit_test(test_numbers_that_are_newer_than_the_list_do_not_exist),
		cmocka_unit_test(test_a_foreign_architecture_is_killed),
		cmocka_unit_test(test_a_table_names_each_call_once),
		cmocka_unit_test(test_the_kernel_takes_the_program_and_does_as_it_says),
		cmocka_unit_test(test_only_an_untouched_cache_file_of_roots_is_used),
		cmocka_unit_test(test_capabilities_that_matter_change_the_hash),
	};

	return cmocka_run_group_tests_name("seccomp", tests, NULL, NULL);
}
