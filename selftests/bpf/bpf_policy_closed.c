// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is broken, full, refused or killed never opens a door: each test breaks one thing under two pods that
 * talk, asks by real datagrams what is allowed then, and reads the one line that a person would get.
 */
#include "selftests/bpf/policy_net.h"

#include "base/fd.h"
#include "loader/loader.h"
#include "policy/policy_bpf.h"
#include "selftests/lib/tap.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CLIENT, SERVER };
enum { KEPT = 5000, ONLY_A, ONLY_B, NEVER, PORTS = 4 };

static const char *const head =
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: server, namespace: t}\n"
	"spec:\n  podSelector: {matchLabels: {app: server}}\n  policyTypes: [Ingress, Egress]\n  ingress:\n"
	"    - from: [{podSelector: {matchLabels: {app: client}}}]\n      ports: [{protocol: UDP, port: 5000},";

static struct rast_policy_image *images[2];
static int client, server[PORTS];

static int map_of(const char *name)
{
	struct rast_err err = {0};
	int fd = rast_loader_map_fd(&net.in, name, &err);

	if (fd < 0)
		bail("%s", err.text);
	return fd;
}

/* ---- what is allowed now ---- */

static bool echoed(int fd, int at, uint16_t port, int ms)
{
	struct sockaddr_in to = net_address(SERVER, port), who;
	socklen_t len = sizeof(who);
	static uint32_t number;
	uint32_t got = 0, sent = ++number;

	(void)sendto(fd, &sent, sizeof(sent), 0, (struct sockaddr *)&to, sizeof(to));
	while (got != sent) {
		if (!net_wait(at, ms))
			return false;
		(void)recvfrom(at, &got, sizeof(got), MSG_DONTWAIT, (struct sockaddr *)&who, &len);
	}
	(void)sendto(at, &sent, sizeof(sent), 0, (struct sockaddr *)&who, len);
	got = 0;
	while (got != sent) {
		if (!net_wait(fd, ms))
			return false;
		(void)recv(fd, &got, sizeof(got), MSG_DONTWAIT);
	}
	return true;
}

/*
 * One bit a port, each by a flow of its own; the answer must come back too. Those that must pass get time,
 * so that a busy machine closes nothing.
 */
static unsigned int doors(unsigned int must)
{
	unsigned int open = 0;

	for (int i = 0; i < PORTS; i++) {
		int fd = net_socket(CLIENT, SOCK_DGRAM, 0, 0);

		if (echoed(fd, server[i], (uint16_t)(KEPT + i), must >> i & 1 ? 2000 : 10))
			open |= 1u << i;
		(void)close(fd);
	}
	return open;
}

#define POLICY_A 0x3u
#define POLICY_B 0x5u
#define A_STANDS(sentence, ...) ok(doors(POLICY_A) == POLICY_A, sentence, ##__VA_ARGS__)

/* ---- full maps ---- */

static int fill(const char *name, unsigned int n)
{
	_cleanup_close_ int fd = map_of(name);
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info), key[64];
	_cleanup_free_ void *value = NULL;
	uint64_t x = 88172645463325252ull;
	int r = 0;

	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.key_size > sizeof(key))
		bail("%s", name);
	value = calloc(1, info.value_size + 8);
	for (unsigned int i = 0; value && i < n && !r; i++) {
		for (size_t j = 0; j < sizeof(key) / sizeof(key[0]); j++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			key[j] = (uint32_t)x | 0x80000000u;
		}
		r = bpf_map_update_elem(fd, key, value, BPF_ANY) ? -errno : 0;
	}
	return r;
}

/* Takes out again what fill() put in. */
static void empty(const char *name, bool (*ours)(uint32_t key))
{
	_cleanup_close_ int fd = map_of(name);
	uint32_t key, next, *prev = NULL;

	while (!bpf_map_get_next_key(fd, prev, &next)) {
		if (prev && ours(key))
			(void)bpf_map_delete_elem(fd, &key);
		key = next;
		prev = &key;
	}
	if (prev && ours(key))
		(void)bpf_map_delete_elem(fd, &key);
}

