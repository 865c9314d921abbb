// SPDX-License-Identifier: BSD-2-Clause
/*
 * The shop's HTTP service: keeps items in redis. What runs in the "api" pod of the example.
 *
 *   GET  /health  {"status":"ok"}                    answers also when redis is away
 *   GET  /items   {"items":["chair","lamp"]}         oldest first, at most 1000
 *   POST /items   the body is the item, 1..1024 bytes of text; 201 {"count":3}
 *   GET  /count   {"count":3}
 * 503 when redis does not answer within a second. REDIS_HOST, REDIS_PORT, PORT come from the environment.
 */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 1024
#define ITEMS_MAX 1000

struct shop {
	const char *host;
	int port;
	redisContext *redis; /* NULL: not connected; one thread serves, so it needs no lock */
};

struct body {
	size_t len;
	bool too_long;
	char text[BODY_MAX];
};

static int port_of(const char *name, int preset)
{
	const char *text = getenv(name);
	char *end;
	long v;

	if (!text || !*text)
		return preset;
	v = strtol(text, &end, 10);
	if (*end || v < 1 || v > 65535) {
		fprintf(stderr, "shop-api: %s=%s is no port\n", name, text);
		exit(2);
	}
	return (int)v;
}

/* One command; connects when needed and once more when the connection turns out to be dead. */
static redisReply *ask(struct shop *s, const char *command, const char *arg, size_t len)
{
	const struct timeval limit = {.tv_sec = 1};

	for (int attempt = 0; attempt < 2; attempt++) {
		bool fresh = !s->redis;
		redisReply *reply;

		if (fresh) {
			s->redis = redisConnectWithTimeout(s->host, s->port, limit);
			if (!s->redis)
				return NULL;
			if (s->redis->err || redisSetTimeout(s->redis, limit) != REDIS_OK) {
				fprintf(stderr, "shop-api: redis at %s:%d: %s\n", s->host, s->port,
					s->redis->errstr);
				redisFree(s->redis);
				s->redis = NULL;
				return NULL;
			}
		}
		reply = arg ? redisCommand(s->redis, command, arg, len)
			    : redisCommand(s->redis, command);
		if (reply && reply->type != REDIS_REPLY_ERROR)
			return reply;
		fprintf(stderr, "shop-api: redis at %s:%d: %s\n", s->host, s->port,
			reply ? reply->str : s->redis->errstr);
		freeReplyObject(reply);
		/* A time-out says that redis is away; end of file, that the connection was old. */
		bool timed_out = s->redis->err == REDIS_ERR_IO && errno == EAGAIN;

		redisFree(s->redis);
		s->redis = NULL;
		if (fresh || timed_out)
			return NULL;
	}
	return NULL;
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned int status, const char *text,
			      size_t len)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(len, (void *)(size_t)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result ok;

	if (!r)
		return MHD_NO;
	(void)MHD_add_response_header(r, "Content-Type", "application/json");
	ok = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result answer_text(struct MHD_Connection *c, unsigned int status, const char *text)
{
	return answer(c, status, text, strlen(text));
}

static enum MHD_Result answer_count(struct MHD_Connection *c, unsigned int status, redisReply *r)
{
	char text[64];

	if (!r)
		return answer_text(c, 503, "{\"error\":\"the database does not answer\"}\n");
	(void)snprintf(text, sizeof(text), "{\"count\":%lld}\n", r->integer);
	freeReplyObject(r);
	return answer_text(c, status, text);
}

static void put_string(FILE *f, const char *text, size_t len)
{
	(void)fputc('"', f);
	for (size_t i = 0; i < len; i++) {
		unsigned char b = (unsigned char)text[i];

		if (b == '"' || b == '\\')
			(void)fprintf(f, "\\%c", b);
		else if (b < 0x20)
			(void)fprintf(f, "\\u%04x", b);
		else
			(void)fputc(b, f);
	}
	(void)fputc('"', f);
}

static enum MHD_Result answer_items(struct MHD_Connection *c, redisReply *r)
{
	enum MHD_Result ok;
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (!r)
		return answer_text(c, 503, "{\"error\":\"the database does not answer\"}\n");
	f = open_memstream(&text, &len);
	if (!f) {
		freeReplyObject(r);
		return MHD_NO;
	}
	(void)fputs("{\"items\":[", f);
	for (size_t i = 0; i < r->elements; i++) {
		if (i)
			(void)fputc(',', f);
		put_string(f, r->element[i]->str, r->element[i]->len);
	}
	(void)fputs("]}\n", f);
	freeReplyObject(r);
	ok = fclose(f) ? MHD_NO : answer(c, 200, text, len);
	free(text);
	return ok;
}

static enum MHD_Result add_item(struct shop *s, struct MHD_Connection *c, const struct body *b)
{
	redisReply *r;

	if (b->too_long)
		return answer_text(c, 413, "{\"error\":\"an item has at most 1024 bytes\"}\n");
	if (!b->len)
		return answer_text(c, 400, "{\"error\":\"an item cannot be empty\"}\n");
	r = ask(s, "RPUSH items %b", b->text, b->len);
	if (r) {
		/* The list is bounded: whoever adds drops the oldest. */
		redisReply *trim = ask(s, "LTRIM items -1000 -1", NULL, 0);

		freeReplyObject(trim);
		if (r->integer > ITEMS_MAX)
			r->integer = ITEMS_MAX;
	}
	return answer_count(c, 201, r);
}

/* Called once with the headers, then with pieces of the body, then once more without any. */
static enum MHD_Result serve(void *arg, struct MHD_Connection *c, const char *url,
			     const char *method, const char *version, const char *data,
			     size_t *size, void **state)
{
	bool get = !strcmp(method, "GET") || !strcmp(method, "HEAD");
	struct body *b = *state;
	struct shop *s = arg;

	(void)version;
	if (!b) {
		*state = calloc(1, sizeof(*b));
		return *state ? MHD_YES : MHD_NO;
	}
	if (*size) {
		if (*size > BODY_MAX - b->len)
			b->too_long = true;
		else
			memcpy(b->text + b->len, data, *size);
		b->len += b->too_long ? 0 : *size;
		*size = 0;
		return MHD_YES;
	}
	if (get && !strcmp(url, "/health"))
		return answer_text(c, 200, "{\"status\":\"ok\"}\n");
	if (get && !strcmp(url, "/items"))
		return answer_items(c, ask(s, "LRANGE items 0 999", NULL, 0));
	if (get && !strcmp(url, "/count"))
		return answer_count(c, 200, ask(s, "LLEN items", NULL, 0));
	if (!strcmp(method, "POST") && !strcmp(url, "/items"))
		return add_item(s, c, b);
	if (!strcmp(url, "/items") || !strcmp(url, "/count") || !strcmp(url, "/health"))
		return answer_text(c, 405, "{\"error\":\"this cannot be done here\"}\n");
	return answer_text(c, 404,
			   "{\"error\":\"there is GET /items, POST /items, GET /count and "
			   "GET /health\"}\n");
}

static void done(void *arg, struct MHD_Connection *c, void **state,
		 enum MHD_RequestTerminationCode why)
{
	(void)arg;
	(void)c;
	(void)why;
	free(*state);
	*state = NULL;
}

int main(void)
{
	struct shop shop = {.host = getenv("REDIS_HOST"), .port = port_of("REDIS_PORT", 6379)};
	int port = port_of("PORT", 8080), sig;
	struct MHD_Daemon *d;
	sigset_t stop;

	if (!shop.host || !*shop.host)
		shop.host = "127.0.0.1";
	/* As PID 1 of a container a signal without a handler would be ignored: wait for them. */
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTERM);
	(void)sigaddset(&stop, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &stop, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	d = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG, (uint16_t)port,
			     NULL, NULL, serve, &shop, MHD_OPTION_NOTIFY_COMPLETED, done, NULL,
			     MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_CONNECTION_LIMIT, 256u,
			     MHD_OPTION_END);
	if (!d) {
		fprintf(stderr, "shop-api: cannot listen on port %d\n", port);
		return 1;
	}
	fprintf(stderr, "shop-api: on port %d, redis at %s:%d\n", port, shop.host, shop.port);
	(void)sigwait(&stop, &sig);
	MHD_stop_daemon(d);
	if (shop.redis)
		redisFree(shop.redis);
	return 0;
}
