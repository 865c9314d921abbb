// SPDX-License-Identifier: BSD-2-Clause
/*
 * What runs, as the feature "pods" knows it: state files against what was known, so that each run's
 * begin and end is noticed once, also across controllers (health.json). C.json is missing for a moment
 * while its container is started again: that is no end of it.
 */
#include "controller/pods_priv.h"

#include "base/fd.h"
#include "base/log.h"
#include "container/container_bpf.h"
#include "container/log.h"
#include "container/run.h"
#include "container/state.h"
#include "container/state_cache.h"
#include "node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SECOND 1000000000ull

static void key_of(const struct box *b, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s/%s/%s", b->pod->ns, b->pod->name, b->name);
}

/* ---- the end of the first process ---- */

static void watch_free(struct rast_source *src)
{
	free(src);
}

static void on_end(struct rast_controller *c, struct rast_source *src, uint32_t events)
{
	struct watch *w = (struct watch *)src;
	struct pods *s = w->pods;

	(void)c;
	(void)events;
	w->ended = true;
	/* Readable from now on: looked at once. The next look takes it away. */
	(void)rast_source_change(c, src, 0);
	s->refresh_ns = 0;
	pods_wake(s);
}

static void watch(struct box *b)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return;
	w->pods = b->pod->pods;
	w->src = (struct rast_source){
		.fd = rast_container_pidfd(b->state), .fn = on_end, .destroy = watch_free};
	if (w->src.fd < 0 || rast_source_add(w->pods->c, &w->src, EPOLLIN) < 0) {
		/* Ended already, or found out by the look once a second. */
		rast_closep(&w->src.fd);
		free(w);
		return;
	}
	b->watch = w;
}

static void unwatch(struct box *b)
{
	if (b->watch)
		rast_source_remove(b->pod->pods->c, &b->watch->src);
	b->watch = NULL;
}

static void forget_probes(struct box *b)
{
	rast_pod_job_forget(b->readiness_job);
	rast_pod_job_forget(b->liveness_job);
	b->readiness_job = b->liveness_job = NULL;
}

/* ---- runs ---- */

static uint64_t started_ns(const struct box *b)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	return b->ticks / hz * SECOND + b->ticks % hz * SECOND / hz;
}

static json_t *saved_of(const struct box *b)
{
	char key[400];

	key_of(b, key, sizeof(key));
	return json_object_get(b->pod->pods->saved, key);
}

static void begin_run(struct box *b, uint64_t ticks)
{
	const json_t *saved = saved_of(b);
	bool known = saved && (uint64_t)rast_json_int(saved, "ticks") == ticks;
	json_int_t restarts = rast_json_int(b->state, "restarts");

	forget_probes(b);
	unwatch(b);
	b->ticks = ticks;
	b->running = true;
	b->stopping = b->oom = false;
	b->ready = known && rast_json_bool(saved, "ready");
	b->exit_code = RAST_EXIT_UNKNOWN;
	b->restart_ns = b->kill_ns = 0;
	if (saved && (known || !b->backoff.delay_s))
		b->backoff.delay_s = (unsigned int)rast_json_int(saved, "delay_s");
	if (b->spec) {
		rast_probe_start(&b->readiness, &b->spec->readiness, b->ready, started_ns(b));
		rast_probe_start(&b->liveness, &b->spec->liveness, true, started_ns(b));
	}
	b->pod->pods->dirty = true;
	if (known)
		return;
	pods_event(b, "container-started", NULL,
		   json_pack("{s:I,s:I}", "restarts", restarts, "pid",
			     (json_int_t)rast_json_int(b->state, "pid")));
	if (restarts)
		pods_event(b, "container-restarted", NULL,
			   json_pack("{s:I}", "restarts", restarts));
}

static bool meant_to_end(const struct box *b)
{
	return rast_json_bool(b->state, "stopped") || rast_json_bool(b->pod->state, "stopping");
}

