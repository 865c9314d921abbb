// SPDX-License-Identifier: BSD-2-Clause
/*
 * A thousand changes of policy under traffic that never rests. Two policies A and B are made so that the
 * numbers of classes and ports differ in each of them: half of one with half of the other gives
 * verdicts that neither has, on tuples that are tried all the time (the first test proves it).
 * Generations of even numbers are A, of odd ones B.
 *
 * What is known exactly: a sender reads how many changes are done, sends, waits for the answer to an
 * allowed packet that it sent behind the first on the same CPU, and reads how many changes have begun. When
 * both are the same, one policy was in force all the while, and nothing but its verdict is right.
 */
#include "selftests/bpf/policy_net.h"

#include "loader/rings.h"
#include "policy/policy_bpf.h"
#include "selftests/lib/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { X, Y, SERVER };
enum { KEPT = 5000, STREAM, FRESH, NEVER = 6000, TURNS = 7000, SIDE };
#define WINDOW 32
#define MAX_CONNS 64

static const char *const rest =
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: server, namespace: t}\n"
	"spec:\n  podSelector: {matchLabels: {app: server}}\n  policyTypes: [Ingress, Egress]\n  ingress:\n";
static const char *const both =
	"    - from: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [x, y]}]}}]\n"
	"      ports: [{protocol: UDP, port: 5000}, {port: 5001}, {port: 5002}, {protocol: UDP, port: 7001}]\n";
/* a1 and a2 are one class in A and two in B, so that all numbers behind them are others. */
static const char *const only_a =
	"    - from: [{podSelector: {matchLabels: {app: x}}}]\n      ports: [{protocol: UDP, port: 7000}]\n"
	"    - from: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [a1, a2]}]}}]\n"
	"      ports: [{protocol: UDP, port: 6000}]\n";
static const char *const only_b =
	"    - from: [{podSelector: {matchLabels: {app: y}}}]\n      ports: [{protocol: UDP, port: 7000}]\n"
	"    - from: [{podSelector: {matchLabels: {app: a2}}}]\n"
	"    - from: [{podSelector: {matchLabels: {app: a1}}}]\n      ports: [{port: 12}, {port: 5002}]\n";

static struct rast_policy_image *images[2];
static unsigned int begun, finished;
static bool stop, all_answered;

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned int cell(const struct rast_policy_image *im, int dir, int self, int peer,
			 enum rast_policy_proto proto, uint16_t port)
{
	struct rast_policy_end end = {.kind = RAST_END_IDENTITY,
				      .identity = net.pods[peer].identity};

	return rast_policy_image_verdict(im, dir, net.pods[self].identity, &end, proto, port);
}

/* ---- half and half ---- */

/* What is tried without rest: from X and Y to the server. */
static const struct tuple {
	int from;
	enum rast_policy_proto proto;
	uint16_t port;
} tried[] = {
	{X, RAST_PROTO_UDP, KEPT},  {Y, RAST_PROTO_TCP, STREAM}, {X, RAST_PROTO_TCP, FRESH},
	{X, RAST_PROTO_UDP, NEVER}, {Y, RAST_PROTO_UDP, NEVER},
};

static unsigned int verdicts(const struct rast_policy_image *im)
{
	unsigned int v = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tried); i++) {
		const struct tuple *t = &tried[i];

		v |= (cell(im, RAST_DIR_INGRESS, SERVER, t->from, t->proto, t->port) &
		      RAST_CELL_ALLOW)
			     ? 1u << i
			     : 0;
	}
	return v;
}

static void halves_are_seen(void)
{
	struct rast_policy_image *mixed;
	unsigned int a = verdicts(images[0]), b = verdicts(images[1]), unseen = 0;

	ok(a == 0x7 && b == 0x7, "on what is tried all the time both policies say the same");
	for (int i = 0; i < 2; i++) {
		size_t size = rast_policy_image_size(images[i]);

		mixed = malloc(size);
		if (!mixed)
			bail("out of memory");
		memcpy(mixed, images[i], size);
		memcpy(mixed->class_by_identity, images[!i]->class_by_identity,
		       sizeof(mixed->class_by_identity));
		unseen += verdicts(mixed) == a;
		memcpy(mixed, images[i], size);
		memcpy(mixed->port_class, images[!i]->port_class, sizeof(mixed->port_class));
		unseen += verdicts(mixed) == a;
		free(mixed);
	}
	ok(!unseen,
	   "identities or ports of one with the cells of the other would give other verdicts");
}

