// SPDX-License-Identifier: BSD-2-Clause
/*
 * Building, listing and removing images; see image.h. The order of a build: is it there already? → apt
 * resolves → is it there with these versions? → apt fetches → rootfs.tmp → rootfs → image.json.
 */
#include "image/image.h"

#include "base/fd.h"
#include "base/sha256.h"
#include "image/apt.h"
#include "image/rootfs.h"
#include "image/unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Counts changes of how images are made, so that old ones are made again. */
#define BUILDER "rast-image 1"

static void say(const struct rast_image_progress *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void say(const struct rast_image_progress *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (!p || !p->say)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->say(p->arg, text);
}

static void image_path(const struct rast_instance *in, const char *name, const char *leaf,
		       char path[256])
{
	(void)snprintf(path, 256, "%s/images/%s%s%s", in->lib_dir, name, *leaf ? "/" : "", leaf);
}

static int lock_image(const struct rast_instance *in, const char *name, int *ret_fd,
		      struct rast_err *err)
{
	char path[256];
	int r;

	(void)snprintf(path, sizeof(path), "%s/images", in->lib_dir);
	r = rast_mkdir_p(path, 0755);
	if (!r) {
		(void)snprintf(path, sizeof(path), "%s/images/.%s.lock", in->lib_dir, name);
		r = rast_lock_file(path, 1, ret_fd);
	}
	return r < 0 ? rast_err_sys(err, -r, "%s", path) : 0;
}

/* What the spec says and what the files it names hold. */
static int spec_digest(const struct rast_image_spec *spec, char ret_hex[65], struct rast_err *err)
{
	_cleanup_json_ json_t *tree = rast_yaml_to_json(spec->node);
	_cleanup_free_ char *text = tree ? json_dumps(tree, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
	struct rast_sha256 s;
	char buf[32768];

	if (!text)
		return rast_err_set(err, ENOMEM, "out of memory");
	rast_sha256_init(&s);
	rast_sha256_add_str(&s, BUILDER);
	rast_sha256_add_str(&s, text);
	for (size_t i = 0; i < spec->n_files; i++) {
		const struct rast_image_file *f = &spec->files[i];
		_cleanup_close_ int fd = -1;
		ssize_t n = 0;

		if (!f->source)
			continue;
		fd = open(f->source, O_RDONLY | O_CLOEXEC);
		while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
			rast_sha256_add(&s, buf, (size_t)n);
		if (fd < 0 || n < 0)
			return rast_yaml_err(rast_yaml_get(f->node, "source"), err, "%s: %s",
					     f->source, strerror(errno));
	}
	rast_sha256_hex(&s, ret_hex);
	return 0;
}

static void full_digest(const char *spec_hex, const json_t *packages, char ret_hex[65])
{
	struct rast_sha256 s;
	const json_t *p;
	size_t i;

	rast_sha256_init(&s);
	rast_sha256_add_str(&s, spec_hex);
	json_array_foreach(packages, i, p)
		rast_sha256_add_str(&s, rast_json_str(p, "deb"));
	rast_sha256_hex(&s, ret_hex);
}

int rast_image_get(const struct rast_instance *in, const char *name, json_t **ret,
		   struct rast_err *err)
{
	char path[256];

	if (!rast_image_name_valid(name))
		return rast_err_set(err, EINVAL, "\"%.64s\" is no image name", name);
	image_path(in, name, "image.json", path);
	if (access(path, F_OK) < 0)
		return rast_err_set(err, ENOENT,
				    "no image %s (make it with: rastbpf image build -f FILE)",
				    name);
	return rast_json_load(AT_FDCWD, path, ret, err);
}

/*
 * A process in whose mount namespace the image is mounted: as a bind (the root field) or as the lower
 * layer of an overlay (an option). 0: none.
 */
static int user_of(const struct rast_instance *in, const char *name)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	char want[256];
	int found = 0;

	image_path(in, name, "rootfs", want);
	while (d && !found && (e = readdir(d))) {
		_cleanup_free_ char *text = NULL;
		char path[300];

		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%.32s/mountinfo", e->d_name);
		if (rast_read_file(AT_FDCWD, path, 16u << 20, &text, NULL) < 0)
			continue;
		for (const char *p = text; (p = strstr(p, want)) && !found; p++)
			if (strchr(" ,:\n", p[strlen(want)]))
				found = atoi(e->d_name);
	}
	if (d)
		(void)closedir(d);
	return found;
}

static int check_unused(const struct rast_instance *in, const char *name, struct rast_err *err)
{
	int pid = user_of(in, name);

	return pid ? rast_err_set(err, EBUSY,
				  "image %s is in use by process %d; stop its pods first", name,
				  pid)
		   : 0;
}

/* What lies there in the end: packages bring more than stays. Hard links count once a name. */
static int tree_size(const char *root, uint64_t *ret, struct rast_err *err)
{
	char path[256], *paths[] = {path, NULL};
	uint64_t size = 0;
	FTSENT *e;
	FTS *fts;

	(void)snprintf(path, sizeof(path), "%s", root);
	fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	if (!fts)
		return rast_err_sys(err, errno, "%s", root);
	while ((e = fts_read(fts)))
		if (e->fts_info == FTS_F)
			size += (uint64_t)e->fts_statp->st_size;
	(void)fts_close(fts);
	*ret = size;
	return 0;
}

static int unpack_all(const struct rast_instance *in, const struct rast_image_spec *spec,
		      const json_t *packages, const char *root, uint64_t *ret_size,
		      struct rast_err *err)
{
	struct rast_rootfs fs;
	char cache[128], deb[700];
	const json_t *p;
	size_t i;
	int r;

	rast_apt_cache_path(in, cache);
	r = rast_rootfs_init(&fs, root, err);
	if (r < 0)
		return r;
	r = rast_rootfs_skeleton(&fs, spec, err);
	json_array_foreach(packages, i, p) {
		if (r < 0)
			break;
		(void)snprintf(deb, sizeof(deb), "%s/%s", cache, rast_json_str(p, "deb"));
		r = rast_unpack_deb(&fs, deb, err);
	}
	if (!r)
		r = rast_rootfs_apply(&fs, spec, err);
	rast_rootfs_finish(&fs);
	return r < 0 ? r : tree_size(root, ret_size, err);
}

/* rootfs.tmp becomes rootfs; an older one goes. image.json is away meanwhile. */
static int put_in_place(const struct rast_instance *in, const char *name, const char *tmp,
			struct rast_err *err)
{
	char root[256], json[256], old[256];
	int r;

	image_path(in, name, "rootfs", root);
	image_path(in, name, "rootfs.old", old);
	image_path(in, name, "image.json", json);
	if (unlink(json) < 0 && errno != ENOENT)
		return rast_err_sys(err, errno, "%s", json);
	r = rast_remove_tree(AT_FDCWD, old);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", old);
	if (rename(root, old) < 0 && errno != ENOENT)
		return rast_err_sys(err, errno, "%s", root);
	if (rename(tmp, root) < 0)
		return rast_err_sys(err, errno, "%s", root);
	(void)rast_remove_tree(AT_FDCWD, old);
	return 0;
}

static json_t *describe(const struct rast_image_spec *spec, const json_t *packages,
			const char *digest, const char *spec_hex, const char *lists, uint64_t size)
{
	json_t *list = json_array(), *out;
	struct timespec now;
	const json_t *p;
	size_t i;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	json_array_foreach(packages, i, p)
		(void)json_array_append_new(list,
					    json_pack("{s:s,s:s}", "name", rast_json_str(p, "name"),
						      "version", rast_json_str(p, "version")));
	out = json_pack(
		"{s:s,s:s,s:o,s:I,s:o,s:O,s:s,s:s}", "name", spec->name, "digest", digest, "built",
		rast_json_time((uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec),
		"size_bytes", (json_int_t)size, "packages", list, "config", spec->config,
		"spec_digest", spec_hex, "lists", lists);
	return out;
}

static int make(const struct rast_instance *in, const struct rast_image_spec *spec,
		const json_t *packages, uint64_t *ret_size, struct rast_err *err)
{
	char tmp[256];
	int r;

	image_path(in, spec->name, "rootfs.tmp", tmp);
	/* Of a build that was killed. */
	r = rast_remove_tree(AT_FDCWD, tmp);
	if (!r)
		r = rast_mkdir_p(tmp, 0755);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", tmp);
	/* Whatever the caller's umask is. */
	if (chmod(tmp, 0755) < 0)
		r = rast_err_sys(err, errno, "%s", tmp);
	if (!r)
		r = unpack_all(in, spec, packages, tmp, ret_size, err);
	if (!r)
		r = put_in_place(in, spec->name, tmp, err);
	if (r < 0)
		(void)rast_remove_tree(AT_FDCWD, tmp);
	return r;
}

static json_t *answer(const json_t *image, bool built)
{
	return json_pack("{s:s,s:s,s:b,s:I,s:I}", "name", rast_json_str(image, "name"), "digest",
			 rast_json_str(image, "digest"), "built", built, "packages",
			 (json_int_t)json_array_size(json_object_get(image, "packages")),
			 "size_bytes", (json_int_t)rast_json_int(image, "size_bytes"));
}

static int build_locked(const struct rast_instance *in, const struct rast_image_spec *spec,
			const struct rast_image_progress *progress, json_t **ret,
			struct rast_err *err)
{
	_cleanup_json_ json_t *old = NULL, *packages = NULL, *image = NULL;
	char spec_hex[65], digest[65], lists[65], path[256];
	uint64_t size = 0;
	int r;

	r = spec_digest(spec, spec_hex, err);
	if (!r)
		r = rast_apt_lists_stamp(lists);
	if (r < 0)
		return rast_err_sys(err, -r, "package lists");
	(void)rast_image_get(in, spec->name, &old, NULL);
	if (!strcmp(rast_json_str(old, "spec_digest"), spec_hex) &&
	    !strcmp(rast_json_str(old, "lists"), lists)) {
		*ret = answer(old, false);
		return 0;
	}
	say(progress, "%s: resolving %zu packages", spec->name, spec->n_packages);
	r = rast_apt_resolve(in, spec, &packages, err);
	if (r < 0)
		return r;
	image_path(in, spec->name, "image.json", path);
	full_digest(spec_hex, packages, digest);
	if (!strcmp(rast_json_str(old, "digest"), digest)) {
		/* Newer lists, the same versions. */
		(void)json_object_set_new(old, "lists", json_string(lists));
		r = rast_json_store(AT_FDCWD, path, old, 0);
		*ret = answer(old, false);
		return r < 0 ? rast_err_sys(err, -r, "%s", path) : 0;
	}
	r = old ? check_unused(in, spec->name, err) : 0;
	if (r < 0)
		return r;
	say(progress, "%s: fetching and unpacking %zu packages", spec->name,
	    json_array_size(packages));
	r = rast_apt_fetch(in, spec, packages, err);
	if (!r)
		r = make(in, spec, packages, &size, err);
	if (r < 0)
		return r;
	image = describe(spec, packages, digest, spec_hex, lists, size);
	if (!image)
		return rast_err_set(err, ENOMEM, "out of memory");
	r = rast_json_store(AT_FDCWD, path, image, 0);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	*ret = answer(image, true);
	return 0;
}

int rast_image_build(const struct rast_instance *in, const struct rast_image_spec *spec,
		     const struct rast_image_progress *progress, json_t **ret, struct rast_err *err)
{
	_cleanup_close_ int lock = -1;
	int r;

	r = lock_image(in, spec->name, &lock, err);
	if (!r)
		r = build_locked(in, spec, progress, ret, err);
	return r < 0 ? rast_err_prefix(err, "image %s", spec->name) : 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

int rast_image_list(const struct rast_instance *in, json_t **ret, struct rast_err *err)
{
	_cleanup_json_ json_t *rows = json_array();
	struct dirent **v = NULL;
	char path[256];
	int n;

	(void)snprintf(path, sizeof(path), "%s/images", in->lib_dir);
	n = scandir(path, &v, not_hidden, by_name);
	if (n < 0 && errno != ENOENT)
		return rast_err_sys(err, errno, "%s", path);
	for (int i = 0; i < n; i++) {
		json_t *image = NULL;

		if (rast_image_get(in, v[i]->d_name, &image, NULL) == 0)
			(void)json_array_append_new(rows, image);
		free(v[i]);
	}
	free(v);
	if (!rows)
		return rast_err_set(err, ENOMEM, "out of memory");
	*ret = TAKE_PTR(rows);
	return 0;
}

int rast_image_remove(const struct rast_instance *in, const char *name, struct rast_err *err)
{
	_cleanup_close_ int lock = -1;
	char path[256];
	int r;

	if (!rast_image_name_valid(name))
		return rast_err_set(err, EINVAL, "\"%.64s\" is no image name", name);
	r = lock_image(in, name, &lock, err);
	if (r < 0)
		return r;
	image_path(in, name, "", path);
	if (access(path, F_OK) < 0)
		r = rast_err_set(err, ENOENT, "no image %s", name);
	if (!r)
		r = check_unused(in, name, err);
	if (!r) {
		image_path(in, name, "image.json", path);
		if (unlink(path) < 0 && errno != ENOENT)
			r = rast_err_sys(err, errno, "%s", path);
	}
	if (!r) {
		image_path(in, name, "", path);
		r = rast_remove_tree(AT_FDCWD, path);
		if (r < 0)
			r = rast_err_sys(err, -r, "%s", path);
	}
	(void)snprintf(path, sizeof(path), "%s/images/.%s.lock", in->lib_dir, name);
	if (r == -ENOENT)
		(void)unlink(path); /* made a moment ago for an image that never was */
	return r;
}
