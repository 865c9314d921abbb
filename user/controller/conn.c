// SPDX-License-Identifier: BSD-2-Clause
/*
 * Connections of the control socket. A connection is a line buffer in, a byte buffer out, and perhaps
 * a subscription; nothing here ever waits for a peer: what it does not read is bounded, counted and
 * dropped.
 */
#include "controller/controller.h"

#include "base/fd.h"
#include "base/log.h"
#include "controller/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_CONNS 256u
#define MAX_INPUT (128u << 20)  /* of all connections together */
#define MAX_STREAM (1u << 20)   /* unsent bytes of a subscriber before events are left out */
#define MAX_UNREAD (64u << 20)  /* unsent answers before requests are left unread */
#define STUCK_NS 30000000000ull /* a subscriber that reads nothing for so long is closed */

struct rast_client_conn {
	struct rast_source source; /* first member: the loop hands us this */
	struct rast_controller *c;
	struct rast_client_conn *next, *prev;
	struct rast_actor actor;
	char *in;
	size_t in_len, in_cap, in_scanned;
	char *out;
	size_t out_len, out_cap, out_sent;
	bool closing; /* once everything is sent */
	bool subscribed;
	char stream[32]; /* "all" or a stream's name */
	json_t *filters;
	uint64_t lost, progress_ns;
};

static void conn_close(struct rast_client_conn *k)
{
	struct rast_controller *c = k->c;

	if (k->source.dead)
		return;
	if (k->prev)
		k->prev->next = k->next;
	else
		c->conns = k->next;
	if (k->next)
		k->next->prev = k->prev;
	c->n_conns--;
	c->input_bytes -= k->in_cap;
	rast_source_remove(c, &k->source);
}

static void conn_destroy(struct rast_source *s)
{
	struct rast_client_conn *k = (struct rast_client_conn *)s;

	free(k->in);
	free(k->out);
	json_decref(k->filters);
	free(k);
}

static int buffer(struct rast_client_conn *k, const char *data, size_t len)
{
	if (k->out_sent) {
		memmove(k->out, k->out + k->out_sent, k->out_len - k->out_sent);
		k->out_len -= k->out_sent;
		k->out_sent = 0;
	}
	if (k->out_cap - k->out_len < len) {
		size_t cap = k->out_cap ? k->out_cap : 4096;
		char *more;

		while (cap - k->out_len < len)
			cap *= 2;
		more = realloc(k->out, cap);
		if (!more)
			return -ENOMEM;
		k->out = more;
		k->out_cap = cap;
	}
	memcpy(k->out + k->out_len, data, len);
	k->out_len += len;
	return 0;
}

/* Sends what the peer takes now. Closes the connection when it is over. */
static void conn_flush(struct rast_client_conn *k)
{
	while (k->out_sent < k->out_len) {
		ssize_t n = send(k->source.fd, k->out + k->out_sent, k->out_len - k->out_sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			conn_close(k);
			return;
		}
		if (n < 0)
			break;
		k->out_sent += (size_t)n;
		k->progress_ns = rast_clock_ns();
	}
	if (k->out_sent == k->out_len) {
		k->out_sent = k->out_len = 0;
		if (k->closing) {
			conn_close(k);
			return;
		}
	}
	(void)rast_source_change(
		k->c, &k->source,
		(k->closing || k->out_len - k->out_sent > MAX_UNREAD ? 0 : EPOLLIN) |
			(k->out_len ? EPOLLOUT : 0));
}

/* obj is taken. */
static void conn_send(struct rast_client_conn *k, json_t *obj)
{
	char *text = json_dumps(obj, JSON_COMPACT);

	json_decref(obj);
	if (!text || buffer(k, text, strlen(text)) < 0 || buffer(k, "\n", 1) < 0) {
		rast_log(RAST_LOG_ERR, "answer does not fit into memory; connection closed");
		k->closing = true;
		k->out_sent = k->out_len;
	}
	free(text);
}

static void send_error(struct rast_client_conn *k, int code, const char *text)
{
	struct rast_err err = {0};

	(void)rast_err_set(&err, code, "%s", text);
	conn_send(k, rast_answer_error(&err));
}

