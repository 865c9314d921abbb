// SPDX-License-Identifier: BSD-2-Clause
/*
 * The cache of compiled filters; see seccomp.h. A file is believed only when it is root's, not writable
 * by others, and its checksum holds; anything else is compiled anew and replaced.
 */
#include "container/seccomp.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x70636573u /* "secp" */
#define VERSION 3u

struct header {
	uint32_t magic, version;
	uint64_t hash; /* of the profile */
	uint64_t sum;  /* of the instructions */
	uint32_t len, pad;
};

static uint64_t fnv(uint64_t h, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

uint64_t rast_seccomp_hash(uint64_t caps)
{
	uint64_t h = 0xcbf29ce484222325ull, relevant = 0;
	uint32_t version = VERSION, newest = RAST_SECCOMP_NEWEST;
	size_t i;

	for (i = 0; i < rast_seccomp_n_rules; i++) {
		const struct rast_seccomp_rule *r = &rast_seccomp_rules[i];
		unsigned int j;

		h = fnv(h, r->name, strlen(r->name) + 1);
		h = fnv(h, &r->caps, sizeof(r->caps));
		h = fnv(h, &r->error, sizeof(r->error));
		for (j = 0; j < r->n_conds; j++) {
			h = fnv(h, &r->conds[j].arg, sizeof(r->conds[j].arg));
			h = fnv(h, &r->conds[j].mask, 2 * sizeof(uint32_t));
		}
		relevant |= r->caps;
	}
	caps &= relevant;
	h = fnv(h, &version, sizeof(version));
	h = fnv(h, &newest, sizeof(newest));
	return fnv(h, &caps, sizeof(caps));
}

void rast_seccomp_finish(struct rast_seccomp_filter *f)
{
	free(f->insns);
	f->insns = NULL;
	f->len = 0;
}

static int cache_load(const char *path, uint64_t hash, struct rast_seccomp_filter *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ struct sock_filter *insns = NULL;
	_cleanup_free_ char *buf = NULL;
	struct header h;
	struct stat st;
	size_t bytes;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022))
		return -EPERM;
	if (st.st_size < (off_t)sizeof(h) ||
	    st.st_size > (off_t)(sizeof(h) + RAST_SECCOMP_MAX_INSNS * sizeof(*insns)))
		return -EINVAL;
	buf = malloc((size_t)st.st_size);
	if (!buf)
		return -ENOMEM;
	if (read(fd, buf, (size_t)st.st_size) != (ssize_t)st.st_size)
		return -EINVAL;
	memcpy(&h, buf, sizeof(h));
	if (h.magic != MAGIC || h.version != VERSION || h.hash != hash || !h.len ||
	    h.len > RAST_SECCOMP_MAX_INSNS)
		return -EINVAL;
	bytes = h.len * sizeof(*insns);
	if ((uint64_t)st.st_size != sizeof(h) + bytes)
		return -EINVAL;
	insns = malloc(bytes);
	if (!insns)
		return -ENOMEM;
	memcpy(insns, buf + sizeof(h), bytes);
	if (fnv(0xcbf29ce484222325ull, insns, bytes) != h.sum)
		return -EINVAL;
	ret->insns = TAKE_PTR(insns);
	ret->len = (unsigned short)h.len;
	return 0;
}

static void cache_store(const char *dir, const char *path, uint64_t hash,
			const struct rast_seccomp_filter *f)
{
	size_t bytes = f->len * sizeof(*f->insns);
	struct header h = {MAGIC,  VERSION, hash, fnv(0xcbf29ce484222325ull, f->insns, bytes),
			   f->len, 0};
	_cleanup_free_ char *buf = malloc(sizeof(h) + bytes);

	if (!buf)
		return;
	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), f->insns, bytes);
	if (rast_mkdir_p(dir, 0700) == 0)
		(void)rast_replace_file(AT_FDCWD, path, buf, sizeof(h) + bytes, 0600, 0);
}

int rast_seccomp_get(const struct rast_instance *in, uint64_t caps, struct rast_seccomp_filter *ret,
		     struct rast_err *err)
{
	uint64_t hash = rast_seccomp_hash(caps);
	char dir[128], path[192];
	int r;

	(void)snprintf(dir, sizeof(dir), "%s/cache/seccomp", in->lib_dir);
	(void)snprintf(path, sizeof(path), "%s/%016llx.bpf", dir, (unsigned long long)hash);
	if (cache_load(path, hash, ret) == 0)
		return 0;
	r = rast_seccomp_compile(caps, ret, err);
	if (r < 0)
		return r;
	cache_store(dir, path, hash, ret);
	return 0;
}
