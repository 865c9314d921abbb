// SPDX-License-Identifier: BSD-2-Clause
/*
 * See own_exe.h. The kernel lets a process name another file as its executable once nothing of the old one
 * is mapped; "the old one" is a file as seen through a mount. So all that is mapped of us is mapped once more
 * from the read-only mount, at the same places: clean pages are the same pages of the page cache, written ones
 * are copied. That is a tenth of what it costs to execute the file again, which is left for kernels that
 * cannot do it.
 */
#include "container/own_exe.h"

#include "base/fd.h"
#include "container/mount_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static uintptr_t down(uintptr_t v)
{
	return v & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
}

static uintptr_t up(uintptr_t v)
{
	return down(v + (uintptr_t)sysconf(_SC_PAGESIZE) - 1);
}

/* Started as an argument of the dynamic linker, /proc/self/exe is not what is mapped here. */
static bool is_this_program(int fd, const struct dl_phdr_info *info)
{
	char buf[4096];
	int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		size_t n = ph->p_filesz < sizeof(buf) ? ph->p_filesz : sizeof(buf);

		/* The headers, and the build id. */
		if (ph->p_type == PT_LOAD && !ph->p_offset && !(ph->p_flags & PF_W))
			return pread(fd, buf, n, 0) == (ssize_t)n &&
			       !memcmp(buf, (const void *)(info->dlpi_addr + ph->p_vaddr), n);
	}
	return false;
}

/* Nothing may be written to these pages between the copy and the exchange: no calls but these. */
static int replace_by_copy(uintptr_t from, uintptr_t to)
{
	size_t len = to - from;
	void *copy = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (copy == MAP_FAILED)
		return -1;
	memcpy(copy, (const void *)from, len);
	return mremap(copy, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)from) == MAP_FAILED
		       ? -1
		       : 0;
}

static int map_again(struct dl_phdr_info *info, size_t size, void *arg)
{
	int fd = *(int *)arg, i, r = 0;

	/* The first object is the program itself. */
	if (!is_this_program(fd, info))
		return -1;
	for (i = 0; i < info->dlpi_phnum && r == 0; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + ph->p_vaddr, from = down(at);
		uintptr_t to = up(at + ph->p_filesz);

		if (ph->p_type != PT_LOAD || !ph->p_filesz)
			continue;
		if (ph->p_flags & PF_W)
			r = replace_by_copy(from, to);
		else if (mmap((void *)from, to - from,
			      PROT_READ | (ph->p_flags & PF_X ? PROT_EXEC : 0),
			      MAP_PRIVATE | MAP_FIXED, fd, (off_t)down(ph->p_offset)) == MAP_FAILED)
			r = -1;
	}
	for (i = 0; i < info->dlpi_phnum && r == 0; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t from = down(info->dlpi_addr + ph->p_vaddr);
		uintptr_t to = down(info->dlpi_addr + ph->p_vaddr + ph->p_memsz);

		if (ph->p_type == PT_GNU_RELRO && to > from)
			r = mprotect((void *)from, to - from, PROT_READ);
	}
	return r ? -1 : 1;
}

/* What is not about the executable stays as it is, or as good: only /proc/PID/stat tells the rest. */
static int name_executable(char *const *argv, int fd)
{
	uintptr_t heap = (uintptr_t)sbrk(0), here = (uintptr_t)&fd;
	struct prctl_mm_map map = {
		.start_code = here,
		.end_code = here + 1,
		.start_data = here,
		.end_data = here,
		.start_brk = heap,
		.brk = heap,
		.start_stack = here,
		.arg_start = here,
		.arg_end = here,
		.env_start = here,
		.env_end = here,
		.exe_fd = (uint32_t)fd,
	};
	char *const *v;

	/* `ps` shall know us. The kernel has put the strings one behind the other. */
	for (v = argv; v && *v; v++) {
		if (v == argv)
			map.arg_start = (uintptr_t)*v;
		map.arg_end = (uintptr_t)*v + strlen(*v) + 1;
	}
	if (map.arg_end < map.arg_start)
		map.arg_start = map.arg_end;
	return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0);
}

/* 0 when /proc/self/exe, and all that is mapped of it, is the file as the mount `tree` shows it. */
static int move_to(char *const *argv, int tree)
{
	_cleanup_close_ int file = -1;
	unsigned int size = 0;
	struct statvfs fs;
	char path[32];

	if (prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) < 0 ||
	    size != sizeof(struct prctl_mm_map))
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", tree);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || dl_iterate_phdr(map_again, &file) != 1 || name_executable(argv, file) < 0)
		return -1;
	return statvfs("/proc/self/exe", &fs) == 0 && (fs.f_flag & ST_RDONLY) ? 0 : -1;
}

int rast_exe_protect(char *const *argv, struct rast_err *err)
{
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
	_cleanup_close_ int exe = -1, tree = -1;
	struct statvfs fs;

	/* Without privileges there is no process inside that could look at us, and no mount. */
	if (geteuid() != 0)
		return 0;
	exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (exe < 0 || fstatvfs(exe, &fs) < 0)
		return rast_err_sys(err, errno, "/proc/self/exe");
	if (fs.f_flag & ST_RDONLY)
		return 0;
	tree = sys_open_tree_attr(exe, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH,
				  &ro);
	/* Root of a user namespace only: as above. */
	if (tree < 0 && errno == EPERM)
		return 0;
	if (tree < 0 || fstatvfs(tree, &fs) < 0 || !(fs.f_flag & ST_RDONLY))
		return rast_err_sys(err, errno, "a read-only mount of %s", argv[0]);
	if (move_to(argv, tree) == 0)
		return 0;
	(void)syscall(SYS_execveat, tree, "", argv, environ, AT_EMPTY_PATH);
	return rast_err_sys(err, errno, "running %s from a read-only mount", argv[0]);
}
