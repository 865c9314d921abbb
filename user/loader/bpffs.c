// SPDX-License-Identifier: BSD-2-Clause
/*
 * The instance's folder in bpffs, and whether this kernel and this process may use BPF at all.
 * Everything the kernel keeps for us is reachable from there, and dropping it is dropping the folder.
 */
#include "loader/loader.h"

#include "base/fd.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPFFS "/sys/fs/bpf"

static bool have_capability(cap_value_t cap)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t v = CAP_CLEAR;

	if (caps)
		(void)cap_get_flag(caps, cap, CAP_EFFECTIVE, &v);
	(void)cap_free(caps);
	return v == CAP_SET;
}

/* What is there must also be what it is called: CO-RE without types would fail later, in many words. */
static int check_btf(struct rast_err *err)
{
	static const char path[] = "/sys/kernel/btf/vmlinux";
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct btf_header h;

	if (fd < 0)
		return rast_err_set(err, EOPNOTSUPP,
				    "this kernel has no BTF: %s is missing (CONFIG_DEBUG_INFO_BTF)",
				    path);
	if (read(fd, &h, sizeof(h)) != (ssize_t)sizeof(h) || h.magic != BTF_MAGIC)
		return rast_err_set(err, EOPNOTSUPP, "this kernel has no BTF: %s is not BTF", path);
	return 0;
}

int rast_loader_check(struct rast_err *err)
{
	int fd;

	if (geteuid() != 0)
		return rast_err_set(err, EPERM, "BPF programs need root (euid is %u)", geteuid());
	if (!have_capability(CAP_BPF) && !have_capability(CAP_SYS_ADMIN))
		return rast_err_set(err, EPERM, "BPF programs need CAP_BPF or CAP_SYS_ADMIN");
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rast_check", 4, 4, 1, NULL);
	if (fd == -ENOSYS)
		return rast_err_set(err, EOPNOTSUPP,
				    "this kernel has no bpf(2) (CONFIG_BPF_SYSCALL)");
	if (fd == -EPERM)
		return rast_err_set(err, EPERM, "bpf(2) is refused here (seccomp or lockdown?)");
	if (fd < 0)
		return rast_err_sys(err, -fd, "bpf(2)");
	(void)close(fd);
	return check_btf(err);
}

static bool is_bpffs(void)
{
	struct statfs st;

	return statfs(BPFFS, &st) == 0 && (unsigned long)st.f_type == BPF_FS_MAGIC;
}

static void mark_path(const struct rast_instance *in, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s/bpffs.mounted", in->run_dir);
}

static int mount_bpffs(const struct rast_instance *in, struct rast_err *err)
{
	/* Two instances that start at once: the lock is on the folder below the mount to be. */
	_cleanup_close_ int lock = open(BPFFS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char mark[96];

	if (lock < 0)
		return rast_err_set(err, EOPNOTSUPP, "this kernel has no bpffs: no %s", BPFFS);
	if (flock(lock, LOCK_EX) < 0)
		return rast_err_sys(err, errno, "%s: lock", BPFFS);
	if (is_bpffs())
		return 0;
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return rast_err_sys(err, errno, "%s: mount", BPFFS);
	mark_path(in, mark, sizeof(mark));
	(void)rast_replace_file(AT_FDCWD, mark, "", 0, 0600, 0);
	return 0;
}

int rast_bpffs_prepare(const struct rast_instance *in, struct rast_err *err)
{
	static const char *const kinds[] = {"prog", "map", "link"};
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	char path[96];
	int r;

	r = rast_loader_check(err);
	if (r < 0)
		return r;
	/* Kernels before 5.11 charge map memory to it; later ones ignore it. */
	(void)setrlimit(RLIMIT_MEMLOCK, &unlimited);
	r = rast_mkdir_p(in->run_dir, 0755);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", in->run_dir);
	if (!is_bpffs()) {
		r = mount_bpffs(in, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", in->bpf_dir, kinds[i]);
		r = rast_mkdir_p(path, 0700);
		if (r < 0)
			return rast_err_sys(err, -r, "%s", path);
	}
	return 0;
}

static bool is_empty(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	bool empty = d != NULL;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && strcmp(e->d_name, "maps.debug") != 0 &&
		    strcmp(e->d_name, "progs.debug") != 0)
			empty = false;
	if (d)
		(void)closedir(d);
	return empty;
}

int rast_bpffs_release(const struct rast_instance *in, struct rast_err *err)
{
	static const char *const kinds[] = {"link", "prog", "map"};
	char path[96], mark[96];
	int r;

	if (!is_bpffs())
		return 0;
	/* Links first: what is attached goes before what it needs. */
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", in->bpf_dir, kinds[i]);
		r = rast_remove_tree(AT_FDCWD, path);
		if (r < 0)
			return rast_err_sys(err, -r, "%s", path);
	}
	r = rast_remove_tree(AT_FDCWD, in->bpf_dir);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", in->bpf_dir);
	mark_path(in, mark, sizeof(mark));
	if (access(mark, F_OK) < 0)
		return 0;
	/* Others pinned something since: the mount is theirs now. */
	if (is_empty(BPFFS) && umount2(BPFFS, UMOUNT_NOFOLLOW) < 0 && errno != EBUSY)
		return rast_err_sys(err, errno, "%s: unmount", BPFFS);
	(void)unlink(mark);
	return 0;
}

static int open_pin(const struct rast_instance *in, const char *kind, const char *name,
		    struct rast_err *err)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", in->bpf_dir, kind, name);
	fd = bpf_obj_get(path);
	if (fd == -ENOENT)
		return rast_err_set(err, ENOENT, "no %s \"%s\" is loaded", kind, name);
	if (fd < 0)
		return rast_err_sys(err, -fd, "%s", path);
	return fd;
}

int rast_loader_map_fd(const struct rast_instance *in, const char *name, struct rast_err *err)
{
	return open_pin(in, "map", name, err);
}

int rast_loader_map_view(const struct rast_instance *in, const char *name, size_t size,
			 const void **ret, struct rast_err *err)
{
	_cleanup_close_ int fd = rast_loader_map_fd(in, name, err);
	void *p;

	if (fd < 0)
		return fd;
	p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return rast_err_sys(err, errno, "map %s: mmap", name);
	*ret = p;
	return 0;
}

int rast_loader_prog_fd(const struct rast_instance *in, const char *name, struct rast_err *err)
{
	return open_pin(in, "prog", name, err);
}

int rast_loader_link_fd(const struct rast_instance *in, const char *name, struct rast_err *err)
{
	return open_pin(in, "link", name, err);
}
