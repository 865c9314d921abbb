/* SPDX-License-Identifier: BSD-2-Clause */
/* A question that was not let out, as JSON. */
#ifndef RAST_POLICY_DNS_EVENT_H
#define RAST_POLICY_DNS_EVENT_H

#include "base/json.h"
#include "bpf/names.h"

/*
 * Adds type "dns", verdict, reason ("name", "malformed", "split"), name and question type, the server as
 * src-less dst and dst_port, and how many questions it stands for as packets.
 */
void rast_dns_event_describe(const struct rast_event_dns *ev, json_t *json);

#endif
