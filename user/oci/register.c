// SPDX-License-Identifier: BSD-2-Clause
/*
 * See register.h. Identities, compiled policy and libbpf are in rastbpf; this executable stays small and
 * asks it. Its environment is ours: it needs the same RAST_… settings as any other call of rastbpf.
 */
#include "oci/register.h"

#include "base/fd.h"
#include "base/instance.h"
#include "oci/hooks.h"
#include "oci/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* It may wait for a `rastbpf up` that starts many pods. */
#define TIMEOUT_S 120

int oci_register_wanted(struct rast_err *err)
{
	struct rast_instance in;
	char path[128];
	int r = rast_instance_init(&in, NULL, err);

	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/map/container_by_cgroup", in.bpf_dir);
	return access(path, W_OK) == 0;
}

/* "<folder of `self`>/rastbpf" when there is one. */
static bool beside(const char *self, char *buf, size_t size)
{
	const char *slash = strrchr(self, '/');

	return slash &&
	       snprintf(buf, size, "%.*s/rastbpf", (int)(slash - self), self) < (int)size &&
	       access(buf, X_OK) == 0;
}

/*
 * Beside us, as both are installed. What we are called by is looked at first: run from a mount of our own
 * (own_exe.h), the kernel has no other path of us.
 */
static int find_rastbpf(const struct oci *o, char *buf, size_t size, struct rast_err *err)
{
	static const char *const usual[] = {"/usr/local/bin/x", "/usr/bin/x"};
	char self[PATH_MAX];
	ssize_t n;
	size_t i;

	if (strchr(o->argv[0], '/') && realpath(o->argv[0], self) && beside(self, buf, size))
		return 0;
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n < 0 ? 0 : n] = '\0';
	if (beside(self, buf, size))
		return 0;
	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (beside(usual[i], buf, size))
			return 0;
	return rast_err_set(err, ENOENT,
			    "programs of an instance are loaded, but there is no rastbpf beside "
			    "rast-oci to register the container with");
}

/* The one line that rastbpf ends with. */
static void why(int output, struct rast_err *err)
{
	char text[400], *line = text, *end;
	ssize_t n = pread(output, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return;
	text[n] = '\0';
	if (!strncmp(line, "error: ", 7))
		line += 7;
	end = strchr(line, '\n');
	if (end)
		*end = '\0';
	err->code = 0;
	(void)rast_err_set(err, ECANCELED, "registering the container: %s", line);
}

static int run(const struct oci *o, const char *verb, const char *arg, const char *input,
	       struct rast_err *err)
{
	_cleanup_close_ int output = memfd_create("output", MFD_CLOEXEC);
	char path[PATH_MAX];
	const char *const args[] = {"rastbpf", "container", verb, arg, NULL};
	const struct oci_program program = {
		.path = path,
		.args = args,
		.env = (const char *const *)environ,
		.input = input,
		.output = output,
		.timeout_s = TIMEOUT_S,
	};
	int r;

	if (output < 0)
		return rast_err_sys(err, errno, "registering the container");
	r = find_rastbpf(o, path, sizeof(path), err);
	if (r < 0)
		return r;
	r = oci_program_run(&program, "registering the container", err);
	if (r == -ECANCELED)
		why(output, err);
	return r;
}

/* What tells containers of one id and different --root apart. */
static int key_of(const struct oci_container *c, char *buf, size_t size)
{
	char link[64];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", c->dir);
	n = readlink(link, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

int oci_register(struct oci *o, struct oci_container *c, struct rast_err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *request = NULL;
	char key[PATH_MAX];
	int r;

	if (!*rast_json_str(c->state, "cgroup"))
		return rast_err_set(
			err, EINVAL,
			"programs of an instance are loaded: a container needs a cgroup of "
			"its own to be registered");
	r = key_of(c, key, sizeof(key));
	if (r < 0)
		return rast_err_sys(err, -r, "registering the container");
	(void)json_object_set_new(c->state, "registered", json_true());
	r = oci_state_store(c, err);
	if (r < 0)
		return r;
	request = json_copy(c->state);
	rast_json_set_str(request, "key", key);
	text = json_dumps(request, JSON_COMPACT);
	if (!text)
		return rast_err_sys(err, ENOMEM, "registering the container");
	return run(o, "adopt", NULL, text, err);
}

int oci_register_again(struct oci *o, struct oci_container *c, struct rast_err *err)
{
	int r;

	if (!rast_json_bool(c->state, "registered") || !rast_json_bool(c->state, "own_network"))
		return 0;
	r = oci_register_wanted(err);
	return r > 0 ? oci_register(o, c, err) : r;
}

void oci_unregister(struct oci *o, struct oci_container *c)
{
	struct rast_err failed = {0};
	char key[PATH_MAX];

	/* Killed before it had a state: nobody knows. */
	if (c->state ? !rast_json_bool(c->state, "registered") : oci_register_wanted(&failed) != 1)
		return;
	if (key_of(c, key, sizeof(key)) == 0 && run(o, "release", key, "", &failed) < 0)
		oci_log_warning(o, failed.text);
}
