// SPDX-License-Identifier: BSD-2-Clause
/*
 * Audit in the controller: kernel events, denied flows and anomalies become records of the stream
 * "audit", and what is published there is appended to the log: its own records too, so there is one way
 * into the log. Losses in the rings become records once a second.
 */
#include "audit/audit_feature.h"

#include "audit/audit.h"
#include "audit/audit_bpf.h"
#include "audit/audit_log.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOG_BYTES (64u << 20)
#define LOG_KEEP 8u

struct audit {
	struct rast_audit_log *log;
	uint64_t told[RAST_RING_MAX]; /* losses that are in the log already */
	char state_path[128];
	bool full; /* the last write failed; said once */
};

static uint64_t realtime_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int supported(const struct rast_controller *c, struct rast_err *err)
{
	(void)c;
	return rast_audit_bpf_supported(err);
}

/* How many losses were told before the last rastd ended; the counters outlive it. */
static void recall(struct audit *a)
{
	_cleanup_json_ json_t *state = NULL;
	int i;

	if (rast_json_load(AT_FDCWD, a->state_path, &state, NULL) < 0)
		return;
	for (i = 0; i < RAST_RING_MAX; i++)
		a->told[i] = (uint64_t)json_integer_value(
			json_array_get(json_object_get(state, "told"), (size_t)i));
}

static void unload(struct rast_controller *c, void *state)
{
	struct audit *a = state;

	(void)c;
	if (!a)
		return;
	rast_audit_log_close(a->log);
	free(a);
}

static int load(struct rast_controller *c, void **ret_state, struct rast_err *err)
{
	const struct rast_instance *in = rast_controller_instance(c);
	struct audit *a = calloc(1, sizeof(*a));
	char dir[128];
	int r;

	if (!a)
		return rast_err_set(err, ENOMEM, "out of memory");
	(void)snprintf(dir, sizeof(dir), "%s/audit", in->lib_dir);
	(void)snprintf(a->state_path, sizeof(a->state_path), "%s/audit.json", in->run_dir);
	r = rast_audit_bpf_start(in, err);
	if (!r)
		r = rast_audit_log_open(dir, LOG_BYTES, LOG_KEEP, &a->log, err);
	if (r < 0) {
		unload(c, a);
		return r;
	}
	recall(a);
	*ret_state = a;
	return 0;
}

static int on_event(struct rast_controller *c, void *state, const struct rast_event *ev,
		    size_t size, json_t *json)
{
	(void)c;
	(void)state;
	return rast_audit_from_event(ev, size, json);
}

static void append(struct audit *a, const json_t *record)
{
	int r = rast_audit_log_write(a->log, record);

	if (r < 0 && !a->full)
		rast_log(RAST_LOG_ERR, "audit: the log cannot be written: %s", strerror(-r));
	a->full = r < 0;
}

static void on_publish(struct rast_controller *c, void *state, const char *stream,
		       const json_t *json)
{
	_cleanup_json_ json_t *record = NULL;

	if (!strcmp(stream, "flow")) {
		rast_controller_publish(c, "audit", rast_audit_from_flow(json, realtime_ns()));
	} else if (!strcmp(stream, "anomaly")) {
		rast_controller_publish(c, "audit", rast_audit_from_anomaly(json, realtime_ns()));
	} else if (!strcmp(stream, "audit")) {
		if (json_is_object(json_object_get(json, "event"))) {
			append(state, json);
			return;
		}
		record = rast_audit_from_record(json, realtime_ns());
		if (record)
			append(state, record);
	}
}

static void tick(struct rast_controller *c, void *state, uint64_t now_ns)
{
	struct rast_event_stats stats[RAST_RING_MAX];
	_cleanup_json_ json_t *told = NULL;
	struct audit *a = state;
	bool changed = false;
	int i;

	(void)now_ns;
	if (rast_audit_bpf_stats(rast_controller_instance(c), stats, NULL) == 0) {
		for (i = 0; i < RAST_RING_MAX; i++) {
			/* Fewer than told: the maps were made anew. */
			uint64_t before = stats[i].dropped < a->told[i] ? 0 : a->told[i];

			if (stats[i].dropped > before)
				rast_controller_publish(c, "audit",
							rast_audit_loss((enum rast_ring)i,
									stats[i].dropped - before,
									stats[i].dropped,
									realtime_ns()));
			changed |= stats[i].dropped != a->told[i];
			a->told[i] = stats[i].dropped;
		}
	}
	if (changed) {
		told = json_pack("{s:[I,I]}", "told", (json_int_t)a->told[0],
				 (json_int_t)a->told[1]);
		(void)rast_json_store(AT_FDCWD, a->state_path, told, 0);
	}
	rast_audit_log_sync(a->log);
}

static int show(struct rast_controller *c, void *state, json_t *json)
{
	static const char *const names[RAST_RING_MAX] = {"ordinary", "priority"};
	struct rast_event_stats stats[RAST_RING_MAX];
	struct audit *a = state;
	uint64_t written, lost;
	json_t *rings;
	int i;

	rast_audit_log_counts(a->log, &written, &lost);
	(void)json_object_set_new(json, "records_written", json_integer((json_int_t)written));
	(void)json_object_set_new(json, "records_lost", json_integer((json_int_t)lost));
	if (rast_audit_bpf_stats(rast_controller_instance(c), stats, NULL) < 0)
		return 0;
	rings = json_object();
	for (i = 0; i < RAST_RING_MAX; i++)
		(void)json_object_set_new(rings, names[i],
					  json_pack("{s:I,s:I,s:I}", "attempted",
						    (json_int_t)stats[i].attempted, "sent",
						    (json_int_t)stats[i].sent, "dropped",
						    (json_int_t)stats[i].dropped));
	(void)json_object_set_new(json, "rings", rings);
	return 0;
}

static int op_record(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		     json_t **ret_result, struct rast_err *err)
{
	json_t *record = rast_audit_from_record(args, realtime_ns());

	(void)ret_result;
	if (!record)
		return rast_err_set(err, EINVAL, "audit.record: \"action\" is missing");
	rast_audit_set_actor(record, actor->uid, actor->pid);
	rast_controller_publish(c, "audit", record);
	return 0;
}

static int op_show(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		   json_t **ret_result, struct rast_err *err)
{
	void *state = rast_controller_state(c, "audit");
	json_t *json;

	(void)actor;
	(void)args;
	if (!state)
		return rast_err_set(err, EOPNOTSUPP, "audit is not loaded");
	json = json_object();
	(void)show(c, state, json);
	*ret_result = json;
	return 0;
}

static const struct rast_op ops[] = {
	{"audit.record", op_record}, {"audit.show", op_show}, {NULL, NULL}};

const struct rast_feature rast_audit_feature = {
	.name = "audit",
	.supported = supported,
	.load = load,
	.on_event = on_event,
	.on_publish = on_publish,
	.tick = tick,
	.show = show,
	.unload = unload,
	.ops = ops,
};
