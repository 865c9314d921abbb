/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The controller's own state, for the files of this folder; features see only control.h. One thread,
 * one epoll loop: whatever may block is given a bound or a process of its own.
 */
#ifndef RAST_CONTROLLER_CONTROLLER_H
#define RAST_CONTROLLER_CONTROLLER_H

#include "controller/control.h"
#include "controller/names.h"
#include "loader/rings.h"

#include <stdbool.h>
#include <sys/types.h>

#define RAST_MAX_FEATURES 16

/* Something the loop waits for. */
struct rast_source {
	int fd;
	void (*fn)(struct rast_controller *c, struct rast_source *s, uint32_t events);
	bool dead; /* removed while the loop has events of it in hand */
	struct rast_source *next_dead;
	void (*destroy)(struct rast_source *s);
};

enum rast_feature_status { RAST_FEATURE_UNSUPPORTED, RAST_FEATURE_FAILED, RAST_FEATURE_ACTIVE };

struct rast_active_feature {
	const struct rast_feature *feature;
	enum rast_feature_status status;
	char reason[256];
	void *state;
};

struct rast_controller {
	struct rast_instance in;
	int epoll_fd, lock_fd;
	bool stopping;
	uint64_t started_ns; /* CLOCK_BOOTTIME */
	int64_t boot_to_real_ns;
	struct rast_active_feature features[RAST_MAX_FEATURES];
	size_t n_features;
	struct rast_rings *rings;
	struct rast_state_cache *states;
	struct rast_names *names;
	struct rast_source signals, timer, listener, ring_source, inotify;
	struct rast_source *dead;
	struct rast_client_conn *conns; /* list */
	size_t n_conns, input_bytes;
	uint64_t events, published, requests, lost_by_subscribers, refused;
	uint64_t watchdog_ns, watchdog_last_ns;
};

/* controller/features.c: in the order of start; ends with NULL. */
extern const struct rast_feature *const rast_features[];

/* Locks the instance, loads the features, listens. Undone by rast_controller_stop(). */
int rast_controller_start(struct rast_controller *c, const struct rast_instance *in,
			  struct rast_err *err);
/* Until SIGTERM, SIGINT or daemon.stop. */
int rast_controller_run(struct rast_controller *c, struct rast_err *err);
/* Whatever start did; also after a failed start. Pins stay. */
void rast_controller_stop(struct rast_controller *c);

int rast_source_add(struct rast_controller *c, struct rast_source *s, uint32_t events);
int rast_source_change(struct rast_controller *c, struct rast_source *s, uint32_t events);
/* Closes the fd; destroy() is called once no event of it is in hand any more. */
void rast_source_remove(struct rast_controller *c, struct rast_source *s);

/* conn.c */
int rast_conn_listen(struct rast_controller *c, struct rast_err *err);
void rast_conn_publish(struct rast_controller *c, const char *stream, const json_t *json);
void rast_conn_close_all(struct rast_controller *c);
size_t rast_conn_subscribers(const struct rast_controller *c);

/* ops.c */
int rast_ops_call(struct rast_controller *c, const char *op, const struct rast_actor *actor,
		  const json_t *args, json_t **ret_result, struct rast_err *err);
json_t *rast_ops_features(struct rast_controller *c);

/* events.c */
void rast_events_open(struct rast_controller *c);
void rast_events_close(struct rast_controller *c);

/* log_file.c: once a second. */
void rast_log_file_tick(const struct rast_controller *c);

/* startup.c */
void rast_startup_notify(const char *text);
/* 0: systemd wants no sign of life. */
uint64_t rast_startup_watchdog_ns(void);
int rast_startup_drop_capabilities(struct rast_err *err);

uint64_t rast_clock_ns(void); /* CLOCK_BOOTTIME */

#endif
