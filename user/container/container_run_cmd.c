// SPDX-License-Identifier: BSD-2-Clause
/*
 * rastbpf container run: options → a pod of one container → user/node, and for a foreground run the
 * terminal and signals until it ends.
 */
#include "base/fd.h"
#include "base/quantity.h"
#include "container/attach.h"
#include "container/container_cmd.h"
#include "container/device.h"
#include "container/run.h"
#include "node/node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct rast_opt rast_container_run_opts[] = {
	{"name", 'n', "NAME", "name of the pod (default: c and our pid)"},
	{"image", 0, "IMAGE", "image to run (rastbpf image list)"},
	{"rootfs", 0, "DIR", "directory to run instead of an image"},
	{"label", 'l', "K=V", "label of the pod; may be repeated"},
	{"memory", 'm', "SIZE", "memory limit, such as 64Mi"},
	{"cpus", 0, "N", "CPU limit, such as 0.5"},
	{"pids", 0, "N", "limit of processes"},
	{"env", 'e', "K=V", "environment variable; may be repeated"},
	{"network", 0, "MODE", "none (default), pod or host"},
	{"rm", 0, NULL, "as always in the foreground: remove it when it has ended"},
	{"detach", 'd', NULL, "start it and return"},
	{"interactive", 'i', NULL, "keep standard input"},
	{"tty", 't', NULL, "a terminal of its own"},
	{NULL},
};

static int make_kv(struct rast_cli *cli, struct rast_pod *pod, const struct rast_args *args,
		   const char *opt, const struct rast_pod_kv **ret, size_t *ret_n)
{
	struct rast_pod_kv *out;
	const char *v, *eq;
	size_t n = 0;

	out = rast_pod_alloc(pod, ARRAY_SIZE(args->all) * sizeof(*out));
	for (; out && (v = rast_args_get_nth(args, opt, (int)n)); n++) {
		char *key;

		eq = strchr(v, '=');
		if (!eq || eq == v)
			return rast_err_set(&cli->err, EINVAL, "--%s %.80s: want K=V", opt, v);
		key = rast_pod_alloc(pod, (size_t)(eq - v) + 1);
		if (!key)
			return rast_err_sys(&cli->err, ENOMEM, "pod");
		memcpy(key, v, (size_t)(eq - v));
		out[n] = (struct rast_pod_kv){key, eq + 1};
	}
	if (!out)
		return rast_err_sys(&cli->err, ENOMEM, "pod");
	*ret = out;
	*ret_n = n;
	return 0;
}

static int amount(struct rast_cli *cli, const struct rast_args *args, const char *opt,
		  int (*parse)(const char *, uint64_t *), uint64_t *ret)
{
	const char *v = rast_args_get(args, opt);

	if (v && (parse(v, ret) < 0 || !*ret))
		return rast_err_set(&cli->err, EINVAL, "--%s %.40s: not an amount", opt, v);
	return 0;
}

static int make_pod(struct rast_cli *cli, const struct rast_args *args, struct rast_pod *pod,
		    struct rast_pod_container *box)
{
	const char *name = rast_args_get(args, "name"), *net = rast_args_get(args, "network");
	const char *image = rast_args_get(args, "image"), *rootfs = rast_args_get(args, "rootfs");
	static char generated[32];
	int r;

	if (rast_args_get(args, "detach") &&
	    (rast_args_get(args, "rm") || rast_args_get(args, "tty") ||
	     rast_args_get(args, "interactive")))
		return rast_err_set(
			&cli->err, EINVAL,
			"--detach goes with none of --rm, --tty and --interactive: they "
			"are for the foreground");
	if (!image == !rootfs)
		return rast_err_set(&cli->err, EINVAL, "want one of --image and --rootfs");
	if (!name) {
		(void)snprintf(generated, sizeof(generated), "c%d", (int)getpid());
		name = generated;
	}
	if (!rast_pod_name_valid(name, true))
		return rast_err_set(&cli->err, EINVAL, "--name \"%.80s\" is not a pod's name",
				    name);
	if (!net || !strcmp(net, "none"))
		pod->no_network = true;
	else if (!strcmp(net, "host"))
		pod->host_network = true;
	else if (strcmp(net, "pod") != 0)
		return rast_err_set(&cli->err, EINVAL, "--network %.40s: want none, pod or host",
				    net);
	pod->name = pod->hostname = name;
	pod->restart = RAST_RESTART_NEVER;
	pod->grace_s = 10;
	pod->containers = box;
	pod->n_containers = 1;
	box->name = "main";
	box->image = image ? image : "";
	box->working_dir = "/";
	box->uid = box->gid = RAST_POD_ID_UNSET;
	box->command = (const char *const *)args->argv;
	box->n_command = (size_t)args->argc;
	box->tty = rast_args_get(args, "tty") != NULL;
	(void)((r = make_kv(cli, pod, args, "label", &pod->labels, &pod->n_labels)) < 0 ||
	       (r = make_kv(cli, pod, args, "env", &box->env, &box->n_env)) < 0 ||
	       (r = amount(cli, args, "memory", rast_quantity_parse, &box->mem_limit_bytes)) < 0 ||
	       (r = amount(cli, args, "cpus", rast_quantity_parse_milli, &box->cpu_limit_milli)) <
		       0 ||
	       (r = amount(cli, args, "pids", rast_quantity_parse, &box->pids_limit)) < 0);
	return r;
}

int rast_container_run_cmd(struct rast_cli *cli, const struct rast_args *args)
{
	_cleanup_pod_ struct rast_pod *pod = rast_pod_create();
	struct rast_pod_container box = {0};
	struct rast_container_start opts;
	struct rast_node_pod want = {.pod = pod, .start = &opts, .pidfd = -1, .tty = -1};
	bool detach = rast_args_get(args, "detach") != NULL;
	int r, status = 0, stopped;

	if (!pod)
		return rast_err_sys(&cli->err, ENOMEM, "pod");
	r = rast_cli_need_root(cli);
	if (r == 0)
		r = make_pod(cli, args, pod, &box);
	if (r < 0)
		return r;
	rast_container_start_init(&opts);
	opts.rootfs = rast_args_get(args, "rootfs");
	opts.tty = box.tty;
	if (!detach && !opts.tty)
		for (int i = 0; i < 3; i++)
			opts.stdio[i] = i;
	if (rast_device_ensure(&cli->in, NULL) < 0)
		opts.nodev = true;
	if (!detach)
		rast_container_attach_prepare();
	r = rast_node_up(&cli->in, &want, 1, NULL, 0, NULL, &cli->err);
	if (r < 0)
		return r;
	if (detach) {
		(void)printf("%s/%s\n", pod->ns, pod->name);
		rast_closep(&want.pidfd);
		return 0;
	}
	r = rast_container_attach(want.pidfd, want.tty, &status, &cli->err);
	stopped = rast_node_pod_stop(&cli->in, pod->ns, pod->name, 0, &cli->err);
	rast_closep(&want.pidfd);
	rast_closep(&want.tty);
	return r < 0 ? r : stopped < 0 ? stopped : status;
}
