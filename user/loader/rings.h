/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads what the kernel halves send: every per-CPU ring and the priority ring behind one epoll fd.
 * The place up to which was read is kept in the rings themselves: a reader that was killed is
 * continued by the next one. There must be only one reader.
 */
#ifndef RAST_LOADER_RINGS_H
#define RAST_LOADER_RINGS_H

#include "base/err.h"
#include "base/instance.h"
#include "bpf/event.h"

#include <stddef.h>
#include <stdint.h>

struct rast_rings;

/* `ev` lies in the ring: valid during the call only. size >= sizeof(*ev) has been checked. */
typedef void (*rast_rings_fn)(void *arg, const struct rast_event *ev, size_t size);

/* -ENOENT when no kernel half that has rings is loaded. */
int rast_rings_open(const struct rast_instance *in, rast_rings_fn fn, void *arg,
		    struct rast_rings **ret, struct rast_err *err);
void rast_rings_destroy(struct rast_rings *r);
/* Readable when there is something; level-triggered. */
int rast_rings_fd(const struct rast_rings *r);
/*
 * Hands over at most `max` records, those of the priority ring first, and looks there again between
 * two batches of a CPU's ring. Returns how many; there may be more.
 */
unsigned int rast_rings_drain(struct rast_rings *r, unsigned int max);
/* Records missing in the sequence since this reader opened the rings, by enum rast_ring. */
void rast_rings_gaps(const struct rast_rings *r, uint64_t ret[RAST_RING_MAX]);
/* The kernel's own count, exact, summed over CPUs, since the maps were made. */
int rast_rings_stats(const struct rast_rings *r, struct rast_event_stats ret[RAST_RING_MAX]);

#endif
