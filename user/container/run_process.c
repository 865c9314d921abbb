// SPDX-License-Identifier: BSD-2-Clause
/*
 * Command, environment, user and capabilities of one container: what the manifest says, and where it
 * says nothing, what image.json says (user/image). A plain --rootfs directory has no image.json.
 */
#include "container/run_spec.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ALL_CAPS ((1ull << (CAP_CHECKPOINT_RESTORE + 1)) - 1)

static int load_image(const struct rast_instance *in, const char *image, json_t **ret,
		      struct rast_err *err)
{
	char path[512];

	if ((size_t)snprintf(path, sizeof(path), "%s/images/%s/image.json", in->lib_dir, image) >=
		    sizeof(path) ||
	    access(path, F_OK) < 0)
		return 0;
	return rast_json_load(AT_FDCWD, path, ret, err);
}

static bool has_env(const char *const *env, const char *entry)
{
	size_t n = strcspn(entry, "=");

	for (; *env; env++)
		if (!strncmp(*env, entry, n) && (*env)[n] == '=')
			return true;
	return false;
}

/* The pod's entries, then the image's and the usual ones that the pod does not name. */
static int make_env(struct run_process *p, const struct rast_pod *pod,
		    const struct rast_pod_container *box, const json_t *config, bool tty)
{
	const json_t *image_env = json_object_get(config, "env"), *e;
	size_t n = 0, bytes = strlen(pod->hostname) + 16, i;
	char *t;

	for (i = 0; i < box->n_env; i++)
		bytes += strlen(box->env[i].key) + strlen(box->env[i].value) + 2;
	p->env = calloc(box->n_env + json_array_size(image_env) + 5, sizeof(*p->env));
	p->text = t = malloc(bytes);
	if (!p->env || !t)
		return -ENOMEM;
	/* From the back: the last of the same name wins. */
	for (i = box->n_env; i-- > 0;) {
		char *start = t;

		t = stpcpy(stpcpy(stpcpy(t, box->env[i].key), "="), box->env[i].value) + 1;
		if (has_env(p->env, start))
			t = start;
		else
			p->env[n++] = start;
	}
	json_array_foreach(image_env, i, e)
		if (json_is_string(e) && strchr(json_string_value(e), '=') &&
		    !has_env(p->env, json_string_value(e)))
			p->env[n++] = json_string_value(e);
	if (!has_env(p->env, PATH_DEFAULT))
		p->env[n++] = PATH_DEFAULT;
	if (!has_env(p->env, "HOME="))
		p->env[n++] = p->uid ? "HOME=/" : "HOME=/root";
	if (tty && !has_env(p->env, "TERM="))
		p->env[n++] = "TERM=xterm";
	(void)strcpy(stpcpy(t, "HOSTNAME="), pod->hostname);
	if (!has_env(p->env, t))
		p->env[n] = t;
	return 0;
}

static int make_argv(struct run_process *p, const struct rast_pod_container *box,
		     const json_t *config, struct rast_err *err)
{
	const json_t *command = json_object_get(config, "command"), *e;
	size_t n = 0, i;

	p->argv = calloc(box->n_command + box->n_args + json_array_size(command) + 1,
			 sizeof(*p->argv));
	if (!p->argv)
		return rast_err_sys(err, ENOMEM, "command");
	for (i = 0; i < box->n_command; i++)
		p->argv[n++] = box->command[i];
	if (!n)
		json_array_foreach(command, i, e)
			if (json_is_string(e))
				p->argv[n++] = json_string_value(e);
	for (i = 0; i < box->n_args; i++)
		p->argv[n++] = box->args[i];
	if (!n)
		return rast_err_set(err, EINVAL,
				    "no command: there is none given and none in the image");
	return 0;
}

static int make_user(struct run_process *p, const struct rast_pod_container *box,
		     const json_t *config, struct rast_err *err)
{
	const char *user = rast_json_str(config, "user");
	unsigned int uid = 0, gid = 0;
	char rest;

	if (*user && sscanf(user, "%u:%u%c", &uid, &gid, &rest) != 2)
		return rast_err_set(err, EINVAL, "image %s: user \"%.40s\" is not UID:GID",
				    box->image, user);
	p->uid = box->uid == RAST_POD_ID_UNSET ? uid : box->uid;
	p->gid = box->gid == RAST_POD_ID_UNSET ? (box->uid == RAST_POD_ID_UNSET ? gid : 0)
					       : box->gid;
	return 0;
}

int run_process_init(struct run_process *p, const struct rast_instance *in,
		     const struct rast_pod *pod, const struct rast_pod_container *box,
		     const struct rast_container_start *opts, struct rast_err *err)
{
	const json_t *config;
	int r;

	memset(p, 0, sizeof(*p));
	if (*box->image) {
		r = load_image(in, box->image, &p->image, err);
		if (r < 0)
			return r;
	}
	config = json_object_get(p->image, "config");
	if ((r = make_user(p, box, config, err)) < 0 || (r = make_argv(p, box, config, err)) < 0)
		return r;
	r = make_env(p, pod, box, config, opts->tty);
	if (r < 0)
		return rast_err_sys(err, -r, "environment");
	p->cwd = box->working_dir;
	if ((!p->cwd || !strcmp(p->cwd, "/")) && *rast_json_str(config, "working_dir"))
		p->cwd = rast_json_str(config, "working_dir");
	p->caps = ((RAST_CAPS_DEFAULT & ~box->cap_drop) | box->cap_add) & ALL_CAPS;
	if (opts->nodev)
		p->caps &= ~(1ull << CAP_MKNOD);
	return 0;
}

void run_process_finish(struct run_process *p)
{
	free(p->argv);
	free(p->env);
	free(p->text);
	json_decref(p->image);
	memset(p, 0, sizeof(*p));
}

json_t *run_process_json(const struct run_process *p, const struct rast_pod_container *box)
{
	json_t *env = json_array();
	size_t i;

	for (i = 0; p->env[i]; i++)
		(void)json_array_append_new(env, json_string(p->env[i]));
	return json_pack("{s:I,s:I,s:I,s:b,s:b,s:s,s:o}", "uid", (json_int_t)p->uid, "gid",
			 (json_int_t)p->gid, "caps", (json_int_t)p->caps, "no_new_privs",
			 !box->allow_privilege_escalation, "seccomp",
			 box->seccomp == RAST_SECCOMP_RUNTIME_DEFAULT, "cwd", p->cwd ? p->cwd : "/",
			 "env", env);
}