static void end_run(struct box *b, uint64_t now_ns)
{
	struct pods *s = b->pod->pods;
	const json_t *saved = saved_of(b);
	struct rast_container rec;
	uint64_t ended = now_ns, began = started_ns(b);

	forget_probes(b);
	unwatch(b);
	b->running = b->ready = b->stopping = false;
	b->kill_ns = 0;
	s->dirty = true;
	if (rast_container_bpf_read(rast_controller_instance(s->c),
				    (uint64_t)rast_json_int(b->state, "cgroup_id"), &rec) == 0 &&
	    rec.flags & RAST_CONTAINER_EXITED) {
		b->exit_code = rast_exit_code(rec.exit_code);
		b->oom = rec.flags & RAST_CONTAINER_OOM;
		ended = rec.exited_ns;
	}
	if (saved && (uint64_t)rast_json_int(saved, "ticks") == b->ticks &&
	    rast_json_bool(saved, "ended")) {
		/* Its end was seen by the controller before us. */
		b->restart_ns = (uint64_t)rast_json_int(saved, "restart_ns");
		return;
	}
	/* Where the kernel half of audit runs, it has told this itself, and sooner. */
	if (!rast_controller_state(s->c, "audit"))
		pods_event(b, "container-exited", NULL,
			   json_pack("{s:i}", "exit_code", b->exit_code));
	if (b->spec && !meant_to_end(b) && rast_restart_wanted(b->pod->spec->restart, b->exit_code))
		b->restart_ns =
			ended +
			rast_backoff_next(&b->backoff, ended > began ? ended - began : 0) * SECOND;
}

static void look_at(struct box *b, uint64_t now_ns)
{
	uint64_t ticks = (uint64_t)rast_json_int(b->state, "start_ticks");
	bool alive;

	if (b->watch && ticks == b->ticks)
		alive = !b->watch->ended;
	else
		alive = rast_state_container_alive(b->state);
	if (ticks != b->ticks)
		begin_run(b, ticks);
	if (b->running && !alive)
		end_run(b, now_ns);
	else if (b->running && !b->watch)
		watch(b);
	/* Also stopped by hand while it waited to be started again. */
	if (meant_to_end(b))
		b->restart_ns = 0;
}

static void bound_log(struct box *b)
{
	const char *path = rast_json_str(b->state, "log");
	uint64_t max = (uint64_t)rast_json_int(b->state, "log_max_bytes");
	int r = *path ? rast_container_log_trim(path, max ? max : RAST_LOG_MAX_DEFAULT) : 0;

	if (r < 0 && !b->log_grows)
		rast_log(RAST_LOG_WARN, "the log of %s/%s/%s is not kept within its limit: %s",
			 b->pod->ns, b->pod->name, b->name, strerror(-r));
	b->log_grows = r < 0;
}

/* ---- pods ---- */

static void box_free(struct box *b)
{
	forget_probes(b);
	rast_pod_job_forget(b->restart_job);
	unwatch(b);
	json_decref(b->state);
	free(b);
}

static void pod_free(struct pod *p)
{
	struct box *b, *next;

	for (b = p->boxes; b; b = next) {
		next = b->next;
		box_free(b);
	}
	json_decref(p->state);
	rast_pod_destroy(p->spec);
	free(p);
}

void pods_free(struct pods *s)
{
	struct pod *p, *next;

	for (p = s->list; p; p = next) {
		next = p->next;
		pod_free(p);
	}
	s->list = NULL;
}

static struct pod *pod_of(struct pods *s, json_t *state)
{
	const char *ns = rast_json_str(state, "namespace"), *name = rast_json_str(state, "name");
	const char *created = rast_json_str(state, "created");
	struct rast_err err = {0};
	struct pod **at, *p;
	char text[900];

	for (at = &s->list; (p = *at); at = &p->next)
		if (!strcmp(p->name, name) && !strcmp(p->ns, ns) && !strcmp(p->created, created))
			break;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return NULL;
		p->pods = s;
		(void)snprintf(p->ns, sizeof(p->ns), "%s", ns);
		(void)snprintf(p->name, sizeof(p->name), "%s", name);
		(void)snprintf(p->created, sizeof(p->created), "%s", created);
		if (json_object_get(state, "manifest") &&
		    rast_node_pod_spec(state, &p->spec, &err) < 0)
			rast_log(RAST_LOG_ERR, "pod %s/%s is not probed: %s", ns, name,
				 rast_err_format(&err, text, sizeof(text)));
		*at = p;
	}
	json_decref(p->state);
	p->state = json_incref(state);
	p->seen = true;
	return p;
}

static struct box *box_of(struct pod *p, const char *name)
{
	struct box **at, *b;

