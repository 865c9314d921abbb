// SPDX-License-Identifier: BSD-2-Clause
/*
 * The loop. Start order: lock, features (kernel halves found again or loaded), rings, socket; so
 * whoever can connect meets a controller that is complete. Stop leaves everything pinned: the kernel
 * goes on, and the next controller continues where the rings were left.
 */
#include "controller/controller.h"

#include "base/fd.h"
#include "base/log.h"
#include "container/state_cache.h"
#include "loader/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_read(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t rast_clock_ns(void)
{
	return clock_read(CLOCK_BOOTTIME);
}

const struct rast_instance *rast_controller_instance(const struct rast_controller *c)
{
	return &c->in;
}

struct rast_state_cache *rast_controller_states(const struct rast_controller *c)
{
	return c->states;
}

void *rast_controller_state(const struct rast_controller *c, const char *feature)
{
	for (size_t i = 0; i < c->n_features; i++)
		if (c->features[i].status == RAST_FEATURE_ACTIVE &&
		    !strcmp(c->features[i].feature->name, feature))
			return c->features[i].state;
	return NULL;
}

int rast_source_add(struct rast_controller *c, struct rast_source *s, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, s->fd, &ev) < 0 ? -errno : 0;
}

int rast_source_change(struct rast_controller *c, struct rast_source *s, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, s->fd, &ev) < 0 ? -errno : 0;
}

void rast_source_remove(struct rast_controller *c, struct rast_source *s)
{
	if (s->dead)
		return;
	s->dead = true;
	(void)epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	rast_closep(&s->fd);
	s->fd = -1;
	s->next_dead = c->dead;
	c->dead = s;
}

static void bury(struct rast_controller *c)
{
	while (c->dead) {
		struct rast_source *s = c->dead;

		c->dead = s->next_dead;
		if (s->destroy)
			s->destroy(s);
	}
}

static void on_signal(struct rast_controller *c, struct rast_source *s, uint32_t events)
{
	struct signalfd_siginfo si;

	while (read(s->fd, &si, sizeof(si)) == sizeof(si)) {
		rast_log(RAST_LOG_INFO, "stopping signal=%u pid=%u", si.ssi_signo, si.ssi_pid);
		c->stopping = true;
	}
}

static void on_timer(struct rast_controller *c, struct rast_source *s, uint32_t events)
{
	uint64_t n, now = rast_clock_ns();

	if (read(s->fd, &n, sizeof(n)) != sizeof(n))
		return;
	/* The wall clock may have been set meanwhile. */
	c->boot_to_real_ns = (int64_t)clock_read(CLOCK_REALTIME) - (int64_t)now;
	rast_log_file_tick(c);
	rast_events_open(c);
	for (size_t i = 0; i < c->n_features; i++) {
		struct rast_active_feature *f = &c->features[i];

		if (f->status == RAST_FEATURE_ACTIVE && f->feature->tick)
			f->feature->tick(c, f->state, now);
	}
	if (c->watchdog_ns && now - c->watchdog_last_ns + 1000000000u > c->watchdog_ns) {
		rast_startup_notify("WATCHDOG=1");
		c->watchdog_last_ns = now;
	}
}

static void on_inotify(struct rast_controller *c, struct rast_source *s, uint32_t events)
{
	rast_names_changed(c->names);
}

static int take_lock(struct rast_controller *c, struct rast_err *err)
{
	_cleanup_free_ char *text = NULL;
	char path[96];
	int r;

	(void)snprintf(path, sizeof(path), "%s/rastd.lock", c->in.run_dir);
	r = rast_lock_file(path, 0, &c->lock_fd);
	if (r == -EWOULDBLOCK) {
		(void)rast_read_file(AT_FDCWD, path, 64, &text, NULL);
		return rast_err_set(err, EBUSY, "another controller runs for instance %s (pid %d)",
				    c->in.name, text ? atoi(text) : 0);
	}
	if (r < 0)
		return rast_err_sys(err, -r, "%s", path);
	(void)snprintf(path, sizeof(path), "%d\n", (int)getpid());
	if (ftruncate(c->lock_fd, 0) < 0 || rast_write_all(c->lock_fd, path, strlen(path)) < 0)
		return rast_err_sys(err, errno, "%s/rastd.lock", c->in.run_dir);
	return 0;
}

