// SPDX-License-Identifier: BSD-2-Clause
/*
 * Kernel record → JSON → sinks. The controller adds when, who and where; the feature that knows the
 * record's type adds what. A record that no feature knows is counted and dropped.
 */
#include "controller/controller.h"

#include "base/log.h"
#include "bpf/container.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define RECORDS_A_TURN 512u

static const char *stream_of(const struct rast_event *ev)
{
	return ev->type == RAST_EVENT_FLOW || ev->type == RAST_EVENT_FLOW_END ||
			       ev->type == RAST_EVENT_DNS
		       ? "flow"
	       : ev->type == RAST_EVENT_ANOMALY ? "anomaly"
						: "audit";
}

static json_t *describe(struct rast_controller *c, const struct rast_event *ev)
{
	json_t *json = json_object();
	char comm[sizeof(ev->comm) + 1] = "";
	json_t *name;

	(void)json_object_set_new(
		json, "time",
		rast_json_time((uint64_t)((int64_t)ev->time_ns + c->boot_to_real_ns)));
	if (ev->slot != RAST_SLOT_NONE) {
		(void)rast_names_add_slot(c->names, ev->slot, ev->cgroup_id, json);
		(void)json_object_set_new(json, "slot", json_integer(ev->slot));
		(void)json_object_set_new(json, "identity", json_integer(ev->identity));
	}
	(void)json_object_set_new(json, "seq", json_integer((json_int_t)ev->seq));
	(void)json_object_set_new(json, "cpu", json_integer(ev->cpu));
	/* Packet events belong to a link, not to a task. */
	if (!ev->pid && !ev->comm[0])
		return json;
	memcpy(comm, ev->comm, sizeof(ev->comm));
	(void)json_object_set_new(json, "pid", json_integer(ev->pid));
	(void)json_object_set_new(json, "tid", json_integer(ev->tid));
	(void)json_object_set_new(json, "uid", json_integer(ev->uid));
	name = json_string(comm);
	for (size_t i = 0; !name && comm[i]; i++) /* prctl takes any bytes */
		if ((unsigned char)comm[i] >= 0x80)
			comm[i] = '?';
	(void)json_object_set_new(json, "comm", name ? name : json_string(comm));
	return json;
}

static void on_record(void *arg, const struct rast_event *ev, size_t size)
{
	struct rast_controller *c = arg;
	json_t *json = describe(c, ev);
	char stream[32];

	c->events++;
	for (size_t i = 0; json && i < c->n_features; i++) {
		struct rast_active_feature *f = &c->features[i];

		if (f->status != RAST_FEATURE_ACTIVE || !f->feature->on_event)
			continue;
		if (f->feature->on_event(c, f->state, ev, size, json) != 1)
			continue;
		(void)snprintf(stream, sizeof(stream), "%s", rast_json_str(json, "stream"));
		if (*stream)
			(void)json_object_del(json, "stream");
		rast_controller_publish(c, *stream ? stream : stream_of(ev), json);
		return;
	}
	json_decref(json);
}

static void rings_ready(struct rast_controller *c, struct rast_source *s, uint32_t events)
{
	/* Pods that started a moment ago: their names before their events. */
	rast_names_changed(c->names);
	(void)rast_rings_drain(c->rings, RECORDS_A_TURN);
}

void rast_events_open(struct rast_controller *c)
{
	struct rast_err err = {0};
	int r;

	if (c->rings)
		return;
	r = rast_rings_open(&c->in, on_record, c, &c->rings, &err);
	if (r < 0) {
		/* No kernel half is loaded (yet): asked again every second. */
		if (r != -ENOENT)
			rast_log(RAST_LOG_ERR, "event rings: %s", err.text);
		return;
	}
	c->ring_source = (struct rast_source){.fd = rast_rings_fd(c->rings), .fn = rings_ready};
	if (rast_source_add(c, &c->ring_source, EPOLLIN) < 0) {
		rast_log(RAST_LOG_ERR, "event rings: cannot be watched");
		rast_rings_destroy(c->rings);
		c->rings = NULL;
	}
}

void rast_events_close(struct rast_controller *c)
{
	/* The epoll fd belongs to the rings. */
	c->ring_source.fd = -1;
	rast_rings_destroy(c->rings);
	c->rings = NULL;
}

void rast_controller_publish(struct rast_controller *c, const char *stream, json_t *json)
{
	if (!json)
		return;
	c->published++;
	for (size_t i = 0; i < c->n_features; i++) {
		struct rast_active_feature *f = &c->features[i];

		if (f->status == RAST_FEATURE_ACTIVE && f->feature->on_publish)
			f->feature->on_publish(c, f->state, stream, json);
	}
	rast_conn_publish(c, stream, json);
	json_decref(json);
}
