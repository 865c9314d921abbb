/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events as audit records: JSON objects with ECS field names (docs/audit.md is the schema). Whatever
 * came from a container (arguments, names) is made valid UTF-8 here, and JSON escapes the rest.
 */
#ifndef RAST_AUDIT_AUDIT_H
#define RAST_AUDIT_AUDIT_H

#include "base/json.h"
#include "bpf/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Turns what the controller knows of a kernel event (time, namespace, pod, container, slot, identity,
 * seq, cpu, pid, uid, comm: flat) into an audit record, in place. False when the type is not an
 * audited one or the record is shorter than its type: json is as it was then.
 */
bool rast_audit_from_event(const struct rast_event *ev, size_t size, json_t *json);
/*
 * A record of something an administrator or the controller did: {"action", and optionally "kind",
 * "name", "namespace", "pod", "container", "message", "outcome"} and whatever else goes below "rast".
 * The name of a pod or container ("ns/pod", "ns/pod/container") is taken apart. NULL when there is no
 * action.
 */
json_t *rast_audit_from_record(const json_t *args, uint64_t realtime_ns);
/* Who did it. Last, so that nothing the record was made of can say otherwise. */
void rast_audit_set_actor(json_t *record, uint32_t uid, int32_t pid);
/* A denied flow of the stream "flow" → record; NULL when it was not denied. */
json_t *rast_audit_from_flow(const json_t *flow, uint64_t realtime_ns);
/* A finding of the stream "anomaly" → record. */
json_t *rast_audit_from_anomaly(const json_t *finding, uint64_t realtime_ns);
/* `lost` events of a ring are missing before this record. */
json_t *rast_audit_loss(enum rast_ring ring, uint64_t lost, uint64_t total, uint64_t realtime_ns);

/* Bytes as a JSON string: what is not UTF-8 (and NUL) becomes \xHH. */
json_t *rast_audit_string(const char *bytes, size_t len);
/* One line for a person: "12:00:01 shop/web/web  exec  nginx[123]  nginx -g daemon off;" */
const char *rast_audit_line(const json_t *record, char *buf, size_t size);

#endif
