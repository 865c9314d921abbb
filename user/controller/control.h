/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rastd's control socket, and how a feature plugs into the controller.
 *
 * Protocol, both ways one JSON object a line:
 *   request  {"op":"config.put","args":{…}}
 *   answer   {"ok":true,"result":…}
 *            {"ok":false,"error":{"code":22,"text":"…","file":"…","line":3,"col":5,"field":"…"}}
 *            An op of a feature that is not active answers EOPNOTSUPP with the reason.
 *   stream   {"event":{…}} any number of times, then an answer line when the controller ends it;
 *            the client ends it by closing.
 *            stream.follow {"stream":"flow"|"audit"|"anomaly"|"log"|"all","filters":{"pod":"web"},
 *            "hello":true}: filters compare members (dotted names reach into objects); with hello
 *            the first event is {"type":"hello"}: what happens from then on is seen. A reader that
 *            is too slow gets {"type":"lost","count":N} where N events are missing.
 * A request line may have at most RAST_CONTROL_MAX_LINE bytes. The peer must be root or of the
 * controller's own user (SO_PEERCRED); others get one error line and the connection is closed.
 */
#ifndef RAST_CONTROLLER_CONTROL_H
#define RAST_CONTROLLER_CONTROL_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAST_CONTROL_MAX_LINE (20u << 20)

struct rast_event; /* bpf/event.h */
struct rast_controller;
struct rast_state_cache;
struct rast_client_conn;

/* Who asks: filled from SO_PEERCRED. */
struct rast_actor {
	uint32_t uid, gid;
	int32_t pid;
};

struct rast_op {
	const char *name; /* "config.put"; NULL ends the table */
	/* *ret_result (may stay NULL) is taken by the caller. */
	int (*call)(struct rast_controller *c, const struct rast_actor *actor, const json_t *args,
		    json_t **ret_result, struct rast_err *err);
};

/*
 * One feature of the controller. Every member may be NULL. Called in the order of the table in
 * controller/features.c: supported → load → attach at start; on_event and tick while it runs;
 * unload at a clean stop. Programs and maps stay pinned after unload: the kernel goes on.
 */
struct rast_feature {
	const char *name;
	/* 0; -EOPNOTSUPP with the reason in err: a line in `rastbpf feature show`, not a failure. */
	int (*supported)(const struct rast_controller *c, struct rast_err *err);
	int (*load)(struct rast_controller *c, void **ret_state, struct rast_err *err);
	int (*attach)(struct rast_controller *c, void *state, struct rast_err *err);
	/* Adds what it knows to `json` if the event is its own and returns 1; 0: not mine. */
	int (*on_event)(struct rast_controller *c, void *state, const struct rast_event *ev,
			size_t size, json_t *json);
	/*
	 * Sees each event that goes to a stream, before its subscribers do: the audit log is such a
	 * sink. Kernel events go to the stream of the feature that said "mine": "audit" of audit, "flow"
	 * of policy, "anomaly" of anomaly. May call rast_controller_publish() for another stream only.
	 */
	void (*on_publish)(struct rast_controller *c, void *state, const char *stream,
			   const json_t *json);
	/* About once a second. */
	void (*tick)(struct rast_controller *c, void *state, uint64_t now_ns);
	int (*show)(struct rast_controller *c, void *state, json_t *json);
	void (*unload)(struct rast_controller *c, void *state);
	const struct rast_op *ops;
};

const struct rast_instance *rast_controller_instance(const struct rast_controller *c);
/* What pods there are, as for everybody in the controller. */
struct rast_state_cache *rast_controller_states(const struct rast_controller *c);
/* The state that the named feature's load() returned; NULL when it is not loaded. */
void *rast_controller_state(const struct rast_controller *c, const char *feature);
/*
 * Sends an event to every sink (audit log, subscribers) of `stream` ("audit", "flow", "anomaly",
 * "log"). json is taken; time, container and identity have been added already for kernel events.
 * Kernel events are published by the controller itself after the first on_event() that returned 1:
 * verdicts as "flow", anomalies as "anomaly", the rest as "audit", unless on_event() put another name
 * into "stream".
 */
void rast_controller_publish(struct rast_controller *c, const char *stream, json_t *json);

#endif
