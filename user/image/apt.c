// SPDX-License-Identifier: BSD-2-Clause
/*
 * apt-get behind two functions; see apt.h. Its simulation prints one line a package,
 *   Inst libc6 (2.36-9 Debian:12.15/oldstable [amd64])
 * which has been the same since 2001 and is what other tools parse, too.
 */
#include "image/apt.h"

#include "base/fd.h"
#include "base/sha256.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX (4u << 20)
#define ARGS_MAX 64

extern char **environ;

/* Instances may share one, to fetch each package once: the lock in it is for that. */
static const char *cache_dir(const struct rast_instance *in, char buf[112])
{
	const char *shared = getenv("RAST_DEB_CACHE");

	if (shared && *shared == '/' && strlen(shared) < 100)
		(void)snprintf(buf, 112, "%s", shared);
	else
		(void)snprintf(buf, 112, "%s/cache", in->lib_dir);
	return buf;
}

void rast_apt_cache_path(const struct rast_instance *in, char path[128])
{
	char dir[112];

	(void)snprintf(path, 128, "%s/debs", cache_dir(in, dir));
}

struct output {
	int fd;
	char *text;
	size_t len;
};

static int drain(struct output *o)
{
	char buf[8192], *more;
	ssize_t n = read(o->fd, buf, sizeof(buf));

	if (n <= 0) {
		if (n < 0 && errno == EINTR)
			return 0;
		rast_closep(&o->fd);
		o->fd = -1;
		return 0;
	}
	if (o->len + (size_t)n > OUTPUT_MAX)
		return -EFBIG;
	more = realloc(o->text, o->len + (size_t)n + 1);
	if (!more)
		return -ENOMEM;
	o->text = more;
	memcpy(more + o->len, buf, (size_t)n);
	o->len += (size_t)n;
	more[o->len] = '\0';
	return 0;
}

/* Environment of apt-get: the caller's (proxies!), but speaking English. */
static char **english(void)
{
	static char lc[] = "LC_ALL=C", front[] = "DEBIAN_FRONTEND=noninteractive";
	size_t n = 0, k = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 3, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "LC_ALL=", 7) && strncmp(environ[i], "LANGUAGE=", 9))
			env[k++] = environ[i];
	env[k++] = lc;
	env[k] = front;
	return env;
}

/* Runs apt-get; *ret_out and *ret_err are what it said, and the caller's. Its exit code, or -errno. */
static int run(char *const *argv, char **ret_out, char **ret_err)
{
	struct output o[2] = {{.fd = -1}, {.fd = -1}};
	int pipes[2][2] = {{-1, -1}, {-1, -1}}, r = 0, status = 0;
	posix_spawn_file_actions_t fa;
	char **env = english();
	pid_t pid;

	if (!env || pipe2(pipes[0], O_CLOEXEC) < 0 || pipe2(pipes[1], O_CLOEXEC) < 0) {
		r = env ? -errno : -ENOMEM;
		goto out;
	}
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&fa, pipes[0][1], 1);
	(void)posix_spawn_file_actions_adddup2(&fa, pipes[1][1], 2);
	r = -posix_spawnp(&pid, argv[0], &fa, NULL, argv, env);
	(void)posix_spawn_file_actions_destroy(&fa);
	if (r < 0)
		goto out;
	for (int i = 0; i < 2; i++) {
		rast_closep(&pipes[i][1]);
		pipes[i][1] = -1;
		o[i].fd = TAKE_FD(pipes[i][0]);
	}
	while (!r && (o[0].fd >= 0 || o[1].fd >= 0)) {
		struct pollfd p[2] = {{o[0].fd, POLLIN, 0}, {o[1].fd, POLLIN, 0}};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			r = -errno;
		for (int i = 0; i < 2 && !r; i++)
			if (o[i].fd >= 0 && p[i].revents)
				r = drain(&o[i]);
	}
	rast_closep(&o[0].fd);
	rast_closep(&o[1].fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!r)
		r = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
	*ret_out = o[0].text ? o[0].text : strdup("");
	*ret_err = o[1].text ? o[1].text : strdup("");
	if (!*ret_out || !*ret_err)
		r = -ENOMEM;
out:
	for (int i = 0; i < 4; i++)
		rast_closep(&pipes[i / 2][i % 2]);
	free(env);
	return r;
}

