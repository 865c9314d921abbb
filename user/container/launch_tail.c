// SPDX-License-Identifier: BSD-2-Clause
/*
 * Why: /proc/PID/exe is a way to our executable for whoever shares a pid namespace with us, and a
 * container whose program is "#!/proc/self/exe" runs it inside the container (CVE-2019-5736). The
 * kernel lets a process name another file as its executable once no mapping of the old one is left. So
 * this function is copied to an anonymous page, unmaps our executable, names an empty sealed memfd,
 * drops the capabilities, installs the filter and executes.
 *
 * tail() must not touch anything outside its argument and its own code: no calls, no constants in
 * .rodata, no stack protector, no sanitizer. The section's bounds come from the linker.
 */
#include "container/launch_tail.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern const char __start_rast_tail[], __stop_rast_tail[];

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "launch_tail.c needs the system call instruction of this machine"
#endif

static inline __attribute__((always_inline)) long call(long nr, long a, long b, long c, long d,
						       long e)
{
#ifdef __x86_64__
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
#else
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
#endif
}

__attribute__((section("rast_tail"), noinline, used, no_sanitize("address", "undefined")))
__attribute__((no_stack_protector)) static int
tail(struct launch_tail *t)
{
	unsigned long spin;
	int step;
	long r;

	step = t->step_hide;
	if (t->image_len) {
		r = call(SYS_munmap, (long)t->image, (long)t->image_len, 0, 0, 0);
		if (r < 0)
			goto fail;
		r = call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)&t->map, sizeof(t->map), 0);
		if (r < 0)
			goto fail;
	}
	/* Without no_new_privs a filter takes CAP_SYS_ADMIN, which the next step may drop. */
	step = t->step_seccomp;
	if (t->filter.len && !t->no_new_privs) {
		r = call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, t->filter_flags, (long)&t->filter, 0,
			 0);
		if (r < 0)
			goto fail;
	}
	step = t->step_caps;
	r = call(SYS_capset, (long)&t->cap_header, (long)t->caps, 0, 0, 0);
	if (r < 0)
		goto fail;
	step = t->step_seccomp;
	if (t->filter.len && t->no_new_privs) {
		r = call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, t->filter_flags, (long)&t->filter, 0,
			 0);
		if (r < 0)
			goto fail;
	}
	/* Milliseconds at most; who never comes ends the start, for without a listener it could not go on. */
	if (t->taken) {
		r = -1; /* EPERM, should it end here */
		for (spin = 0; !*t->taken; spin++)
			if (spin >> 36)
				goto fail;
	}
	step = t->step_exec;
	r = call(SYS_execve, (long)t->path, (long)t->argv, (long)t->env, 0, 0);
fail:
	t->report.step = step;
	t->report.err = (int)-r;
	(void)call(SYS_write, t->report_fd, (long)&t->report, sizeof(t->report), 0, 0);
	for (;;)
		(void)call(SYS_exit_group, 127, 0, 0, 0, 0);
	return 0;
}

static int own_image(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct launch_tail *t = arg;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), lo = UINTPTR_MAX, hi = 0;
	int i;

	/* The first object is the program itself. */
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type != PT_LOAD)
			continue;
		if (info->dlpi_addr + ph->p_vaddr < lo)
			lo = info->dlpi_addr + ph->p_vaddr;
		if (info->dlpi_addr + ph->p_vaddr + ph->p_memsz > hi)
			hi = info->dlpi_addr + ph->p_vaddr + ph->p_memsz;
	}
	if (hi) {
		t->image = lo & ~(page - 1);
		t->image_len = ((hi + page - 1) & ~(page - 1)) - t->image;
	}
	return 1;
}

int launch_tail_prepare(struct launch_tail *t)
{
	size_t len = (size_t)(__stop_rast_tail - __start_rast_tail);
	unsigned int size = 0;
	uintptr_t brk_now = (uintptr_t)sbrk(0);
	void *page;
	int fd;

	t->map.exe_fd = (uint32_t)-1;
	page = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return -errno;
	memcpy(page, __start_rast_tail, len);
	if (mprotect(page, len, PROT_READ | PROT_EXEC) < 0) {
		int saved = errno;

		(void)munmap(page, len);
		return -saved;
	}
	t->code = (int (*)(struct launch_tail *))((uintptr_t)page +
						  ((uintptr_t)tail - (uintptr_t)__start_rast_tail));
	/* EINVAL: a kernel without it. */
	if (prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) < 0)
		return errno == EINVAL ? 0 : -errno;
	if (size != sizeof(t->map))
		return 0;
#ifdef MFD_EXEC
	fd = memfd_create("container", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0)
#else
	fd = memfd_create("container", MFD_CLOEXEC | MFD_ALLOW_SEALING | 0x10u /* MFD_EXEC, 6.3 */);
	if (fd < 0)
#endif
		fd = memfd_create("container", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (fd < 3) {
		int high = fcntl(fd, F_DUPFD_CLOEXEC, 3), saved = errno;

		(void)close(fd);
		if (high < 0)
			return -saved;
		fd = high;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
		int saved = errno;

		(void)close(fd);
		return -saved;
	}
	(void)dl_iterate_phdr(own_image, t);
	/*
	 * Only /proc/PID/{stat,cmdline,environ} read these, and exec replaces them at once; but each
	 * must be a valid address, in order, and the data must end before the heap begins.
	 */
	t->map.start_code = t->map.end_code = t->image;
	t->map.start_data = t->map.end_data = t->image;
	t->map.start_code = t->image;
	t->map.end_code = t->image + 1;
	t->map.start_brk = t->map.brk = brk_now > t->image ? brk_now : t->image + t->image_len;
	t->map.start_stack = t->map.arg_start = t->map.arg_end = (uintptr_t)t;
	t->map.env_start = t->map.env_end = (uintptr_t)t;
	t->map.exe_fd = (uint32_t)fd;
	return 0;
}

void launch_tail_finish(struct launch_tail *t)
{
	size_t len = (size_t)(__stop_rast_tail - __start_rast_tail);

	if (t->code)
		(void)munmap((void *)((uintptr_t)t->code -
				      ((uintptr_t)tail - (uintptr_t)__start_rast_tail)),
			     len);
	if (t->map.exe_fd != (uint32_t)-1)
		(void)close((int)t->map.exe_fd);
	t->code = NULL;
	t->map.exe_fd = (uint32_t)-1;
}

_Noreturn void launch_tail_run(struct launch_tail *t)
{
	(void)t->code(t);
	_exit(127);
}