static void start_feature(struct rast_controller *c, const struct rast_feature *f)
{
	struct rast_active_feature *a = &c->features[c->n_features++];
	struct rast_err err = {0};
	int r = 0;

	*a = (struct rast_active_feature){.feature = f, .status = RAST_FEATURE_FAILED};
	if (f->supported)
		r = f->supported(c, &err);
	if (r < 0) {
		if (r == -EOPNOTSUPP)
			a->status = RAST_FEATURE_UNSUPPORTED;
	} else {
		if (f->load)
			r = f->load(c, &a->state, &err);
		if (!r && f->attach) {
			r = f->attach(c, a->state, &err);
			if (r < 0 && f->unload)
				f->unload(c, a->state);
		}
		if (r == -EOPNOTSUPP)
			a->status = RAST_FEATURE_UNSUPPORTED;
	}
	if (r < 0) {
		char text[640];

		if (!err.code)
			(void)rast_err_sys(&err, -r, "start");
		(void)rast_err_format(&err, text, sizeof(text));
		(void)snprintf(a->reason, sizeof(a->reason), "%.255s", text);
		a->state = NULL;
		rast_log(a->status == RAST_FEATURE_FAILED ? RAST_LOG_ERR : RAST_LOG_INFO,
			 "feature=%s is not active: %s", f->name, text);
		/* Only rastd --debug says this much. */
		if (*rast_loader_log())
			rast_log(RAST_LOG_DEBUG, "feature=%s log:\n%s", f->name, rast_loader_log());
		return;
	}
	a->status = RAST_FEATURE_ACTIVE;
	rast_log(RAST_LOG_INFO, "feature=%s active", f->name);
}

static int open_sources(struct rast_controller *c, struct rast_err *err)
{
	const struct itimerspec second = {{1, 0}, {1, 0}};
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->signals = (struct rast_source){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
					  .fn = on_signal};
	c->timer = (struct rast_source){
		.fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK), .fn = on_timer};
	if (c->epoll_fd < 0 || c->signals.fd < 0 || c->timer.fd < 0 ||
	    timerfd_settime(c->timer.fd, 0, &second, NULL) < 0)
		return rast_err_sys(err, errno, "event loop");
	r = rast_source_add(c, &c->signals, EPOLLIN);
	if (!r)
		r = rast_source_add(c, &c->timer, EPOLLIN);
	c->states = rast_state_cache_create(&c->in);
	c->names = c->states ? rast_names_create(&c->in, c->states) : NULL;
	if (!c->names)
		r = -ENOMEM;
	if (!r && rast_names_fd(c->names) >= 0) {
		c->inotify = (struct rast_source){.fd = rast_names_fd(c->names), .fn = on_inotify};
		r = rast_source_add(c, &c->inotify, EPOLLIN);
	}
	return r < 0 ? rast_err_sys(err, -r, "event loop") : 0;
}

int rast_controller_start(struct rast_controller *c, const struct rast_instance *in,
			  struct rast_err *err)
{
	int r;

	*c = (struct rast_controller){.in = *in, .epoll_fd = -1, .lock_fd = -1};
	c->signals.fd = c->timer.fd = c->listener.fd = c->ring_source.fd = c->inotify.fd = -1;
	c->started_ns = rast_clock_ns();
	c->boot_to_real_ns = (int64_t)clock_read(CLOCK_REALTIME) - (int64_t)c->started_ns;
	r = rast_mkdir_p(c->in.run_dir, 0755);
	if (r < 0)
		return rast_err_sys(err, -r, "%s", c->in.run_dir);
	r = take_lock(c, err);
	if (r < 0)
		return r;
	r = open_sources(c, err);
	if (r < 0)
		return r;
	for (size_t i = 0; rast_features[i] && i < RAST_MAX_FEATURES; i++)
		start_feature(c, rast_features[i]);
	rast_events_open(c);
	return rast_conn_listen(c, err);
}

int rast_controller_run(struct rast_controller *c, struct rast_err *err)
{
	struct epoll_event ev[64];

	c->watchdog_ns = rast_startup_watchdog_ns();
	while (!c->stopping) {
		int n = epoll_wait(c->epoll_fd, ev, ARRAY_SIZE(ev), -1);

		if (n < 0 && errno != EINTR)
			return rast_err_sys(err, errno, "event loop");
		for (int i = 0; i < n; i++) {
			struct rast_source *s = ev[i].data.ptr;

			if (!s->dead)
				s->fn(c, s, ev[i].events);
		}
		bury(c);
	}
	return 0;
}

void rast_controller_stop(struct rast_controller *c)
{
	/* From here on nobody new gets in, and a starter finds no controller. */
	if (c->listener.fd >= 0) {
		(void)unlink(c->in.socket);
		rast_closep(&c->listener.fd);
	}
	rast_conn_close_all(c);
	bury(c);
	rast_events_close(c);
	for (size_t i = c->n_features; i-- > 0;) {
		struct rast_active_feature *f = &c->features[i];

		if (f->status == RAST_FEATURE_ACTIVE && f->feature->unload)
			f->feature->unload(c, f->state);
		f->status = RAST_FEATURE_FAILED;
	}
	bury(c);
	rast_names_destroy(c->names);
	c->names = NULL;
	rast_state_cache_destroy(c->states);
	c->states = NULL;
	rast_closep(&c->signals.fd);
	rast_closep(&c->timer.fd);
	rast_closep(&c->epoll_fd);
	/* Last: a successor must find everything closed, RocksDB above all. */
	rast_closep(&c->lock_fd);
}
