// SPDX-License-Identifier: BSD-2-Clause
/* Addresses of the pod range as files; see ipam.h. */
#include "network/ipam.h"

#include "base/fd.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *rast_ipam_format(uint32_t addr, char buf[16])
{
	(void)snprintf(buf, 16, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255,
		       addr & 255);
	return buf;
}

uint32_t rast_ipam_next(const uint64_t *used, uint32_t first, uint32_t n, uint32_t last)
{
	uint32_t start = last >= first && last - first < n ? last - first + 1 : 0;

	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = (start + k) % n;

		if (!(used[i / 64] >> (i % 64) & 1))
			return first + i;
	}
	return 0;
}

static int open_folder(const struct rast_instance *in, int *ret, struct rast_err *err)
{
	char path[96];
	int r;

	(void)snprintf(path, sizeof(path), "%s/ipam", in->run_dir);
	r = rast_mkdir_p(path, 0755);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	r = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r < 0)
		return rast_err_sys(err, errno, "%s", path);
	*ret = r;
	return 0;
}

/* Calls fn for each entry that is an address of the range. */
static int each(const struct rast_instance *in, int dir,
		int (*fn)(uint32_t addr, const char *name, void *arg), void *arg)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!d) {
		r = -errno;
		rast_closep(&fd);
		return r;
	}
	while (!r && (e = readdir(d))) {
		struct in_addr a;

		if (inet_pton(AF_INET, e->d_name, &a) == 1 && ntohl(a.s_addr) > in->pod_cidr &&
		    ntohl(a.s_addr) < rast_ipam_broadcast(in))
			r = fn(ntohl(a.s_addr), e->d_name, arg);
	}
	(void)closedir(d);
	return r;
}

struct used {
	uint64_t *bits;
	uint32_t first;
};

static int mark_used(uint32_t addr, const char *name, void *arg)
{
	struct used *u = arg;

	if (addr >= u->first)
		u->bits[(addr - u->first) / 64] |= 1ull << ((addr - u->first) % 64);
	return 0;
}

/* The file with the key in it, without a name yet: nobody ever sees an address without an owner. */
static int nameless(int dir, const char *key, int *ret)
{
	_cleanup_close_ int fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	int r;

	if (fd < 0)
		return -errno;
	r = rast_write_all(fd, key, strlen(key));
	if (!r)
		r = rast_write_all(fd, "\n", 1);
	if (!r)
		*ret = TAKE_FD(fd);
	return r;
}

/*
 * Only a hint where to go on, so that an address rests as long as possible before it is used again.
 * Of fixed width and written in place: a rename would cost a disk flush where /run is no tmpfs.
 */
static void remember(int dir, uint32_t addr)
{
	_cleanup_close_ int fd = openat(dir, "last", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	char text[16];

	(void)snprintf(text, sizeof(text), "%010u\n", addr);
	if (fd >= 0)
		(void)rast_write_all(fd, text, strlen(text));
}

int rast_ipam_alloc(const struct rast_instance *in, const char *key, uint32_t *ret_addr,
		    struct rast_err *err)
{
	const uint32_t n = rast_ipam_capacity(in);
	_cleanup_free_ uint64_t *bits = NULL;
	_cleanup_close_ int dir = -1, file = -1;
	struct used used = {.first = rast_ipam_gateway(in) + 1};
	char from[64], name[16], cidr[16];
	uint64_t last = 0;
	uint32_t addr;
	int r;

	if (!*key || strlen(key) >= RAST_IPAM_KEY_MAX || strchr(key, '\n'))
		return rast_err_set(err, EINVAL, "address owner is empty, too long or has lines");
	r = open_folder(in, &dir, err);
	if (r < 0)
		return r;
	bits = used.bits = calloc(n / 64 + 1, sizeof(*bits));
	if (!bits)
		return rast_err_set(err, ENOMEM, "out of memory");
	r = each(in, dir, mark_used, &used);
	if (!r)
		r = nameless(dir, key, &file);
	if (r < 0)
		return rast_err_sys(err, -r, "%s/ipam", in->run_dir);
	(void)rast_read_u64(dir, "last", &last);
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", file);
	for (addr = (uint32_t)last;;) {
		addr = rast_ipam_next(bits, used.first, n, addr);
		if (!addr)
			return rast_err_set(
				err, ENOSPC, "no free address in the pod range %s/%u: %u in use",
				rast_ipam_format(in->pod_cidr, cidr), in->pod_prefix, n);
		if (linkat(AT_FDCWD, from, dir, rast_ipam_format(addr, name), AT_SYMLINK_FOLLOW) ==
		    0)
			break;
		if (errno != EEXIST)
			return rast_err_sys(err, errno, "%s/ipam/%s", in->run_dir, name);
		(void)mark_used(addr, name, &used); /* somebody was faster */
	}
	remember(dir, addr);
	*ret_addr = addr;
	return 0;
}

static int read_key(int dir, const char *name, char key[RAST_IPAM_KEY_MAX])
{
	_cleanup_free_ char *text = NULL;
	int r = rast_read_file(dir, name, RAST_IPAM_KEY_MAX, &text, NULL);

	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	(void)snprintf(key, RAST_IPAM_KEY_MAX, "%s", text);
	return 0;
}

int rast_ipam_release(const struct rast_instance *in, uint32_t addr, const char *key,
		      struct rast_err *err)
{
	_cleanup_close_ int dir = -1;
	char name[16], owner[RAST_IPAM_KEY_MAX];
	int r;

	r = open_folder(in, &dir, err);
	if (r < 0)
		return r;
	(void)rast_ipam_format(addr, name);
	if (key) {
		r = read_key(dir, name, owner);
		if (r == -ENOENT)
			return 0;
		if (r < 0)
			return rast_err_sys(err, -r, "%s/ipam/%s", in->run_dir, name);
		if (strcmp(owner, key))
			return rast_err_set(err, EPERM, "address %s belongs to %s, not to %s", name,
					    owner, key);
	}
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return rast_err_sys(err, errno, "%s/ipam/%s", in->run_dir, name);
	return 0;
}

struct list {
	int dir;
	json_t *rows;
};

static int add_row(uint32_t addr, const char *name, void *arg)
{
	char key[RAST_IPAM_KEY_MAX];
	struct list *l = arg;
	int r = read_key(l->dir, name, key);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return json_array_append_new(l->rows, json_pack("{s:s,s:s}", "address", name, "key", key))
		       ? -ENOMEM
		       : 0;
}

int rast_ipam_list(const struct rast_instance *in, json_t **ret, struct rast_err *err)
{
	_cleanup_json_ json_t *rows = json_array();
	_cleanup_close_ int dir = -1;
	struct list l = {.rows = rows};
	int r;

	r = open_folder(in, &dir, err);
	if (r < 0)
		return r;
	l.dir = dir;
	r = rows ? each(in, dir, add_row, &l) : -ENOMEM;
	if (r < 0)
		return rast_err_sys(err, -r, "%s/ipam", in->run_dir);
	*ret = TAKE_PTR(rows);
	return 0;
}
