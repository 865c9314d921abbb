// SPDX-License-Identifier: BSD-2-Clause
/*
 * Anomaly detection in the controller. Two ways lead to a finding: the tick, which scores counters, and
 * an event of the kernel half, which comes the moment a limit is passed. Both go through the episodes
 * of the same struct rast_anomaly, so whoever is first publishes and the other one only adds to it.
 *
 * Who did it is known for a kernel event; for a scored one it is the last process of the container that
 * audit saw doing that.
 */
#include "anomaly/anomaly_feature.h"

#include "anomaly/anomaly_bpf.h"
#include "anomaly/anomaly_findings.h"
#include "base/fd.h"
#include "base/log.h"
#include "bpf/container.h"
#include "bpf/event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXECS_PER_WINDOW 1000u /* without a baseline */
#define FANOUT 50u
#define SAVE_TICKS 30u

struct process {
	int64_t pid;
	char name[64];
};

struct watched {
	uint64_t cgroup_id;
	uint32_t slot;
	bool seen, limited;
	struct rast_cgroup_name name;
	struct rast_anomaly_limit limit;
	struct process fork, exec, connect;
	struct rast_anomaly a;
};

struct anomaly {
	const struct rast_instance *in;
	struct rast_anomaly_reader *reader;
	struct rast_cgroup_names *names;
	json_t *file;             /* anomaly.json */
	json_t *findings, *known; /* its members */
	char path[128];
	bool dirty, warned;
	unsigned int ticks;
	struct watched *by_slot[RAST_MAX_CONTAINERS];
};