static bool made_up(uint32_t key)
{
	return key & 0x80000000u;
}

static void full_maps(void)
{
	static const struct {
		const char *map;
		unsigned int n;
	} lru[] = {{"flow_by_tuple", 80000}, {"deny_by_tuple", 6000}, {"time_by_fragment", 6000}};
	struct rast_link_counters before;

	for (size_t i = 0; i < sizeof(lru) / sizeof(lru[0]); i++) {
		int r = fill(lru[i].map, lru[i].n);

		A_STANDS(
			"%s with %u entries more than it had: what was allowed is, and nothing else (%d)",
			lru[i].map, lru[i].n, r);
	}
	before = net_counters(SERVER, RAST_DIR_INGRESS);
	(void)doors(POLICY_A);
	ok(net_counters(SERVER, RAST_DIR_INGRESS).dropped[RAST_DROP_POLICY] -
			   before.dropped[RAST_DROP_POLICY] ==
		   2,
	   "with no room for denials each one is still counted");
}

/* A link whose entry did not fit has the programs and no entry. */
static void link_without_entry(void)
{
	_cleanup_close_ int map = map_of("endpoint_by_ifindex");
	uint32_t key = (uint32_t)net.pods[CLIENT].ifindex;
	struct rast_err err = {0};
	struct rast_endpoint ep;

	if (bpf_map_lookup_elem(map, &key, &ep) || bpf_map_delete_elem(map, &key) ||
	    fill("endpoint_by_ifindex", 5000) != -E2BIG)
		bail("endpoint_by_ifindex");
	ok(rast_policy_bpf_endpoint_add(&net.in, key, &ep, &err) == -ENOSPC &&
		   strstr(err.text, "4096"),
	   "a link that finds no room is refused: %s", err.text);
	ok(doors(0) == 0, "and closed, whatever policy says");
	empty("endpoint_by_ifindex", made_up);
	memset(&err, 0, sizeof(err));
	ok(!rast_policy_bpf_endpoint_add(&net.in, key, &ep, &err), "when there is room it gets in");
	A_STANDS("and policy holds for it");
}

static void too_many_pods(void)
{
	_cleanup_policy_world_ struct rast_policy_world world = {0};
	struct rast_policy_image *im = NULL;
	struct rast_policy_set *set = NULL;
	struct rast_err err = {0};
	char name[16];

	if (rast_policy_set_create(&set))
		bail("set");
	for (uint32_t i = 0; i <= RAST_MAX_IDENTITIES - RAST_IDENTITY_FIRST; i++) {
		const struct rast_policy_pod pod = {.ns = "t",
						    .name = name,
						    .identity = RAST_IDENTITY_FIRST + i,
						    .addr4 = net.in.pod_cidr + 2 + i};

		(void)snprintf(name, sizeof(name), "p%u", i);
		if (rast_policy_world_add_pod(&world, &pod))
			bail("world");
	}
	ok(rast_policy_compile(set, &world, 9, &im, NULL, NULL, &err) < 0 && !im && *err.text,
	   "more pods than identities are refused: %s", err.text);
	rast_policy_set_destroy(set);
	A_STANDS("and the policy in force stays");
}

/* ---- refused ---- */

static void bad_images(void)
{
	struct rast_policy_image bad = *images[1];
	struct rast_err err = {0};

	bad.n_class = 0x7fffffff;
	ok(rast_policy_bpf_apply(&net.in, &bad, &err) < 0 && *err.text,
	   "an image with impossible numbers is refused: %s", err.text);
	bad = *images[1];
	bad.magic ^= 1;
	ok(rast_policy_bpf_apply(&net.in, &bad, &err) < 0, "and one that is no image");
	A_STANDS("the one in force stays");
}