/* apt-get with our options, `extra` ones (NULL-terminated) and the packages of the spec. */
static int apt(const struct rast_instance *in, const struct rast_image_spec *spec,
	       const char *const *extra, char **ret_out, char **ret_err, struct rast_err *err)
{
	char path[128], dir[112], opt[6][256];
	_cleanup_close_ int lock = -1, status = -1;
	char **argv;
	int n = 0, r;

	(void)cache_dir(in, dir);
	rast_apt_cache_path(in, path);
	r = rast_mkdir_p(path, 0755);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	(void)snprintf(opt[0], sizeof(opt[0]), "%s/lock", dir);
	r = rast_lock_file(opt[0], 1, &lock);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", opt[0]);
	(void)snprintf(opt[1], sizeof(opt[1]), "%s/status", dir);
	status = open(opt[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (status < 0)
		return rast_err_sys(err, errno, "%s", opt[1]);
	argv = calloc(spec->n_packages + ARGS_MAX, sizeof(*argv));
	if (!argv)
		return rast_err_set(err, ENOMEM, "out of memory");
	(void)snprintf(opt[1], sizeof(opt[1]), "-oDir::State::status=%s/status", dir);
	(void)snprintf(opt[2], sizeof(opt[2]), "-oDir::State::extended_states=%s/extended", dir);
	(void)snprintf(opt[3], sizeof(opt[3]), "-oDir::Cache::archives=%s/", path);
	/* Kept between runs: building them is most of what apt-get does. */
	(void)snprintf(opt[4], sizeof(opt[4]), "-oDir::Cache::pkgcache=%s/pkgcache.bin", dir);
	(void)snprintf(opt[5], sizeof(opt[5]), "-oDir::Cache::srcpkgcache=%s/srcpkgcache.bin", dir);
	argv[n++] = (char *)(uintptr_t) "apt-get";
	for (int i = 1; i <= 5; i++)
		argv[n++] = opt[i];
	/* NoLocking: dpkg's lock is not needed, and our own is held. */
	static const char *const fixed[] = {"-qq",
					    "-y",
					    "-oAPT::Install-Recommends=false",
					    "-oAPT::Install-Suggests=false",
					    "-oDebug::NoLocking=true",
					    "-oAcquire::Retries=1",
					    "-oAcquire::http::Timeout=20",
					    "-oAcquire::https::Timeout=20"};
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		argv[n++] = (char *)(uintptr_t)fixed[i];
	for (; *extra; extra++)
		argv[n++] = (char *)(uintptr_t)*extra;
	for (size_t i = 0; i < spec->n_packages; i++)
		argv[n++] = (char *)(uintptr_t)spec->packages[i].name;
	r = run(argv, ret_out, ret_err);
	free(argv);
	if (r == -ENOENT)
		return rast_err_set(err, ENOENT,
				    "apt-get is not installed: images are made from "
				    "Debian packages");
	return r < 0 ? rast_err_sys(err, -r, "apt-get") : r;
}

static bool lists_are_there(void)
{
	glob_t g = {0};
	bool there = glob("/var/lib/apt/lists/*_Packages*", 0, NULL, &g) == 0;

	globfree(&g);
	return there;
}

/* The first "E: …" line without the mark. */
static void first_error(const char *text, char *buf, size_t size)
{
	const char *e = !strncmp(text, "E: ", 3) ? text : strstr(text, "\nE: ");

	if (e && *e == '\n')
		e++;
	(void)snprintf(buf, size, "%.*s", e ? (int)strcspn(e + 3, "\n") : 0, e ? e + 3 : "");
}

static int resolve_error(const struct rast_image_spec *spec, const char *text, struct rast_err *err)
{
	char line[384];

	if (!lists_are_there())
		return rast_err_set(err, ENOENT,
				    "apt has no package lists on this machine; run "
				    "apt-get update");
	first_error(text, line, sizeof(line));
	/* "Unable to locate package X", "Package 'X' has no …", "Version 'v' for 'X' was not found" */
	for (size_t i = 0; i < spec->n_packages; i++) {
		const char *name = spec->packages[i].name, *p = line;
		size_t n = strcspn(name, "=");

		while ((p = strstr(p, " "))) {
			p += 1 + (p[1] == '\'');
			if (!strncmp(p, name, n) && (!p[n] || strchr("' ", p[n])))
				return rast_yaml_err(spec->packages[i].node, err, "%s", line);
		}
	}
	return rast_yaml_err(spec->n_packages ? spec->packages[0].node : spec->node, err,
			     "apt cannot resolve these packages: %s",
			     *line ? line : "apt-get gave no reason");
}

/* apt's QuoteString(…, "_:"): what it calls the file in its cache. */
static void quote(const char *text, char *out, size_t size)
{
	size_t len = 0;

	for (; *text && len + 4 < size; text++)
		if (strchr("_:%", *text) || !isprint((unsigned char)*text) || *text == ' ')
			len += (size_t)snprintf(out + len, size - len, "%%%02x",
						(unsigned char)*text);
		else
			out[len++] = *text;
	out[len] = '\0';
}

static int take_line(char *line, json_t *rows)
{
	char *name = line + 5, *version, *arch, *end, q[256], deb[512];

	/* "NAME [OLD] (VERSION …" has [OLD] only for installed ones, and nothing is. */
	version = strstr(name, " (");
	end = strchr(name, ')');
	if (!version || !end || version > end)
		return -EPROTO;
	*end = '\0';
	arch = strrchr(version, '[');
	*version = '\0';
	version += 2;
	if (!arch || arch[strlen(arch) - 1] != ']')
		return -EPROTO;
	*arch++ = '\0';
	arch[strlen(arch) - 1] = '\0';
	version[strcspn(version, " ")] = '\0';
	name[strcspn(name, ":")] = '\0';
	quote(version, q, sizeof(q));
	(void)snprintf(deb, sizeof(deb), "%s_%s_%s.deb", name, q, arch);
	if (strchr(deb, '/'))
		return -EPROTO;
	return json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:s}", "name", name, "version",
						     version, "arch", arch, "deb", deb))
		       ? -ENOMEM
		       : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(rast_json_str(*(json_t *const *)a, "name"),
		      rast_json_str(*(json_t *const *)b, "name"));
}

