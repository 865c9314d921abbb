// SPDX-License-Identifier: BSD-2-Clause
/* Which function answers an op, and the controller's own ops: daemon.*, feature.list. */
#include "controller/controller.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *status_name(enum rast_feature_status s)
{
	return s == RAST_FEATURE_ACTIVE   ? "active"
	       : s == RAST_FEATURE_FAILED ? "failed"
					  : "unsupported";
}

json_t *rast_ops_features(struct rast_controller *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n_features; i++) {
		struct rast_active_feature *f = &c->features[i];
		json_t *o = json_pack("{s:s, s:s}", "name", f->feature->name, "status",
				      status_name(f->status));

		rast_json_set_str(o, "reason", f->reason);
		if (f->status == RAST_FEATURE_ACTIVE && f->feature->show)
			(void)f->feature->show(c, f->state, o);
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *ring_json(const struct rast_event_stats *st, uint64_t gaps)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "attempted", (json_int_t)st->attempted, "sent",
			 (json_int_t)st->sent, "dropped", (json_int_t)st->dropped, "gaps",
			 (json_int_t)gaps);
}

static int daemon_info(struct rast_controller *c, const struct rast_actor *actor,
		       const json_t *args, json_t **ret_result, struct rast_err *err)
{
	struct rast_event_stats st[RAST_RING_MAX];
	uint64_t gaps[RAST_RING_MAX];
	uint64_t now = rast_clock_ns();
	json_t *info;

	info = json_pack("{s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "pid",
			 (int)getpid(), "version", RAST_VERSION, "instance", c->in.name,
			 "uptime_ns", (json_int_t)(now - c->started_ns), "events",
			 (json_int_t)c->events, "published", (json_int_t)c->published, "requests",
			 (json_int_t)c->requests, "connections", (json_int_t)c->n_conns,
			 "subscribers", (json_int_t)rast_conn_subscribers(c), "lost_by_subscribers",
			 (json_int_t)c->lost_by_subscribers, "refused", (json_int_t)c->refused);
	(void)json_object_set_new(
		info, "started",
		rast_json_time((uint64_t)((int64_t)c->started_ns + c->boot_to_real_ns)));
	if (c->rings && rast_rings_stats(c->rings, st) == 0) {
		rast_rings_gaps(c->rings, gaps);
		(void)json_object_set_new(
			info, "rings",
			json_pack("{s:o, s:o}", "ordinary",
				  ring_json(&st[RAST_RING_ORDINARY], gaps[RAST_RING_ORDINARY]),
				  "priority",
				  ring_json(&st[RAST_RING_PRIORITY], gaps[RAST_RING_PRIORITY])));
	}
	(void)json_object_set_new(info, "features", rast_ops_features(c));
	*ret_result = info;
	return 0;
}

static int daemon_stop(struct rast_controller *c, const struct rast_actor *actor,
		       const json_t *args, json_t **ret_result, struct rast_err *err)
{
	c->stopping = true;
	*ret_result = json_pack("{s:i}", "pid", (int)getpid());
	return 0;
}

static int feature_list(struct rast_controller *c, const struct rast_actor *actor,
			const json_t *args, json_t **ret_result, struct rast_err *err)
{
	*ret_result = rast_ops_features(c);
	return 0;
}

static const struct rast_op own_ops[] = {
	{"daemon.info", daemon_info},
	{"daemon.stop", daemon_stop},
	{"feature.list", feature_list},
	{NULL},
};

static const struct rast_op *find_op(const struct rast_op *ops, const char *name)
{
	for (; ops && ops->name; ops++)
		if (!strcmp(ops->name, name))
			return ops;
	return NULL;
}

int rast_ops_call(struct rast_controller *c, const char *name, const struct rast_actor *actor,
		  const json_t *args, json_t **ret_result, struct rast_err *err)
{
	const struct rast_op *op = find_op(own_ops, name);

	for (size_t i = 0; !op && i < c->n_features; i++) {
		struct rast_active_feature *f = &c->features[i];

		op = find_op(f->feature->ops, name);
		if (op && f->status != RAST_FEATURE_ACTIVE)
			return rast_err_set(err, EOPNOTSUPP, "%s is not active: %s",
					    f->feature->name, f->reason);
	}
	if (!op)
		return rast_err_set(err, ENOSYS, "unknown op \"%s\"", name);
	return op->call(c, actor, args, ret_result, err);
}
