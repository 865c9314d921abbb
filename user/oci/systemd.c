// SPDX-License-Identifier: BSD-2-Clause
/* See systemd.h: starts rast-oci-systemd and hears what it says. */
#include "oci/systemd.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "rast-oci-systemd"
#define PLACE "RAST_OCI_SYSTEMD"

/* Beside us in a build folder, in libexec where it was installed. */
static int find_program(char *ret, size_t size)
{
	static const char *const places[] = {PROGRAM, "../libexec/rastos/" PROGRAM};
	const char *told = getenv(PLACE);
	char self[PATH_MAX];
	ssize_t n;
	char *slash;
	size_t i;

	if (told && *told == '/') {
		(void)snprintf(ret, size, "%s", told);
		return 0;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n < 0 ? 0 : n] = '\0';
	slash = strrchr(self, '/');
	for (i = 0; slash && i < ARRAY_SIZE(places); i++) {
		(void)snprintf(ret, size, "%.*s/%s", (int)(slash - self), self, places[i]);
		if (access(ret, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

bool oci_systemd_installed(void)
{
	char path[PATH_MAX + 64];

	return find_program(path, sizeof(path)) == 0;
}

void oci_systemd_remember(void)
{
	char path[PATH_MAX + 64];

	if (find_program(path, sizeof(path)) == 0)
		(void)setenv(PLACE, path, 1);
}

/*
 * Whose systemd it is that we may ask. In a user namespace root may be the user who made it (podman without
 * root), whose own systemd it is then, or root of a container with a systemd of its own.
 */
static bool is_user(void)
{
	struct stat st;

	return geteuid() != 0 || (stat("/run/systemd/system", &st) == 0 && st.st_uid != 0);
}

/* What the D-Bus library asks for, and nothing else of the caller's. */
static void choose_env(const char *ret[5], char *buf, size_t size)
{
	static const char *const names[] = {"DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS",
					    "XDG_RUNTIME_DIR"};
	size_t i, n = 0, used = 0;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);
		int len = value ? snprintf(buf + used, size - used, "%s=%s", names[i], value) : -1;

		if (len < 0 || (size_t)len >= size - used)
			continue;
		ret[n++] = buf + used;
		used += (size_t)len + 1;
	}
	ret[n] = NULL;
}

/* `theirs` becomes its descriptor 0; it has no other. */
static int spawn(const char *path, const char *const *argv, int theirs, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	const char *env[5];
	char buf[4096];
	sigset_t set;
	int r;

	choose_env(env, buf, sizeof(buf));
	r = posix_spawn_file_actions_init(&files);
	if (r)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (r)
		goto files;
	(void)sigemptyset(&set);
	(void)posix_spawnattr_setsigmask(&attr, &set);
	(void)sigfillset(&set);
	(void)posix_spawnattr_setsigdefault(&attr, &set);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn_file_actions_adddup2(&files, theirs, STDIN_FILENO);
	if (!r)
		r = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY,
						     0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	if (!r)
		r = posix_spawn(ret, path, &files, &attr, (char *const *)(uintptr_t)argv,
				(char *const *)(uintptr_t)env);
	(void)posix_spawnattr_destroy(&attr);
files:
	(void)posix_spawn_file_actions_destroy(&files);
	return -r;
}

static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

/* Starts it and hears its one message: the text behind '+' goes to `text`, the one behind '-' to err. */
static int ask(const char *const *argv, int *ret_sock, pid_t *ret_pid, char *text, size_t size,
	       struct rast_err *err)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	char path[PATH_MAX + 64], message[4096];
	ssize_t n;
	pid_t pid;
	int sv[2], r;

	r = find_program(path, sizeof(path));
	if (r < 0)
		return rast_err_sys(err, -r,
				    "systemd: " PROGRAM " is neither beside rast-oci nor in "
				    "../libexec/rastos");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return rast_err_sys(err, errno, "systemd: socketpair");
	ours = sv[0];
	theirs = sv[1];
	/* dup2() of 0 to 0 would leave it to be closed by exec. */
	if (theirs == STDIN_FILENO) {
		theirs = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		(void)close(STDIN_FILENO);
	}
	r = theirs < 0 ? -errno : spawn(path, argv, theirs, &pid);
	if (r < 0)
		return rast_err_sys(err, -r, "systemd: running %s", path);
	rast_closep(&theirs);
	theirs = -1;
	do
		n = recv(ours, message, sizeof(message) - 1, 0);
	while (n < 0 && errno == EINTR);
	message[n < 0 ? 0 : n] = '\0';
	if (message[0] != '+') {
		(void)reap(pid);
		return message[0] == '-'
			       ? rast_err_set(err, EIO, "systemd: %.480s", message + 1)
			       : rast_err_set(err, EIO, "systemd: %s ended without a word", path);
	}
	if (text)
		(void)snprintf(text, size, "%s", message + 1);
	if (ret_sock) {
		*ret_sock = TAKE_FD(ours);
		*ret_pid = pid;
	} else {
		/* One that holds a scope waits for this. */
		rast_closep(&ours);
		ours = -1;
		(void)reap(pid);
	}
	return 0;
}

static void begin(struct oci_words *w, const char *what, bool user, const char *unit)
{
	w->n = w->used = 0;
	w->full = false;
	oci_words_add(w, PROGRAM);
	oci_words_add(w, "%s", what);
	oci_words_add(w, "%s", user ? "user" : "system");
	oci_words_add(w, "%s", unit);
}

static void add(struct oci_words *w, const char *name, const char *signature, const char *value)
{
	oci_words_add(w, "%s", name);
	oci_words_add(w, "%s", signature);
	oci_words_add(w, "%s", value);
}

/* What every container's scope has. */
static void add_common(struct oci_words *w, const char *id, const char *slice)
{
	static const char *const on[] = {"Delegate", "MemoryAccounting", "CPUAccounting",
					 "TasksAccounting", "?IOAccounting"};
	size_t i;

	oci_words_add(w, "Description");
	oci_words_add(w, "s");
	oci_words_add(w, "rast-oci container %s", id);
	add(w, "Slice", "s", slice);
	/* Who asks, whatever number systemd knows that by. */
	oci_words_add(w, "PIDs");
	oci_words_add(w, "au");
	oci_words_add(w, "1");
	oci_words_add(w, "0");
	for (i = 0; i < ARRAY_SIZE(on); i++)
		add(w, on[i], "b", "true");
	add(w, "DefaultDependencies", "b", "false");
	add(w, "?CollectMode", "s", "inactive-or-failed");
}

int oci_scope_start(const char *id, const struct rast_oci_spec *spec,
		    const struct oci_resources *res, unsigned int v2, struct oci_scope *ret,
		    struct rast_err *err)
{
	_cleanup_free_ struct oci_words *w = malloc(sizeof(*w));
	struct oci_scope s = OCI_SCOPE_INIT;
	struct oci_unit_name name;
	char text[4096];
	size_t n;
	int r;

	if (!w)
		return rast_err_sys(err, ENOMEM, "systemd");
	s.user = is_user();
	r = oci_unit_name_parse(spec->cgroups_path, id, s.user, &name, err);
	if (r < 0)
		return r;
	(void)strcpy(s.unit, name.unit);
	begin(w, "start", s.user, s.unit);
	add_common(w, id, name.slice);
	if ((r = oci_words_add_limits(w, res, v2, err)) < 0 ||
	    (r = oci_words_add_annotations(w, spec, err)) < 0 || (r = oci_words_check(w, err)) < 0)
		return r;
	r = ask(w->v, &s.sock, &s.pid, text, sizeof(text), err);
	if (r < 0)
		return r;
	n = strlen(text);
	/* A cgroup namespace between us and systemd would show another path than the mount does. */
	if (n <= strlen(s.unit) || strcmp(text + n - strlen(s.unit), s.unit) != 0 ||
	    strstr(text, "/../") || n >= sizeof(s.cgroup)) {
		r = rast_err_set(err, EXDEV, "systemd: %s is made, but our cgroup in it is %.200s",
				 s.unit, text);
		oci_scope_release(&s);
		(void)oci_scope_stop(&s, NULL);
		return r;
	}
	(void)strcpy(s.cgroup, text + strspn(text, "/"));
	*ret = s;
	return 0;
}

void oci_scope_release(struct oci_scope *s)
{
	if (s->sock < 0)
		return;
	rast_closep(&s->sock);
	s->sock = -1;
	(void)reap(s->pid);
}

/* May we write to cgroup.procs of what our cgroup and this one have in common? */
static bool may_move(const char *cgroup)
{
	_cleanup_free_ char *text = NULL;
	char file[RAST_CGROUP_PATH_MAX + 32];
	struct rast_cgroup_layout l;
	const char *own;
	size_t i, common = 0;
	bool may;

	if (rast_read_file(AT_FDCWD, "/proc/self/cgroup", 65536, &text, NULL) < 0 ||
	    !(own = strstr(text, "0::/")) || rast_cgroup_layout_init_some(0, &l, NULL) < 0)
		return true;
	own += strlen("0::/");
	for (i = 0; cgroup[i] && cgroup[i] == own[i]; i++)
		if (cgroup[i] == '/')
			common = i;
	if (cgroup[i] == '/' && own[i] == '\n')
		common = i;
	(void)snprintf(file, sizeof(file), "%.*s%scgroup.procs", (int)common, cgroup,
		       common ? "/" : "");
	may = faccessat(l.v2_fd, file, W_OK, AT_EACCESS) == 0;
	rast_cgroup_layout_finish(&l);
	return may;
}

int oci_scope_approach(const struct oci_scope *s, const char *cgroup, struct rast_err *err)
{
	_cleanup_free_ struct oci_words *w = NULL;
	char unit[64];

	if (!s->user || may_move(cgroup))
		return 0;
	w = malloc(sizeof(*w));
	if (!w)
		return rast_err_sys(err, ENOMEM, "systemd");
	(void)snprintf(unit, sizeof(unit), "rast-oci-command-%d.scope", (int)getpid());
	begin(w, "start", true, unit);
	add(w, "Description", "s", "rast-oci");
	add(w, "?CollectMode", "s", "inactive-or-failed");
	oci_words_add(w, "PIDs");
	oci_words_add(w, "au");
	oci_words_add(w, "2");
	oci_words_add(w, "0");
	oci_words_add(w, "%d", (int)getpid());
	return ask(w->v, NULL, NULL, NULL, 0, err);
}

int oci_scope_set(const struct oci_scope *s, const struct oci_resources *res, unsigned int v2,
		  struct rast_err *err)
{
	_cleanup_free_ struct oci_words *w = malloc(sizeof(*w));
	size_t n;
	int r;

	if (!w)
		return rast_err_sys(err, ENOMEM, "systemd");
	begin(w, "set", s->user, s->unit);
	n = w->n;
	r = oci_words_add_limits(w, res, v2, err);
	/* Nothing that systemd has a name for. */
	return r < 0 || w->n == n ? r : ask(w->v, NULL, NULL, NULL, 0, err);
}

int oci_scope_stop(const struct oci_scope *s, struct rast_err *err)
{
	const char *const argv[] = {PROGRAM, "stop", s->user ? "user" : "system", s->unit, NULL};

	return ask(argv, NULL, NULL, NULL, 0, err);
}

int oci_scope_open_v1(const struct oci_scope *s, const char *cgroup)
{
	const char *at = strstr(cgroup, s->unit);
	char file[RAST_CGROUP_PATH_MAX + 64];

	if (!at)
		return -1;
	(void)snprintf(file, sizeof(file), "/sys/fs/cgroup/systemd/%.*s/cgroup.procs",
		       (int)(at + strlen(s->unit) - cgroup), cgroup);
	return open(file, O_WRONLY | O_CLOEXEC);
}

void oci_scope_describe(const struct oci_scope *s, json_t *o)
{
	if (!s->unit[0])
		return;
	rast_json_set_str(o, "systemd_scope", s->unit);
	if (s->user)
		(void)json_object_set_new(o, "systemd_user", json_true());
}

bool oci_scope_from(const json_t *o, struct oci_scope *ret)
{
	const char *unit = rast_json_str(o, "systemd_scope");
	struct oci_scope s = OCI_SCOPE_INIT;

	if (!*unit || strlen(unit) > OCI_UNIT_MAX)
		return false;
	(void)strcpy(s.unit, unit);
	s.user = rast_json_bool(o, "systemd_user");
	*ret = s;
	return true;
}