/* In a child: another build is loaded with something taken away. Prints its line into *text. */
static int load_without(void (*take)(void), char *text, size_t size)
{
	int p[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) || (pid = fork()) < 0)
		bail("fork");
	if (!pid) {
		struct rast_err err = {0};
		int r;

		(void)setenv(RAST_POLICY_SHORT_CUT_ENV, "0", 1);
		take();
		r = rast_policy_bpf_load(&net.in, &err);
		if (write(p[1], err.text, strlen(err.text)) < 0)
			_exit(2);
		_exit(r < 0);
	}
	(void)close(p[1]);
	n = read(p[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	(void)close(p[0]);
	(void)waitpid(pid, &status, 0);
	return status;
}

static void take_files(void)
{
	const struct rlimit few = {.rlim_cur = 12, .rlim_max = 12};

	(void)setrlimit(RLIMIT_NOFILE, &few);
}

static void take_memory(void)
{
	const struct rlimit few = {.rlim_cur = 1, .rlim_max = 1};

	(void)setrlimit(RLIMIT_AS, &few);
}

static void take_rights(void)
{
	if (setgid(65534) || setuid(65534))
		_exit(3);
}

static void refused_loads(void)
{
	static const struct {
		const char *what;
		void (*take)(void);
	} without[] = {{"file descriptors", take_files},
		       {"memory", take_memory},
		       {"the right to", take_rights}};
	char text[1024];

	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		int status = load_without(without[i].take, text, sizeof(text));

		ok(WIFEXITED(status) && WEXITSTATUS(status) == 1 && *text && !strchr(text, '\n'),
		   "a load without %s fails in one line: %s", without[i].what, text);
		A_STANDS("and what was loaded goes on");
	}
}

/* ---- half done ---- */

static void half_written(void)
{
	struct rast_policy_control control, broken;
	_cleanup_close_ int map = map_of("policy_control");
	_cleanup_close_ int image = map_of("policy_image");
	struct bpf_map_info info = {0};
	uint32_t zero = 0, len = sizeof(info), other;
	_cleanup_free_ uint8_t *junk = NULL;

	if (bpf_map_lookup_elem(map, &zero, &control) || bpf_obj_get_info_by_fd(image, &info, &len))
		bail("policy_control");
	junk = malloc(info.value_size);
	if (!junk)
		bail("memory");
	memset(junk, 0xff, info.value_size);
	other = !control.slot;
	if (bpf_map_update_elem(image, &other, junk, BPF_ANY))
		bail("policy_image");
	A_STANDS("a slot full of nonsense that is not in use changes nothing");
	broken = control;
	broken.slot = other;
	(void)bpf_map_update_elem(map, &zero, &broken, BPF_ANY);
	ok(doors(0) == 0, "were it in use, nothing would pass");
	broken = control;
	broken.loaded = 0;
	(void)bpf_map_update_elem(map, &zero, &broken, BPF_ANY);
	ok(doors(0) == 0, "without a policy nothing passes");
	(void)bpf_map_update_elem(map, &zero, &control, BPF_ANY);
	A_STANDS("with the old word back all is as before");
	net_apply(images[1]);
	ok(doors(POLICY_B) == POLICY_B, "the next policy takes the place of the nonsense");
	net_apply(images[0]);
	A_STANDS("and so on");
}

static void child_applies(void)
{
	struct rast_err err = {0};

	for (unsigned int i = 1;; i++)
		if (rast_policy_bpf_apply(&net.in, images[i & 1], &err) < 0)
			_exit(1);
}

static void child_loads(void)
{
	struct rast_err err = {0};

	for (unsigned int i = 0;; i++) {
		(void)setenv(RAST_POLICY_SHORT_CUT_ENV, i & 1 ? "1" : "0", 1);
		if (rast_policy_bpf_load(&net.in, &err) < 0)
			_exit(1);
	}
}