/* ---- the server: one thread, echoes what comes ---- */

static struct server {
	int kept, never, turns, side, listen[2];
	unsigned long strangers; /* came to a port that both policies deny */
} server;

static void echo(int fd)
{
	char buf[2048];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n;

	while ((n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &len)) >
	       0)
		(void)sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len);
}

static void *serve(void *arg)
{
	struct pollfd p[MAX_CONNS] = {{.fd = server.kept, .events = POLLIN},
				      {.fd = server.side, .events = POLLIN},
				      {.fd = server.never, .events = POLLIN},
				      {.fd = server.listen[0], .events = POLLIN},
				      {.fd = server.listen[1], .events = POLLIN}};
	static char buf[65536];
	nfds_t n = 5;

	while (!__atomic_load_n(&all_answered, __ATOMIC_ACQUIRE)) {
		if (poll(p, n, 50) <= 0)
			continue;
		if (p[0].revents)
			echo(server.kept);
		if (p[1].revents)
			echo(server.side);
		if (p[2].revents && recv(server.never, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			server.strangers++;
		for (nfds_t i = n; i-- > 5;) {
			ssize_t got = p[i].revents ? read(p[i].fd, buf, sizeof(buf)) : 1;

			if (!p[i].revents || (got > 0 && write(p[i].fd, buf, (size_t)got) == got))
				continue;
			(void)close(p[i].fd);
			p[i] = p[--n];
		}
		for (nfds_t i = 3; i < 5; i++) {
			int c = p[i].revents ? accept4(p[i].fd, NULL, NULL, SOCK_CLOEXEC) : -1;

			if (c >= 0 && n < MAX_CONNS)
				p[n++] = (struct pollfd){.fd = c, .events = POLLIN};
		}
	}
	for (nfds_t i = 5; i < n; i++)
		(void)close(p[i].fd);
	return arg;
}

/* ---- flows that are allowed by both ---- */

struct flow {
	pthread_t thread;
	int fd;
	unsigned long done, lost, wrong;
};

/* Numbered datagrams there and back, WINDOW of them on their way. */
static void *datagrams(void *arg)
{
	struct sockaddr_in to = net_address(SERVER, KEPT);
	struct flow *f = arg;
	uint64_t sent = 0, next = 0, got;

	net_pin(1);
	while (!stopped() || next < sent) {
		while (!stopped() && sent < next + WINDOW) {
			if (sendto(f->fd, &sent, sizeof(sent), 0, (struct sockaddr *)&to,
				   sizeof(to)) != sizeof(sent))
				f->wrong++;
			sent++;
		}
		if (!net_wait(f->fd, 2000)) {
			f->lost += sent - next;
			next = sent;
			continue;
		}
		while (recv(f->fd, &got, sizeof(got), MSG_DONTWAIT) == sizeof(got)) {
			if (got < next) {
				f->wrong++;
				continue;
			}
			f->lost += got - next;
			f->done++;
			next = got + 1;
		}
		/* Others want the CPU as well: this is one flow of several. */
		(void)usleep(200);
	}
	return NULL;
}

/* A stream there and back; every byte is that of its place. */
static void *stream(void *arg)
{
	static uint8_t out[16384], in[16384];
	struct sockaddr_in to = net_address(SERVER, STREAM);
	struct flow *f = arg;
	uint64_t at = 0;

	net_pin(0);
	if (connect(f->fd, (struct sockaddr *)&to, sizeof(to))) {
		f->lost++;
		return NULL;
	}
	while (!stopped()) {
		size_t back = 0;

		for (size_t i = 0; i < sizeof(out); i++)
			out[i] = (uint8_t)((at + i) * 7 + ((at + i) >> 8));
		if (write(f->fd, out, sizeof(out)) != sizeof(out)) {
			f->wrong++;
			break;
		}
		while (back < sizeof(in)) {
			ssize_t n = net_wait(f->fd, 3000)
					    ? read(f->fd, in + back, sizeof(in) - back)
					    : 0;
			if (n <= 0)
				break;
			back += (size_t)n;
		}
		if (back < sizeof(in) || memcmp(in, out, sizeof(in)) != 0) {
			f->wrong++;
			break;
		}
		at += sizeof(out);
		f->done += sizeof(out);
		(void)usleep(500);
	}
	/* A packet that was dropped, or answered late, was sent again. */
	f->lost += net_retransmitted(f->fd);
	return NULL;
}

/* New connections all the time. */
static void *connections(void *arg)
{
	const struct linger reset = {.l_onoff = 1};
	struct sockaddr_in to = net_address(SERVER, FRESH);
	struct flow *f = arg;

	net_pin(1);
	net_enter(X);
	while (!stopped()) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		char c = 'x';

		if (connect(fd, (struct sockaddr *)&to, sizeof(to)) || write(fd, &c, 1) != 1 ||
		    !net_wait(fd, 3000) || read(fd, &c, 1) != 1)
			f->wrong++;
		f->lost += net_retransmitted(fd);
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		(void)close(fd);
		f->done++;
		(void)usleep(300);
	}
	return NULL;
}

/* ---- flows that neither allows ---- */

/* A new flow each, from X and Y in turn. */
static void *refused(void *arg)
{
	struct sockaddr_in to = net_address(SERVER, NEVER);
	struct flow *f = arg;

	net_pin(0);
	while (!stopped()) {
		int fd;

		net_enter(f->done & 1 ? Y : X);
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (sendto(fd, "!", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1)
			f->done++;
		(void)close(fd);
		(void)usleep(300);
	}
	return NULL;
}

/* ---- flows that one of them allows ---- */

struct turn {
	pthread_t thread;
	int fd[2], side[2]; /* of X and Y */
	uint32_t who;       /* distinguishes the senders */
	unsigned long exact, leaked, missed, unclear, no_answer;
};

/* Came since the last call, from this sender. */
static struct heard {
	uint32_t who, number;
} heard[1 << 20];
static unsigned int n_heard;
static pthread_mutex_t hearing = PTHREAD_MUTEX_INITIALIZER;

/* All that was sent before has arrived or will not: empties the socket into the list. */
static bool has_come(uint32_t who, uint32_t number)
{
	bool found = false;
	struct heard h;

	(void)pthread_mutex_lock(&hearing);
	while (recv(server.turns, &h, sizeof(h), MSG_DONTWAIT) == sizeof(h))
		if (n_heard < ARRAY_SIZE(heard))
			heard[n_heard++] = h;
	for (unsigned int i = n_heard; i-- > 0 && i + 4096 > n_heard && !found;)
		found = heard[i].who == who && heard[i].number == number;
	(void)pthread_mutex_unlock(&hearing);
	return found;
}

/* X's datagram passes in A alone, Y's in B. */
static void turn(struct turn *t, int from, uint32_t number)
{
	struct sockaddr_in to = net_address(SERVER, TURNS), beside = net_address(SERVER, SIDE);
	const struct heard h = {t->who, number};
	unsigned int before = __atomic_load_n(&finished, __ATOMIC_ACQUIRE);
	struct heard back = {0};
	bool came, allowed;

	(void)sendto(t->fd[from], &h, sizeof(h), 0, (struct sockaddr *)&to, sizeof(to));
	(void)sendto(t->side[from], &h, sizeof(h), 0, (struct sockaddr *)&beside, sizeof(beside));
	while (back.number != number) {
		if (!net_wait(t->side[from], 2000)) {
			t->no_answer++;
			return;
		}
		(void)recv(t->side[from], &back, sizeof(back), MSG_DONTWAIT);
	}
	if (__atomic_load_n(&begun, __ATOMIC_ACQUIRE) != before) {
		t->unclear++;
		return;
	}
	came = has_come(t->who, number);
	allowed = (before & 1) == (from == Y);
	t->exact++;
	t->leaked += came && !allowed;
	t->missed += !came && allowed;
}

static void *turns(void *arg)
{
	struct turn *t = arg;

	net_pin(1);
	for (uint32_t i = 1; !stopped(); i++) {
		turn(t, i & 1 ? X : Y, i);
		(void)usleep(200);
	}
	return NULL;
}

/* ---- what events say ---- */

static struct seen {
	unsigned long events, wrong;
	unsigned int last_rule, last_generation, last_port;
} seen;

/* Verdict, rule and generation of one packet must belong together. */
static void on_event(void *arg, const struct rast_event *ev, size_t size)
{
	const struct rast_event_flow *f = (const struct rast_event_flow *)ev;
	uint32_t peer = f->peer_identity;
	struct rast_policy_end end = {.kind = RAST_END_IDENTITY, .identity = peer};
	enum rast_policy_proto proto = f->protocol == IPPROTO_TCP ? RAST_PROTO_TCP : RAST_PROTO_UDP;
	unsigned int want;

	(void)arg;
	if (ev->type != RAST_EVENT_FLOW || size < sizeof(*f) || f->family != AF_INET ||
	    (f->reason != RAST_DROP_NONE && f->reason != RAST_DROP_POLICY) ||
	    (f->protocol != IPPROTO_TCP && f->protocol != IPPROTO_UDP))
		return;
	want = rast_policy_image_verdict(images[f->generation & 1], f->direction, ev->identity,
					 &end, proto, f->dst_port);
	seen.events++;
	if ((want & RAST_CELL_RULE) == f->rule &&
	    !(want & RAST_CELL_ALLOW) == (f->verdict == RAST_VERDICT_DENY))
		return;
	seen.wrong++;
	seen.last_rule = f->rule;
	seen.last_generation = f->generation;
	seen.last_port = f->dst_port;
}

/* ---- one round ---- */

static void buffers(int fd)
{
	int n = 4 << 20;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &n, sizeof(n));
}

static struct turn turn_open(uint32_t who)
{
	struct turn t = {.who = who};

	for (int i = 0; i < 2; i++) {
		t.fd[i] = net_socket(i, SOCK_DGRAM, 0, 0);
		t.side[i] = net_socket(i, SOCK_DGRAM, 0, 0);
	}
	return t;
}

static void turn_close(struct turn *t)
{
	for (int i = 0; i < 2; i++) {
		(void)close(t->fd[i]);
		(void)close(t->side[i]);
	}
}

static void swap(void)
{
	unsigned int to = begun + 1;

	__atomic_store_n(&begun, to, __ATOMIC_RELEASE);
	images[to & 1]->generation = to;
	net_apply(images[to & 1]);
	__atomic_store_n(&finished, to, __ATOMIC_RELEASE);
}

static void round_of(const char *how, unsigned int swaps)
{
	uint64_t sent[2], counted[2];
	struct turn first = turn_open(1), second = turn_open(2);
	struct flow kept = {0}, bytes = {0}, fresh = {0}, never = {0};
	struct rast_rings *rings;
	struct rast_err err = {0};
	pthread_t serving;
	double start = now_s();

	memset(&seen, 0, sizeof(seen));
	memset(&server, 0, sizeof(server));
	n_heard = 0;
	stop = all_answered = false;
	server.kept = net_socket(SERVER, SOCK_DGRAM, 0, KEPT);
	server.side = net_socket(SERVER, SOCK_DGRAM, 0, SIDE);
	server.never = net_socket(SERVER, SOCK_DGRAM, 0, NEVER);
	server.turns = net_socket(SERVER, SOCK_DGRAM, 0, TURNS);
	server.listen[0] = net_listen(SERVER, STREAM);
	server.listen[1] = net_listen(SERVER, FRESH);
	buffers(server.turns);
	kept.fd = net_socket(X, SOCK_DGRAM, 0, 0);
	bytes.fd = net_socket(Y, SOCK_STREAM, 0, 0);
	if (rast_rings_open(&net.in, on_event, NULL, &rings, &err) < 0)
		bail("%s", err.text);
	for (int i = 0; i < 2; i++) {
		struct rast_link_counters c = net_counters(i, RAST_DIR_EGRESS);

		sent[i] = net_sent(i);
		counted[i] = net_counted(&c);
	}
	net_pin(0);
	if (pthread_create(&serving, NULL, serve, NULL) ||
	    pthread_create(&kept.thread, NULL, datagrams, &kept) ||
	    pthread_create(&bytes.thread, NULL, stream, &bytes) ||
	    pthread_create(&fresh.thread, NULL, connections, &fresh) ||
	    pthread_create(&never.thread, NULL, refused, &never) ||
	    pthread_create(&second.thread, NULL, turns, &second))
		bail("threads");
	for (unsigned int i = 0; i < swaps; i++) {
		swap();
		/* The first packets after the change has returned. */
		turn(&first, i & 1 ? X : Y, 2 * i + 1);
		turn(&first, i & 1 ? Y : X, 2 * i + 2);
		while (rast_rings_drain(rings, 1000) > 0)
			;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	(void)pthread_join(kept.thread, NULL);
	(void)pthread_join(bytes.thread, NULL);
	(void)pthread_join(fresh.thread, NULL);
	(void)pthread_join(never.thread, NULL);
	(void)pthread_join(second.thread, NULL);
	__atomic_store_n(&all_answered, true, __ATOMIC_RELEASE);
	(void)pthread_join(serving, NULL);
	printf("# %s: %u changes in %.1f s\n", how, swaps, now_s() - start);
	ok(kept.done > swaps && !kept.lost && !kept.wrong,
	   "%s: of %lu numbered datagrams and their answers none is lost (%lu, %lu wrong)", how,
	   kept.done, kept.lost, kept.wrong);
	/* What a slow machine answers late is sent again too: said, not judged. Datagrams tell what is lost. */
	ok(bytes.done && !bytes.wrong,
	   "%s: a stream of %lu bytes comes back intact (%lu wrong, %lu sent twice)", how,
	   bytes.done, bytes.wrong, bytes.lost);
	ok(fresh.done && !fresh.wrong,
	   "%s: %lu new connections stand (%lu do not, %lu packets sent twice)", how, fresh.done,
	   fresh.wrong, fresh.lost);
	ok(never.done > swaps / 2 && !server.strangers,
	   "%s: of %lu flows that both policies deny no packet passes (%lu)", how, never.done,
	   server.strangers);
	ok(first.exact == 2ul * swaps && !first.leaked && !first.missed,
	   "%s: the first packets after each change get its verdict (%lu leaked, %lu missed, %lu "
	   "exact)",
	   how, first.leaked, first.missed, first.exact);
	ok(second.exact && !second.leaked && !second.missed && !second.no_answer,
	   "%s: on another CPU %lu packets get the verdict in force, %lu came during a change (%lu "
	   "leaked, %lu missed)",
	   how, second.exact, second.unclear, second.leaked, second.missed);
	ok(seen.events > 100 && !seen.wrong,
	   "%s: %lu events: verdict, rule and generation are of one policy (%lu not: rule %u of "
	   "%u, port %u)",
	   how, seen.events, seen.wrong, seen.last_rule, seen.last_generation, seen.last_port);
	for (int i = 0; i < 2; i++) {
		struct rast_link_counters c = net_counters(i, RAST_DIR_EGRESS);
		uint64_t on_link = net_sent(i) - sent[i], in_map = net_counted(&c) - counted[i];

		ok(on_link == in_map, "%s: each of the %lu packets of %s is counted once (%lu)",
		   how, on_link, net.pods[i].name, in_map);
	}
	rast_rings_destroy(rings);
	turn_close(&first);
	turn_close(&second);
	(void)close(kept.fd);
	(void)close(bytes.fd);
	(void)close(server.kept);
	(void)close(server.side);
	(void)close(server.never);
	(void)close(server.turns);
	(void)close(server.listen[0]);
	(void)close(server.listen[1]);
}

int main(void)
{
	const char *given = getenv("RAST_SWAPS");
	unsigned int swaps = given ? (unsigned int)atoi(given) : 1000;
	struct rast_err err = {0};
	char text[2048];

	net_open("tswap");
	net_add_absent("a1");
	net_add_absent("a2");
	(void)net_add("x");
	(void)net_add("y");
	(void)net_add("server");
	(void)snprintf(text, sizeof(text), "%s%s%s", rest, only_a, both);
	images[0] = net_compile(text, 0);
	(void)snprintf(text, sizeof(text), "%s%s%s", rest, both, only_b);
	images[1] = net_compile(text, 1);
	halves_are_seen();
	net_apply(images[0]);
	if (rast_policy_bpf_set_flags(&net.in, RAST_POLICY_LOG_ALLOWED, &err) < 0)
		bail("%s", err.text);
	round_of("short cut", swaps - swaps / 5);
	(void)setenv(RAST_POLICY_SHORT_CUT_ENV, "0", 1);
	if (rast_policy_bpf_load(&net.in, &err) < 0)
		bail("%s", err.text);
	round_of("bridge", swaps / 5);
	return done();
}