static int subscribe(struct rast_client_conn *k, const json_t *args, struct rast_err *err)
{
	const char *stream = rast_json_str(args, "stream");
	json_t *filters = json_object_get(args, "filters");
	int r = rast_filter_check(filters, err);

	if (r < 0)
		return r;
	if (k->subscribed)
		return rast_err_set(err, EALREADY, "this connection follows a stream already");
	if (strlen(stream) >= sizeof(k->stream))
		return rast_err_set(err, EINVAL, "\"stream\" is too long");
	(void)snprintf(k->stream, sizeof(k->stream), "%s", *stream ? stream : "all");
	k->filters = json_is_object(filters) ? json_incref(filters) : NULL;
	k->subscribed = true;
	k->progress_ns = rast_clock_ns();
	if (rast_json_bool(args, "hello"))
		conn_send(k, json_pack("{s:{s:s, s:s}}", "event", "type", "hello", "stream",
				       k->stream));
	return 0;
}

static void handle_line(struct rast_client_conn *k, const char *line, size_t len)
{
	struct rast_request req = {.args = NULL};
	struct rast_err err = {0};
	json_t *result = NULL;
	int r;

	k->c->requests++;
	r = rast_request_parse(line, len, &req, &err);
	if (!r && !strcmp(req.op, "stream.follow")) {
		r = subscribe(k, req.args, &err);
		if (!r) {
			rast_request_finish(&req);
			return;
		}
	} else if (!r) {
		r = rast_ops_call(k->c, req.op, &k->actor, req.args, &result, &err);
	}
	rast_request_finish(&req);
	if (r < 0) {
		if (!err.code)
			(void)rast_err_sys(&err, -r, "request failed");
		conn_send(k, rast_answer_error(&err));
		json_decref(result);
		return;
	}
	conn_send(k, rast_answer_ok(result));
}

static void handle_input(struct rast_client_conn *k)
{
	size_t start = 0;

	while (!k->closing && k->out_len - k->out_sent <= MAX_UNREAD) {
		size_t from = k->in_scanned > start ? k->in_scanned : start;
		char *end = k->in_len > from ? memchr(k->in + from, '\n', k->in_len - from) : NULL;

		if (!end)
			break;
		if (end > k->in + start)
			handle_line(k, k->in + start, (size_t)(end - k->in) - start);
		start = (size_t)(end - k->in) + 1;
	}
	if (start) {
		memmove(k->in, k->in + start, k->in_len - start);
		k->in_len -= start;
		k->in_scanned = 0;
		/* What a huge line needed is given back. */
		if (k->in_cap > 65536 && k->in_len == 0) {
			k->c->input_bytes -= k->in_cap;
			free(k->in);
			k->in = NULL;
			k->in_cap = 0;
		}
	} else {
		k->in_scanned = k->in_len;
	}
	if (!k->closing && k->in_scanned == k->in_len && k->in_len >= RAST_CONTROL_MAX_LINE) {
		send_error(k, EMSGSIZE, "request line is too long");
		k->closing = true;
	}
}

static int make_room(struct rast_client_conn *k)
{
	size_t cap = k->in_cap ? k->in_cap * 2 : 16384;
	char *more;

	if (k->in_len < k->in_cap)
		return 0;
	if (cap > RAST_CONTROL_MAX_LINE + 1)
		cap = RAST_CONTROL_MAX_LINE + 1;
	if (k->c->input_bytes + cap - k->in_cap > MAX_INPUT)
		return -ENOBUFS;
	more = realloc(k->in, cap);
	if (!more)
		return -ENOMEM;
	k->c->input_bytes += cap - k->in_cap;
	k->in = more;
	k->in_cap = cap;
	return 0;
}

static void conn_ready(struct rast_controller *c, struct rast_source *s, uint32_t events)
{
	struct rast_client_conn *k = (struct rast_client_conn *)s;

	/* One read a turn: nobody keeps the loop for himself. */
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !k->closing) {
		ssize_t n;

		if (make_room(k) < 0) {
			send_error(k, ENOBUFS, "too much unread input on all connections");
			k->closing = true;
			conn_flush(k);
			return;
		}
		n = recv(k->source.fd, k->in + k->in_len, k->in_cap - k->in_len, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			/* A subscriber ends by closing; half-closed askers still get their answers. */
			if (n < 0 || k->subscribed || k->out_len == k->out_sent) {
				conn_close(k);
				return;
			}
			k->closing = true;
		}
		if (n > 0) {
			k->in_len += (size_t)n;
			handle_input(k);
		}
	} else if (events & (EPOLLHUP | EPOLLERR)) {
		conn_close(k);
		return;
	} else if ((events & EPOLLOUT) && k->in_len) {
		handle_input(k); /* requests that waited for their peer to read */
	}
	conn_flush(k);
}