static json_t *now_json(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return rast_json_time((uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec);
}

/* ---- what is watched ---- */

static void remember(struct anomaly *s, const struct watched *w)
{
	char key[400];

	(void)json_object_set_new(s->known, rast_cgroup_name_format(&w->name, key, sizeof(key)),
				  rast_anomaly_to_json(&w->a));
}

static void retire(struct anomaly *s, uint32_t slot)
{
	struct watched *w = s->by_slot[slot];
	unsigned int m;

	if (!w)
		return;
	s->by_slot[slot] = NULL;
	for (m = 0; m < RAST_METRIC_MAX; m++) {
		if (!w->a.episode[m].active)
			continue;
		w->a.episode[m].active = false;
		rast_anomaly_findings_update(s->findings, &w->a, m, &w->name, now_json());
	}
	remember(s, w);
	s->dirty = true;
	free(w);
}

static void set_limit(struct anomaly *s, struct watched *w);

/* NULL when nobody knows its name, or out of memory. */
static struct watched *watched(struct anomaly *s, uint32_t slot, uint64_t cgroup_id)
{
	const struct rast_cgroup_name *name;
	struct watched *w;
	char key[400];

	if (slot >= RAST_MAX_CONTAINERS)
		return NULL;
	w = s->by_slot[slot];
	if (w && w->cgroup_id == cgroup_id)
		return w;
	retire(s, slot);
	name = rast_cgroup_names_find(s->names, cgroup_id);
	w = name ? calloc(1, sizeof(*w)) : NULL;
	if (!w)
		return NULL;
	w->cgroup_id = cgroup_id;
	w->slot = slot;
	w->name = *name;
	/* Not of ours, or nothing there: it learns anew. */
	(void)rast_anomaly_from_json(
		&w->a,
		json_object_get(s->known, rast_cgroup_name_format(&w->name, key, sizeof(key))));
	w->seen = true;
	s->by_slot[slot] = w;
	set_limit(s, w);
	return w;
}

static void save(struct anomaly *s)
{
	const char *key;
	json_t *value;
	void *next;
	uint32_t i;

	/* Names that come and go for ever do not: those that are not running go first. */
	if (json_object_size(s->known) > RAST_ANOMALY_KNOWN)
		json_object_foreach_safe(s->known, next, key, value) {
			if (json_object_size(s->known) <= RAST_ANOMALY_KNOWN / 2)
				break;
			(void)json_object_del(s->known, key);
		}
	for (i = 0; i < RAST_MAX_CONTAINERS; i++)
		if (s->by_slot[i])
			remember(s, s->by_slot[i]);
	if (rast_json_store(AT_FDCWD, s->path, s->file, 0) == 0)
		s->dirty = false;
}

/* ---- life ---- */

static int supported(const struct rast_controller *c, struct rast_err *err)
{
	(void)c;
	return rast_anomaly_bpf_supported(err);
}

static void unload(struct rast_controller *c, void *state)
{
	struct anomaly *s = state;
	uint32_t i;

	(void)c;
	if (!s)
		return;
	if (s->file)
		save(s);
	for (i = 0; i < RAST_MAX_CONTAINERS; i++)
		free(s->by_slot[i]);
	rast_anomaly_reader_destroy(s->reader);
	rast_cgroup_names_destroy(s->names);
	json_decref(s->file);
	free(s);
}

static int load(struct rast_controller *c, void **ret_state, struct rast_err *err)
{
	struct rast_anomaly_limit limit = {.window_ms = RAST_ANOMALY_WINDOW_MS,
					   .fanout = rast_anomaly_bits(FANOUT),
					   .execs = EXECS_PER_WINDOW};
	struct anomaly *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return rast_err_set(err, ENOMEM, "out of memory");
	s->in = rast_controller_instance(c);
	(void)snprintf(s->path, sizeof(s->path), "%s/anomaly.json", s->in->run_dir);
	s->names = rast_cgroup_names_create(s->in);
	r = s->names ? rast_anomaly_bpf_start(s->in, err)
		     : rast_err_set(err, ENOMEM, "out of memory");
	if (!r)
		r = rast_anomaly_reader_open(s->in, &s->reader, err);
	if (!r)
		r = rast_anomaly_reader_limit(s->reader, RAST_MAX_CONTAINERS, &limit, err);
	if (r < 0) {
		unload(c, s);
		return r;
	}
	s->file = rast_anomaly_file_load(s->path);
	s->findings = json_object_get(s->file, "findings");
	s->known = json_object_get(s->file, "known");
	*ret_state = s;
	return 0;
}

/* ---- findings ---- */

static const struct process *culprit(const struct watched *w, enum rast_anomaly_metric m)
{
	switch (m) {
	case RAST_METRIC_FORKS:
		return &w->fork;
	case RAST_METRIC_EXECS:
		return &w->exec;
	case RAST_METRIC_DESTINATIONS:
	case RAST_METRIC_CONNECTS:
	case RAST_METRIC_DENIED:
		return &w->connect;
	default:
		return NULL;
	}
}

static void publish(struct rast_controller *c, struct anomaly *s, const struct watched *w,
		    enum rast_anomaly_metric m)
{
	const struct process *p = culprit(w, m);
	json_t *f = rast_anomaly_finding(&w->a, m, &w->name, now_json(), p ? p->name : NULL,
					 p ? p->pid : 0);

	rast_anomaly_findings_add(s->findings, f);
	s->dirty = true;
	rast_log(RAST_LOG_WARN, "%s/%s/%s: %s", w->name.ns, w->name.pod, w->name.container,
		 rast_json_str(f, "finding"));
	rast_controller_publish(c, "anomaly", f);
}

static int on_event(struct rast_controller *c, void *state, const struct rast_event *ev,
		    size_t size, json_t *json)
{
	const struct rast_event_anomaly *k = (const void *)ev;
	enum rast_anomaly_metric m;
	struct anomaly *s = state;
	struct watched *w;
	double value, threshold;
	json_t *f;

	(void)c;
	if (ev->type != RAST_EVENT_ANOMALY || size < sizeof(*k))
		return 0;
	w = watched(s, ev->slot, ev->cgroup_id);
	if (!w || !k->threshold)
		return 0;
	switch (k->kind) {
	case RAST_ANOMALY_FANOUT:
		m = RAST_METRIC_DESTINATIONS;
		value = rast_anomaly_destinations(k->value);
		threshold = rast_anomaly_destinations(k->threshold);
		break;
	case RAST_ANOMALY_EXEC_RATE:
		m = RAST_METRIC_EXECS;
		value = k->value;
		threshold = k->threshold;
		break;
	default:
		return 0;
	}
	/* The event of a further window of the same episode is nobody's: it goes no further. */
	if (!rast_anomaly_raise(&w->a, m, value, threshold,
				rast_anomaly_reader_window(s->reader, ev->slot, ev->time_ns)))
		return 0;
	f = rast_anomaly_finding(&w->a, m, &w->name, json_incref(json_object_get(json, "time")),
				 rast_json_str(json, "comm"), ev->pid);
	rast_anomaly_findings_add(s->findings, f);
	s->dirty = true;
	rast_log(RAST_LOG_WARN, "%s/%s/%s: %s", w->name.ns, w->name.pod, w->name.container,
		 rast_json_str(f, "finding"));
	(void)json_object_update(json, f);
	json_decref(f);
	return 1;
}

static void on_publish(struct rast_controller *c, void *state, const char *stream,
		       const json_t *json)
{
	const json_t *proc, *rast;
	struct anomaly *s = state;
	struct process *p;
	const char *action;
	struct watched *w;
	int64_t slot;

	(void)c;
	if (strcmp(stream, "audit"))
		return;
	slot = json_is_integer(json_object_get(json_object_get(json, "container"), "slot"))
		       ? rast_json_int(json_object_get(json, "container"), "slot")
		       : -1;
	w = slot >= 0 && slot < RAST_MAX_CONTAINERS ? s->by_slot[slot] : NULL;
	rast = json_object_get(json, "rast");
	if (!w || (uint64_t)rast_json_int(rast, "cgroup_id") != w->cgroup_id)
		return;
	action = rast_json_str(json_object_get(json, "event"), "action");
	p = !strcmp(action, "fork")      ? &w->fork
	    : !strcmp(action, "exec")    ? &w->exec
	    : !strcmp(action, "connect") ? &w->connect
					 : NULL;
	proc = json_object_get(json, "process");
	if (!p || !proc)
		return;
	p->pid = rast_json_int(proc, "pid");
	(void)snprintf(p->name, sizeof(p->name), "%s", rast_json_str(proc, "name"));
}

/* ---- once a second ---- */

/*
 * The kernel's own limits follow what is usual: it is to be first, not to know better. Nothing learned:
 * an element that names nobody, since one of an earlier controller may still be there.
 */
static void set_limit(struct anomaly *s, struct watched *w)
{
	struct rast_anomaly_limit limit = {0};
	double execs;

	if (rast_anomaly_learned(&w->a)) {
		execs = rast_anomaly_threshold(&w->a, RAST_METRIC_EXECS) * RAST_ANOMALY_WINDOW_MS /
			1e3;
		limit.cgroup_id = w->cgroup_id;
		limit.window_ms = RAST_ANOMALY_WINDOW_MS;
		limit.execs = execs < UINT32_MAX ? (uint32_t)execs : UINT32_MAX;
		limit.fanout =
			rast_anomaly_bits(rast_anomaly_threshold(&w->a, RAST_METRIC_DESTINATIONS));
	}
	if (w->limited && !memcmp(&limit, &w->limit, sizeof(limit)))
		return;
	if (rast_anomaly_reader_limit(s->reader, w->slot, &limit, NULL) < 0)
		return;
	w->limit = limit;
	w->limited = true;
}

static void judge(struct rast_controller *c, struct anomaly *s, struct watched *w,
		  const struct rast_anomaly_reading *reading)
{
	unsigned int begun, ended, m;

	begun = rast_anomaly_sample(&w->a, reading, &ended);
	for (m = 0; m < RAST_METRIC_MAX; m++) {
		if (begun & 1u << m)
			publish(c, s, w, m);
		else if (w->a.episode[m].active || ended & 1u << m)
			rast_anomaly_findings_update(s->findings, &w->a, m, &w->name,
						     ended & 1u << m ? now_json() : NULL);
		s->dirty |= ended & 1u << m;
	}
	set_limit(s, w);
}

static void tick(struct rast_controller *c, void *state, uint64_t now_ns)
{
	_cleanup_free_ struct rast_anomaly_entry *list = NULL;
	struct rast_err err = {0};
	struct anomaly *s = state;
	struct watched *w;
	char text[512];
	size_t n, i;

	(void)now_ns;
	if (rast_anomaly_reader_list(s->reader, &list, &n, &err) < 0) {
		if (!s->warned)
			rast_log(RAST_LOG_WARN, "anomaly: %s",
				 rast_err_format(&err, text, sizeof(text)));
		s->warned = true;
		return;
	}
	for (i = 0; i < RAST_MAX_CONTAINERS; i++)
		if (s->by_slot[i])
			s->by_slot[i]->seen = false;
	for (i = 0; i < n; i++) {
		w = watched(s, list[i].slot, list[i].reading.cgroup_id);
		if (!w)
			continue;
		w->seen = true;
		judge(c, s, w, &list[i].reading);
	}
	for (i = 0; i < RAST_MAX_CONTAINERS; i++)
		if (s->by_slot[i] && !s->by_slot[i]->seen)
			retire(s, (uint32_t)i);
	if (s->dirty || ++s->ticks % SAVE_TICKS == 0)
		save(s);
}

/* ---- asked ---- */

static int show(struct rast_controller *c, void *state, json_t *json)
{
	struct anomaly *s = state;
	json_int_t watched = 0, learned = 0;
	uint32_t i;

	(void)c;
	for (i = 0; i < RAST_MAX_CONTAINERS; i++) {
		watched += s->by_slot[i] != NULL;
		learned += s->by_slot[i] && rast_anomaly_learned(&s->by_slot[i]->a);
	}
	(void)json_object_set_new(json, "watched", json_integer(watched));
	(void)json_object_set_new(json, "learned", json_integer(learned));
	(void)json_object_set_new(json, "findings",
				  json_integer((json_int_t)json_array_size(s->findings)));
	return 0;
}

static int op_show(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		   json_t **ret_result, struct rast_err *err)
{
	struct anomaly *s = rast_controller_state(c, "anomaly");
	json_t *rows, *row;
	uint32_t i;

	(void)actor;
	(void)args;
	if (!s)
		return rast_err_set(err, EOPNOTSUPP, "anomaly detection is not loaded");
	rows = json_array();
	for (i = 0; i < RAST_MAX_CONTAINERS; i++) {
		const struct watched *w = s->by_slot[i];

		if (!w)
			continue;
		row = json_object();
		rast_json_set_str(row, "namespace", w->name.ns);
		rast_json_set_str(row, "pod", w->name.pod);
		rast_json_set_str(row, "container", w->name.container);
		rast_anomaly_describe(&w->a, row);
		(void)json_array_append_new(rows, row);
	}
	*ret_result = json_pack("{s:o,s:O}", "containers", rows, "findings", s->findings);
	return *ret_result ? 0 : rast_err_set(err, ENOMEM, "out of memory");
}

static const struct rast_op ops[] = {{"anomaly.show", op_show}, {NULL, NULL}};

const struct rast_feature rast_anomaly_feature = {
	.name = "anomaly",
	.supported = supported,
	.load = load,
	.on_event = on_event,
	.on_publish = on_publish,
	.tick = tick,
	.show = show,
	.unload = unload,
	.ops = ops,
};
