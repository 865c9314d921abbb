/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stage for the tests of the observing programs: a cgroup at the contract's level, registered as a
 * container, rings of a chosen size, and children that are born in it. Everything it made goes away at
 * exit, also after a failed test or a signal.
 */
#ifndef RAST_SELFTESTS_BPF_OBSERVE_H
#define RAST_SELFTESTS_BPF_OBSERVE_H

#include "bpf/container.h"
#include "bpf/event.h"
#include "selftests/lib/tap.h"

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct stage {
	char root[256]; /* of cgroup2 */
	char instance[300], container[400];
	char v1_memory[400]; /* of the container, where memory is a v1 controller; else "" */
	int instance_fd, container_fd;
	uint64_t cgroup_id;
	/* The shared maps, by fd. */
	int ring_by_cpu, priority_ring, event_stats, container_by_cgroup;
	struct ring_buffer *reader;
};
extern struct stage stage;

/* Makes cgroups and maps; exits with SKIP when this cannot run here. ring_bytes: of each ring. */
void stage_open(const char *name, uint32_t slot, uint32_t ring_bytes);
/* Makes an object use the stage's maps; between open and load. */
void stage_share(struct bpf_object *obj);
/* Prints the number of instructions the verifier looked at, for each program. */
void stage_print_verified(struct bpf_object *obj);
/* Attaches every program: cgroup programs at the instance's cgroup, iterators not at all. */
void stage_attach(struct bpf_object *obj);
void stage_detach(struct bpf_object *obj);
/* Registers a cgroup as container. */
void stage_register(uint64_t cgroup_id, uint32_t slot);
struct rast_container stage_record(uint64_t cgroup_id);

/* Runs fn in a child that is born in the container's cgroup (inside) or in ours. */
pid_t stage_spawn(bool inside, int (*fn)(void *arg), void *arg);
/* … and waits; the status as wait(2) gives it. */
int stage_run(bool inside, int (*fn)(void *arg), void *arg);

/* fn sees each event of all rings until they are empty. Returns how many. */
int stage_drain(void (*fn)(void *arg, const struct rast_event *ev, size_t size), void *arg);
/* Sum over CPUs. */
struct rast_event_stats stage_stats(enum rast_ring ring);
uint64_t cgroup_id_of(const char *path);
uint64_t now_ns(void);

#endif