/* Kills it at another moment each time. */
static void killed(const char *what, void (*work)(void), unsigned int times, unsigned int most_us)
{
	unsigned int a = 0, b = 0, neither = 0, ended = 0, doors_were = 0;
	struct rast_err err = {0};

	for (unsigned int i = 0; i < times; i++) {
		const struct timespec pause = {.tv_nsec = (long)(most_us / times * i + 50) * 1000};
		unsigned int open;
		pid_t pid = fork();
		int status;

		if (!pid) {
			work();
			_exit(1);
		}
		(void)nanosleep(&pause, NULL);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
		ended += !WIFSIGNALED(status);
		open = doors(1);
		a += open == POLICY_A;
		b += open == POLICY_B;
		if (open != POLICY_A && open != POLICY_B) {
			neither++;
			doors_were = open;
		}
	}
	ok(!neither && !ended,
	   "%s is killed at %u moments: %u times the one policy is in force, %u times the other, "
	   "never another (%u, last %x; %u ended by themselves)",
	   what, times, a, b, neither, doors_were, ended);
	(void)unsetenv(RAST_POLICY_SHORT_CUT_ENV);
	if (rast_policy_bpf_load(&net.in, &err) < 0)
		bail("%s", err.text);
	net_apply(images[0]);
	A_STANDS("%s: the next one works", what);
}

/* ---- replaced under traffic ---- */

struct ping {
	int fd;
	bool stop;
	unsigned long sent, lost;
};

static void *echo_thread(void *arg)
{
	struct ping *p = arg;

	while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
		p->sent++;
		p->lost += !echoed(p->fd, server[0], KEPT, 1000);
	}
	return NULL;
}

static void upgraded(const char *where, unsigned int times)
{
	struct ping p = {.fd = client};
	struct rast_err err = {0};
	pthread_t thread;
	int r = 0;

	if (pthread_create(&thread, NULL, echo_thread, &p))
		bail("thread");
	for (unsigned int i = 0; i < times && !r; i++) {
		(void)setenv(RAST_POLICY_SHORT_CUT_ENV, i & 1 ? "1" : "0", 1);
		r = rast_policy_bpf_load(&net.in, &err);
	}
	__atomic_store_n(&p.stop, true, __ATOMIC_RELEASE);
	(void)pthread_join(thread, NULL);
	ok(!r && p.sent > times && !p.lost,
	   "%s programs are replaced %u times: of %lu datagrams of a flow and their answers none is "
	   "lost (%lu)",
	   where, times, p.sent, p.lost);
	(void)unsetenv(RAST_POLICY_SHORT_CUT_ENV);
	A_STANDS("and policy is the same");
}

/* As on kernels that do not have tcx. */
static void without_tcx(void)
{
	struct rast_err err = {0};

	(void)setenv(RAST_POLICY_TCX_ENV, "0", 1);
	for (int i = 0; i < net.n_pods; i++) {
		if (rast_policy_bpf_endpoint_release(&net.in, (uint32_t)net.pods[i].ifindex,
						     htonl(net.pods[i].addr), &err) < 0)
			bail("%s", err.text);
		net_announce(i, net.pods[i].identity);
	}
	A_STANDS("without tcx policy is the same");
	killed("on clsact a load", child_loads, 4, 800000);
	upgraded("on clsact", 3);
}

static void open_net(void)
{
	char text[1024];

	net_open("tclosed");
	(void)net_add("client");
	(void)net_add("server");
	(void)snprintf(text, sizeof(text), "%s {protocol: UDP, port: 5001}]\n", head);
	images[0] = net_compile(text, 2);
	(void)snprintf(text, sizeof(text), "%s {protocol: UDP, port: 5002}]\n", head);
	images[1] = net_compile(text, 3);
	for (int i = 0; i < PORTS; i++)
		server[i] = net_socket(SERVER, SOCK_DGRAM, 0, (uint16_t)(KEPT + i));
	client = net_socket(CLIENT, SOCK_DGRAM, 0, 0);
}

int main(void)
{
	open_net();
	ok(doors(0) == 0, "before there is a policy nothing passes");
	net_apply(images[0]);
	A_STANDS("with the first policy its ports pass, and answers to them");
	full_maps();
	link_without_entry();
	too_many_pods();
	bad_images();
	refused_loads();
	half_written();
	killed("an apply", child_applies, 60, 30000);
	killed("a load", child_loads, 10, 1200000);
	upgraded("on tcx", 6);
	without_tcx();
	free(images[0]);
	free(images[1]);
	return done();
}
