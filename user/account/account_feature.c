// SPDX-License-Identifier: BSD-2-Clause
/*
 * Accounting in the controller: puts the kernel half in place and adds what only somebody who was
 * there a second ago can say, the rates. The figures themselves are read by anybody from the pins.
 */
#include "account/account_feature.h"

#include "account/account_bpf.h"
#include "account/account_view.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

struct account {
	bool iterator, warned;
	struct rast_account_view *view;
};

static int supported(const struct rast_controller *c, struct rast_err *err)
{
	(void)c;
	return rast_account_bpf_supported(err);
}

static void unload(struct rast_controller *c, void *state)
{
	struct account *a = state;

	(void)c;
	if (!a)
		return;
	rast_account_view_destroy(a->view);
	free(a);
}

static int load(struct rast_controller *c, void **ret_state, struct rast_err *err)
{
	struct account *a = calloc(1, sizeof(*a));
	int r;

	(void)c;
	if (!a)
		return rast_err_set(err, ENOMEM, "out of memory");
	r = rast_account_bpf_start(rast_controller_instance(c), &a->iterator, err);
	if (!r)
		r = rast_account_view_create(rast_controller_instance(c), &a->view, err);
	if (r < 0) {
		unload(c, a);
		return r;
	}
	*ret_state = a;
	return 0;
}

static void tick(struct rast_controller *c, void *state, uint64_t now_ns)
{
	struct account *a = state;
	struct rast_err err = {0};
	char text[512];

	(void)c;
	(void)now_ns;
	if (rast_account_view_tick(a->view, &err) < 0 && !a->warned) {
		a->warned = true;
		rast_log(RAST_LOG_WARN, "account: %s", rast_err_format(&err, text, sizeof(text)));
	}
}

static int show(struct rast_controller *c, void *state, json_t *json)
{
	struct account *a = state;

	(void)c;
	rast_json_set_str(json, "cpu_memory_tasks",
			  a->iterator ? "cgroup iterator, rstat flushed" : "cgroup files");
	rast_json_set_str(json, "network", "cgroup_skb at the instance's cgroup");
	rast_json_set_str(json, "syscalls", "tp_btf/sys_exit");
	return 0;
}

static int op_show(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		   json_t **ret_result, struct rast_err *err)
{
	struct account *a = rast_controller_state(c, "account");
	const char *name = rast_json_str(args, "name");

	(void)actor;
	if (!a)
		return rast_err_set(err, EOPNOTSUPP, "accounting is not loaded");
	return rast_account_view_rows(a->view, *name ? name : NULL, ret_result, err);
}

static const struct rast_op ops[] = {{"account.show", op_show}, {NULL, NULL}};

const struct rast_feature rast_account_feature = {
	.name = "account",
	.supported = supported,
	.load = load,
	.tick = tick,
	.show = show,
	.unload = unload,
	.ops = ops,
};