	for (at = &p->boxes; *at; at = &(*at)->next)
		if (!strcmp((*at)->name, name))
			return *at;
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->pod = p;
	b->exit_code = RAST_EXIT_UNKNOWN;
	(void)snprintf(b->name, sizeof(b->name), "%s", name);
	for (size_t i = 0; p->spec && i < p->spec->n_containers; i++)
		if (!strcmp(p->spec->containers[i].name, name))
			b->spec = &p->spec->containers[i];
	*at = b;
	return b;
}

void pods_refresh(struct pods *s, uint64_t now_ns)
{
	_cleanup_json_ json_t *pods = NULL;
	json_t *state, *one;
	struct rast_err err = {0};
	struct pod **at, *p;
	struct box *b;
	bool logs = s->logs_ns <= now_ns;
	size_t i, j;

	if (logs)
		s->logs_ns = now_ns + SECOND;
	if (rast_state_cache_pods(rast_controller_states(s->c), &pods, &err) < 0) {
		rast_log(RAST_LOG_ERR, "pods: %s", err.text);
		return;
	}
	for (p = s->list; p; p = p->next)
		p->seen = false;
	json_array_foreach(pods, i, state) {
		p = json_object_get(state, "broken") ? NULL : pod_of(s, state);
		if (!p)
			continue;
		json_array_foreach(json_object_get(state, "containers"), j, one) {
			b = box_of(p, rast_json_str(one, "name"));
			if (!b)
				continue;
			json_decref(b->state);
			b->state = json_incref(one);
			look_at(b, now_ns);
			if (logs)
				bound_log(b);
		}
	}
	for (at = &s->list; (p = *at);) {
		if (p->seen) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		pod_free(p);
		s->dirty = true;
	}
	json_decref(s->saved);
	s->saved = NULL;
}

void pods_save(struct pods *s)
{
	_cleanup_json_ json_t *all = json_object();
	char key[400];
	int r;

	for (const struct pod *p = s->list; p; p = p->next)
		for (const struct box *b = p->boxes; b; b = b->next) {
			key_of(b, key, sizeof(key));
			(void)json_object_set_new(
				all, key,
				json_pack("{s:I,s:b,s:b,s:I,s:I}", "ticks", (json_int_t)b->ticks,
					  "ready", b->ready, "ended", !b->running, "delay_s",
					  (json_int_t)b->backoff.delay_s, "restart_ns",
					  (json_int_t)b->restart_ns));
		}
	r = rast_json_store(AT_FDCWD, s->path, all, 0);
	if (r < 0)
		rast_log(RAST_LOG_WARN, "%s: %s", s->path, strerror(-r));
	s->dirty = false;
}

/* ---- pods.list ---- */

static json_t *box_json(const struct box *b)
{
	json_t *o =
		json_pack("{s:s,s:b,s:b,s:I}", "name", b->name, "ready", b->ready, "running",
			  b->running, "restarts", (json_int_t)rast_json_int(b->state, "restarts"));

	if (b->running)
		return o;
	if (b->exit_code != RAST_EXIT_UNKNOWN)
		(void)json_object_set_new(o, "exit_code", json_integer(b->exit_code));
	if (b->oom)
		(void)json_object_set_new(o, "oom", json_true());
	return o;
}

json_t *pods_json(const struct pods *s)
{
	json_t *list = json_array();

	for (const struct pod *p = s->list; p; p = p->next) {
		size_t want = (size_t)rast_json_int(p->state, "n_containers"), n = 0, ready = 0,
		       running = 0, restarting = 0, failed = 0;
		json_t *boxes = json_array();

		for (const struct box *b = p->boxes; b; b = b->next, n++) {
			ready += b->ready;
			running += b->running;
			restarting += !b->running && (b->restart_ns || b->restart_job);
			failed += !b->running && b->exit_code != 0;
			(void)json_array_append_new(boxes, box_json(b));
		}
		(void)json_array_append_new(
			list, json_pack("{s:s,s:s,s:b,s:s,s:s,s:o}", "namespace", p->ns, "pod",
					p->name, "ready", n && n >= want && ready == n, "phase",
					rast_pod_phase(n < want ? want - n : 0, running, restarting,
						       failed),
					"address", rast_json_str(p->state, "address"), "containers",
					boxes));
	}
	return list;
}