/* apt's order is that of installation and changes with its mood. */
static json_t *sorted(const json_t *rows)
{
	size_t n = json_array_size(rows);
	json_t **v = calloc(n + 1, sizeof(json_t *)), *out = json_array();

	if (!v || !out) {
		free(v);
		json_decref(out);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		v[i] = json_array_get(rows, i);
	qsort(v, n, sizeof(json_t *), by_name);
	for (size_t i = 0; i < n; i++)
		(void)json_array_append(out, v[i]);
	free(v);
	return out;
}

int rast_apt_resolve(const struct rast_instance *in, const struct rast_image_spec *spec,
		     json_t **ret, struct rast_err *err)
{
	static const char *const extra[] = {"-s", "install", NULL};
	_cleanup_free_ char *out = NULL, *text = NULL;
	_cleanup_json_ json_t *rows = json_array();
	char *save = NULL;
	int r;

	if (!spec->n_packages) {
		*ret = TAKE_PTR(rows);
		return *ret ? 0 : rast_err_set(err, ENOMEM, "out of memory");
	}
	r = apt(in, spec, extra, &out, &text, err);
	if (r < 0)
		return r;
	if (r > 0)
		return resolve_error(spec, text, err);
	for (char *line = strtok_r(out, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "Inst ", 5))
			continue;
		r = take_line(line, rows);
		if (r < 0)
			return rast_err_sys(err, -r, "apt-get says \"%.80s\"", line);
	}
	if (!json_array_size(rows))
		return rast_err_set(err, EPROTO, "apt-get named no package to install");
	*ret = sorted(rows);
	return *ret ? 0 : rast_err_set(err, ENOMEM, "out of memory");
}

/* How many are not in the cache; their names in buf. */
static size_t missing(const struct rast_instance *in, const json_t *packages, char *buf,
		      size_t size)
{
	size_t i, n = 0, len = 0;
	char path[128], file[640];
	const json_t *p;

	rast_apt_cache_path(in, path);
	*buf = '\0';
	json_array_foreach(packages, i, p) {
		(void)snprintf(file, sizeof(file), "%s/%s", path, rast_json_str(p, "deb"));
		if (access(file, R_OK) == 0)
			continue;
		n++;
		if (len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
						rast_json_str(p, "name"));
	}
	return n;
}

int rast_apt_fetch(const struct rast_instance *in, const struct rast_image_spec *spec,
		   const json_t *packages, struct rast_err *err)
{
	static const char *const extra[] = {"--download-only", "install", NULL};
	_cleanup_free_ char *out = NULL, *text = NULL;
	char names[160], line[256];
	size_t n;
	int r;

	if (!missing(in, packages, names, sizeof(names)))
		return 0;
	r = apt(in, spec, extra, &out, &text, err);
	if (r < 0)
		return r;
	n = missing(in, packages, names, sizeof(names));
	if (!n)
		return 0;
	first_error(text, line, sizeof(line));
	return rast_err_set(err, ENETUNREACH, "cannot fetch %zu package%s (%s): %s", n,
			    n == 1 ? "" : "s", names, *line ? line : "apt-get gave no reason");
}

int rast_apt_lists_stamp(char ret_hex[65])
{
	static const char *const patterns[] = {"/var/lib/apt/lists/*_*", "/etc/apt/sources.list",
					       "/etc/apt/sources.list.d/*",
					       "/etc/apt/preferences.d/*"};
	struct rast_sha256 s;
	glob_t g = {0};
	int flags = 0;

	rast_sha256_init(&s);
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		int r = glob(patterns[i], flags, NULL, &g);

		if (r == GLOB_NOSPACE)
			return -ENOMEM;
		flags = GLOB_APPEND;
	}
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct stat st;
		char text[64];

		if (stat(g.gl_pathv[i], &st) < 0)
			continue;
		(void)snprintf(text, sizeof(text), "%lld %lld.%09ld", (long long)st.st_size,
			       (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		rast_sha256_add_str(&s, g.gl_pathv[i]);
		rast_sha256_add_str(&s, text);
	}
	globfree(&g);
	rast_sha256_hex(&s, ret_hex);
	return 0;
}
