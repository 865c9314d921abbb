// SPDX-License-Identifier: BSD-2-Clause
/*
 * The health of this node's containers: probes, restarts with back-off, lifecycle events, `pods.list`.
 * A timer drives it: it is set to whatever comes next. What a container is, is read from the state files
 * (pod_state.c), which rastbpf writes; started again they are by a rastbpf of their own (pod_job.c).
 */
#include "controller/pods.h"

#include "audit/audit.h"
#include "base/fd.h"
#include "base/log.h"
#include "controller/pods_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull
#define FRESH_NS 100000000ull /* pods.list is asked every 50 ms by `up --wait` */

static void arm(struct pods *s, uint64_t at_ns)
{
	struct itimerspec when = {.it_value = {(time_t)(at_ns / SECOND), (long)(at_ns % SECOND)}};

	if (!at_ns)
		when.it_value.tv_nsec = 1;
	(void)timerfd_settime(s->timer.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void pods_wake(struct pods *s)
{
	arm(s, 0);
}

void pods_event(const struct box *b, const char *action, const char *message, json_t *extra)
{
	json_t *args = extra ? extra : json_object(), *v;
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	rast_json_set_str(args, "action", action);
	rast_json_set_str(args, "namespace", b->pod->ns);
	rast_json_set_str(args, "pod", b->pod->name);
	rast_json_set_str(args, "container", b->name);
	rast_json_set_str(args, "message", message);
	v = json_object_get(b->pod->state, "labels");
	if (v)
		(void)json_object_set(args, "labels", v);
	v = json_object_get(b->pod->state, "identity");
	if (v)
		(void)json_object_set(args, "identity", v);
	v = json_object_get(b->state, "slot");
	if (v)
		(void)json_object_set(args, "slot", v);
	rast_controller_publish(b->pod->pods->c, "audit",
				rast_audit_from_record(args, (uint64_t)now.tv_sec * SECOND +
								     (uint64_t)now.tv_nsec));
	json_decref(args);
}

/* ---- probes ---- */

static void set_ready(struct box *b, bool ready, const char *why)
{
	char text[200];

	if (b->ready == ready)
		return;
	b->ready = ready;
	b->pod->pods->dirty = true;
	(void)snprintf(text, sizeof(text), "readiness probe: %s", why);
	pods_event(b, ready ? "container-ready" : "container-unhealthy", *why ? text : NULL, NULL);
}

static void on_readiness(void *arg, bool success, const char *why)
{
	struct box *b = arg;

	b->readiness_job = NULL;
	if (b->running && rast_probe_result(&b->readiness, &b->spec->readiness, success))
		set_ready(b, b->readiness.ok, why);
	pods_wake(b->pod->pods);
}

static void signal_box(const struct box *b, int sig)
{
	if (b->watch)
		(void)syscall(SYS_pidfd_send_signal, b->watch->src.fd, sig, NULL, 0);
}

static void on_liveness(void *arg, bool success, const char *why)
{
	struct box *b = arg;
	char text[200];

	b->liveness_job = NULL;
	pods_wake(b->pod->pods);
	if (!b->running || b->stopping ||
	    rast_probe_result(&b->liveness, &b->spec->liveness, success) >= 0)
		return;
	(void)snprintf(text, sizeof(text), "liveness probe: %s; is stopped", why);
	pods_event(b, "container-unhealthy", text, NULL);
	/* As on `down`: a chance to end by itself first. What follows is like any other end. */
	b->stopping = true;
	b->ready = false;
	b->kill_ns = rast_clock_ns() + b->pod->spec->grace_s * SECOND;
	b->pod->pods->dirty = true;
	signal_box(b, SIGTERM);
}

static struct rast_pod_job *probe(struct box *b, const struct rast_pod_probe *p, uint64_t now_ns,
				  rast_pod_job_fn fn, const char **why)
{
	struct pods *s = b->pod->pods;
	const char *address = p->host, *const * c;
	const char *argv[RAST_POD_MAX_ARGS + 8];
	uint64_t deadline = now_ns + p->timeout_s * SECOND;
	char name[400];
	size_t n = 0;

	if (p->kind != RAST_PROBE_EXEC) {
		if (!*address)
			address = b->pod->spec->host_network
					  ? "127.0.0.1"
					  : rast_json_str(b->pod->state, "address");
		return rast_pod_job_connect(&s->jobs, address, p->port,
					    p->kind == RAST_PROBE_HTTP ? p->path : NULL, deadline,
					    fn, b, why);
	}
	(void)snprintf(name, sizeof(name), "%s/%s/%s", b->pod->ns, b->pod->name, b->name);
	argv[n++] = "rastbpf";
	argv[n++] = "--instance";
	argv[n++] = rast_controller_instance(s->c)->name;
	argv[n++] = "container";
	argv[n++] = "exec";
	argv[n++] = name;
	argv[n++] = "--";
	for (c = p->command; *c && n < ARRAY_SIZE(argv) - 1; c++)
		argv[n++] = *c;
	argv[n] = NULL;
	return rast_pod_job_run(&s->jobs, argv, deadline, fn, b, why);
}

static void drive_probe(struct box *b, const struct rast_pod_probe *spec, struct rast_probe *p,
			struct rast_pod_job **job, rast_pod_job_fn fn, uint64_t now_ns,
			uint64_t *next)
{
	const char *why = "";

	if (!*job && p->next_ns <= now_ns) {
		rast_probe_begin(p, spec, now_ns);
		*job = probe(b, spec, now_ns, fn, &why);
		/* A command that could not even be tried says nothing about the container. */
		if (!*job && spec->kind == RAST_PROBE_EXEC)
			rast_log(RAST_LOG_WARN, "no probe of %s/%s/%s: %s", b->pod->ns,
				 b->pod->name, b->name, why);
		else if (!*job)
			fn(b, false, why);
	}
	if (!*job && p->next_ns < *next)
		*next = p->next_ns;
}

/* ---- restarts ---- */

static void on_restart(void *arg, bool success, const char *why)
{
	struct box *b = arg;
	struct pods *s = b->pod->pods;

	b->restart_job = NULL;
	/* It may have been started and have ended again before its starter did: that plan is a new one. */
	if (b->restart_ns == b->job_ns)
		b->restart_ns = 0;
	if (!success && !b->restart_ns) {
		/* Also when the pod was taken down meanwhile: then the next look forgets it. */
		rast_log(RAST_LOG_WARN, "container %s/%s/%s was not started again: %s", b->pod->ns,
			 b->pod->name, b->name, why);
		b->restart_ns = rast_clock_ns() + rast_backoff_next(&b->backoff, 0) * SECOND;
	}
	s->dirty = true;
	s->refresh_ns = 0;
	pods_wake(s);
}

static void restart(struct box *b)
{
	struct pods *s = b->pod->pods;
	char name[400], run[32];
	const char *why = "";
	const char *const argv[] = {"rastbpf",   "--instance", rast_controller_instance(s->c)->name,
				    "container", "restart",    "--run",
				    run,         name,         NULL};

	(void)snprintf(name, sizeof(name), "%s/%s/%s", b->pod->ns, b->pod->name, b->name);
	(void)snprintf(run, sizeof(run), "%llu", (unsigned long long)b->ticks);
	b->job_ns = b->restart_ns;
	b->restart_job = rast_pod_job_run(&s->jobs, argv, 0, on_restart, b, &why);
	if (!b->restart_job)
		on_restart(b, false, why);
}

static void drive(struct box *b, uint64_t now_ns, uint64_t *next)
{
	if (!b->running) {
		if (!b->restart_ns || b->restart_job)
			return;
		if (b->restart_ns <= now_ns)
			restart(b);
		else if (b->restart_ns < *next)
			*next = b->restart_ns;
		return;
	}
	/* It ends because it is taken down: its health is nobody's business any more. */
	if (rast_json_bool(b->pod->state, "stopping"))
		return;
	if (b->stopping) {
		if (b->kill_ns && b->kill_ns <= now_ns) {
			signal_box(b, SIGKILL);
			b->kill_ns = 0;
		}
		if (b->kill_ns && b->kill_ns < *next)
			*next = b->kill_ns;
		return;
	}
	if (!b->spec || b->spec->readiness.kind == RAST_PROBE_NONE)
		set_ready(b, true, "");
	else
		drive_probe(b, &b->spec->readiness, &b->readiness, &b->readiness_job, on_readiness,
			    now_ns, next);
	if (b->spec && b->spec->liveness.kind != RAST_PROBE_NONE)
		drive_probe(b, &b->spec->liveness, &b->liveness, &b->liveness_job, on_liveness,
			    now_ns, next);
}

static void step(struct pods *s, uint64_t now_ns)
{
	uint64_t next;

	if (s->refresh_ns <= now_ns) {
		s->refresh_ns = now_ns + SECOND;
		pods_refresh(s, now_ns);
	}
	/* Before the timer is set: whoever wakes us below sets it to now, and must win. */
	next = rast_pod_jobs_expire(&s->jobs, now_ns);
	for (struct pod *p = s->list; p; p = p->next)
		for (struct box *b = p->boxes; b; b = b->next)
			drive(b, now_ns, &next);
	/* Jobs that have just begun have time limits too. */
	for (uint64_t t = rast_pod_jobs_expire(&s->jobs, 0); t < next;)
		next = t;
	if (s->refresh_ns < next)
		next = s->refresh_ns;
	if (s->dirty)
		pods_save(s);
	arm(s, next);
}

static void on_timer(struct rast_controller *c, struct rast_source *src, uint32_t events)
{
	struct pods *s = rast_controller_state(c, "pods");
	uint64_t n;

	(void)events;
	(void)!read(src->fd, &n, sizeof(n));
	if (s)
		step(s, rast_clock_ns());
}

/* ---- the feature ---- */

static void unload(struct rast_controller *c, void *state)
{
	struct pods *s = state;

	if (!s)
		return;
	if (s->dirty)
		pods_save(s);
	pods_free(s);
	rast_pod_jobs_finish(&s->jobs);
	if (s->timer.fd >= 0)
		rast_source_remove(c, &s->timer);
	s->timer.fd = -1;
	json_decref(s->saved);
	/* The loop still holds the timer's source: freed with it. */
}

static void free_state(struct rast_source *src)
{
	free((char *)src - offsetof(struct pods, timer));
}

static int load(struct rast_controller *c, void **ret_state, struct rast_err *err)
{
	struct pods *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return rast_err_sys(err, ENOMEM, "pods");
	s->c = c;
	s->timer = (struct rast_source){
		.fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK),
		.fn = on_timer,
		.destroy = free_state};
	r = s->timer.fd < 0 ? rast_err_sys(err, errno, "timer")
			    : rast_pod_jobs_init(&s->jobs, c, err);
	if (!r) {
		r = rast_source_add(c, &s->timer, EPOLLIN);
		if (r < 0)
			r = rast_err_sys(err, -r, "timer");
	}
	if (r < 0) {
		rast_closep(&s->timer.fd);
		free(s);
		return r;
	}
	/* Inherited as ignored it would reap our children before we ask for their status. */
	(void)signal(SIGCHLD, SIG_DFL);
	(void)snprintf(s->path, sizeof(s->path), "%s/health.json",
		       rast_controller_instance(c)->run_dir);
	(void)rast_json_load(AT_FDCWD, s->path, &s->saved, NULL);
	arm(s, 0);
	*ret_state = s;
	return 0;
}

static const struct box *find(const struct pods *s, const char *ns, const char *pod,
			      const char *name)
{
	for (const struct pod *p = s->list; p; p = p->next)
		for (const struct box *b = p->boxes; b; b = b->next)
			if (!strcmp(b->name, name) && !strcmp(p->name, pod) && !strcmp(p->ns, ns))
				return b;
	return NULL;
}

/* An exec in a container that is not known or does not run: it has just been started. */
static void on_publish(struct rast_controller *c, void *state, const char *stream,
		       const json_t *json)
{
	const json_t *who = json_object_get(json, "container");
	const struct box *b;
	struct pods *s = state;

	(void)c;
	if (strcmp(stream, "audit") != 0 || !s->refresh_ns ||
	    strcmp(rast_json_str(json_object_get(json, "event"), "action"), "exec") != 0)
		return;
	b = find(s, rast_json_str(who, "namespace"), rast_json_str(who, "pod"),
		 rast_json_str(who, "name"));
	if (b && b->running)
		return;
	s->refresh_ns = 0;
	pods_wake(s);
}

static int op_list(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		   json_t **ret_result, struct rast_err *err)
{
	struct pods *s = rast_controller_state(c, "pods");
	uint64_t now = rast_clock_ns();

	(void)actor;
	(void)args;
	if (!s)
		return rast_err_set(err, EOPNOTSUPP, "pods are not watched");
	if (s->refresh_ns + FRESH_NS <= now + SECOND) {
		s->refresh_ns = 0;
		step(s, now);
	}
	*ret_result = pods_json(s);
	return 0;
}

static int show(struct rast_controller *c, void *state, json_t *json)
{
	const struct pods *s = state;
	json_int_t pods = 0, boxes = 0, ready = 0;

	(void)c;
	for (const struct pod *p = s->list; p; p = p->next, pods++)
		for (const struct box *b = p->boxes; b; b = b->next, boxes++)
			ready += b->ready;
	(void)json_object_set_new(json, "pods", json_integer(pods));
	(void)json_object_set_new(json, "containers", json_integer(boxes));
	(void)json_object_set_new(json, "ready", json_integer(ready));
	return 0;
}

static const struct rast_op ops[] = {{"pods.list", op_list}, {NULL, NULL}};

const struct rast_feature rast_pods_feature = {
	.name = "pods",
	.load = load,
	.on_publish = on_publish,
	.show = show,
	.unload = unload,
	.ops = ops,
};