static void accept_one(struct rast_controller *c, struct rast_source *s, uint32_t events)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct rast_client_conn *k;
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t len = sizeof(cred);

	if (fd < 0)
		return;
	k = calloc(1, sizeof(*k));
	if (!k) {
		(void)close(fd);
		return;
	}
	k->source = (struct rast_source){.fd = fd, .fn = conn_ready, .destroy = conn_destroy};
	k->c = c;
	if (rast_source_add(c, &k->source, EPOLLIN) < 0) {
		(void)close(fd);
		free(k);
		return;
	}
	k->next = c->conns;
	if (c->conns)
		c->conns->prev = k;
	c->conns = k;
	c->n_conns++;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    (cred.uid != 0 && cred.uid != geteuid())) {
		c->refused++;
		rast_log(RAST_LOG_WARN, "refused a connection pid=%d uid=%u", cred.pid, cred.uid);
		send_error(k, EPERM, "only root may talk to the controller");
		k->closing = true;
	} else if (c->n_conns > MAX_CONNS) {
		c->refused++;
		send_error(k, EBUSY, "too many connections");
		k->closing = true;
	}
	k->actor = (struct rast_actor){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
	conn_flush(k);
}

int rast_conn_listen(struct rast_controller *c, struct rast_err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int r = 0;

	if (fd < 0)
		return rast_err_sys(err, errno, "control socket");
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", c->in.socket);
	/* We hold the lock: what lies there is of a controller that was killed. */
	(void)unlink(c->in.socket);
	mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 128) < 0)
		r = rast_err_sys(err, errno, "%s", c->in.socket);
	(void)umask(mask);
	c->listener = (struct rast_source){.fd = fd, .fn = accept_one};
	if (!r)
		r = rast_source_add(c, &c->listener, EPOLLIN);
	if (r < 0)
		rast_closep(&c->listener.fd);
	return r < 0 ? rast_err_sys(err, -r, "control socket") : 0;
}

void rast_conn_publish(struct rast_controller *c, const char *stream, const json_t *json)
{
	_cleanup_free_ char *text = NULL;
	struct rast_client_conn *k, *next;
	size_t len = 0;

	for (k = c->conns; k; k = next) {
		next = k->next;
		if (!k->subscribed || k->closing ||
		    (strcmp(k->stream, "all") != 0 && strcmp(k->stream, stream) != 0) ||
		    !rast_filter_match(k->filters, json))
			continue;
		if (k->out_len - k->out_sent > MAX_STREAM) {
			k->lost++;
			c->lost_by_subscribers++;
			if (rast_clock_ns() - k->progress_ns > STUCK_NS) {
				rast_log(RAST_LOG_WARN,
					 "closed a subscriber that reads nothing pid=%d lost=%llu",
					 k->actor.pid, (unsigned long long)k->lost);
				conn_close(k);
			}
			continue;
		}
		if (k->lost) {
			conn_send(k, json_pack("{s:{s:s, s:I}}", "event", "type", "lost", "count",
					       (json_int_t)k->lost));
			k->lost = 0;
		}
		if (!text) {
			text = json_dumps(json, JSON_COMPACT);
			if (!text)
				return;
			len = strlen(text);
		}
		if (buffer(k, "{\"event\":", 9) < 0 || buffer(k, text, len) < 0 ||
		    buffer(k, "}\n", 2) < 0) {
			conn_close(k);
			continue;
		}
		conn_flush(k);
	}
}

void rast_conn_close_all(struct rast_controller *c)
{
	struct rast_client_conn *k, *next;

	for (k = c->conns; k; k = next) {
		next = k->next;
		if (k->subscribed && !k->closing)
			conn_send(k, rast_answer_ok(NULL));
		k->closing = true;
		conn_flush(k);
	}
	while (c->conns)
		conn_close(c->conns);
}

size_t rast_conn_subscribers(const struct rast_controller *c)
{
	size_t n = 0;

	for (const struct rast_client_conn *k = c->conns; k; k = k->next)
		n += k->subscribed;
	return n;
}
