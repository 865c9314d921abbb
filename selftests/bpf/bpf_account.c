// SPDX-License-Identifier: BSD-2-Clause
/* bpf/account.bpf.c on this kernel: figures against getrusage, cgroupfs and known transfers. */
#include "account.skel.h"
#include "bpf/account.h"
#include "selftests/bpf/observe.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOT 9

static const struct rast_account *account;
static const struct rast_syscalls *syscalls;
static struct bpf_link *iter;

/* Runs the iterator once over the instance. */
static void collect(void)
{
	int fd = bpf_iter_create(bpf_link__fd(iter));
	char buf[64];

	if (fd < 0 || read(fd, buf, sizeof(buf)) < 0)
		bail("iterator");
	(void)close(fd);
}

static int burn(void *arg)
{
	struct rusage ru;
	uint64_t ms = *(uint64_t *)arg;
	volatile unsigned int x = 0;
	int i;

	do {
		for (i = 0; i < 100000; i++)
			x = x * 7 + 1;
		(void)getrusage(RUSAGE_SELF, &ru);
	} while ((uint64_t)ru.ru_utime.tv_sec * 1000 + (uint64_t)ru.ru_utime.tv_usec / 1000 < ms);
	return 0;
}

static int syscalls_known(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 1000; i++)
		(void)syscall(SYS_getppid);
	for (i = 0; i < 10; i++)
		(void)close(-1);
	for (i = 0; i < 3; i++)
		(void)syscall(400000 + i);
	return 0;
}

static int refused(void *arg)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
				  .sin_port = htons(9),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)arg;
	return !(connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 && errno == ECONNREFUSED);
}

static void *thread(void *arg)
{
	return arg;
}

static int family(void *arg)
{
	char *argv[] = {"true", NULL};
	pthread_t t;
	pid_t pid;
	int i;

	(void)arg;
	for (i = 0; i < 5; i++) {
		pid = fork();
		if (!pid) {
			(void)execv("/bin/true", argv);
			_exit(127);
		}
		if (waitpid(pid, NULL, 0) != pid)
			return 1;
	}
	for (i = 0; i < 4; i++)
		if (pthread_create(&t, NULL, thread, NULL) || pthread_join(t, NULL))
			return 1;
	return 0;
}

struct transfer {
	int outside; /* socket of ours */
	struct sockaddr_in ours;
	int n, size;
};

/* Sends n datagrams to a socket outside of the container, which answers none. */
static int send_datagrams(void *arg)
{
	struct transfer *t = arg;
	char buf[1400] = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), i;

	for (i = 0; i < t->n; i++)
		if (sendto(fd, buf, (size_t)t->size, 0, (struct sockaddr *)&t->ours,
			   sizeof(t->ours)) != t->size)
			return 1;
	return 0;
}

/* Listens, tells the port through a pipe, takes all bytes of one connection. */
struct server {
	int port_fd[2];
	size_t bytes;
};

static int serve(void *arg)
{
	struct server *s = arg;
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), conn;
	static char buf[65536];
	size_t got = 0;
	ssize_t n;

	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0 ||
	    write(s->port_fd[1], &sin.sin_port, 2) != 2)
		return 1;
	conn = accept(fd, NULL, NULL);
	while ((n = read(conn, buf, sizeof(buf))) > 0)
		got += (size_t)n;
	return got != s->bytes;
}

struct memory {
	int ready[2], go[2];
	size_t bytes;
};

static int hold_memory(void *arg)
{
	struct memory *m = arg;
	char *p = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	char c = 0;

	(void)close(m->go[1]);
	if (p == MAP_FAILED || write(m->ready[1], &c, 1) != 1)
		return 1;
	/* Until the parent closes its end. */
	return read(m->go[0], &c, 1) != 0;
}

static uint64_t read_number(const char *dir, const char *file, const char *key)
{
	char path[512], text[4096], *at;
	int fd;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd);
	if (n < 0)
		return 0;
	text[n] = '\0';
	at = key ? strstr(text, key) : text;
	return at ? strtoull(at + (key ? strlen(key) : 0), NULL, 10) : 0;
}

static bool within(uint64_t a, uint64_t b, double part)
{
	double d = (double)a - (double)b;

	return (d < 0 ? -d : d) <= part * (double)(a > b ? a : b);
}

static void test_cpu(void)
{
	uint64_t ms = 300, files;
	struct rusage before, after;
	double used;

	(void)getrusage(RUSAGE_CHILDREN, &before);
	(void)stage_run(true, burn, &ms);
	(void)getrusage(RUSAGE_CHILDREN, &after);
	used = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1e9 +
	       (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) * 1e3 +
	       (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1e9 +
	       (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec) * 1e3;
	collect();
	files = read_number(stage.container, "cpu.stat", "usage_usec ") * 1000;
	ok(account->flags & RAST_ACCOUNT_CPU, "CPU time comes from the flushed rstat");
	ok(within(account->cpu_usage_ns, files, 0.01),
	   "CPU time agrees with cpu.stat within 1 %% (%llu and %llu us)",
	   (unsigned long long)account->cpu_usage_ns / 1000, (unsigned long long)files / 1000);
	ok(within(account->cpu_usage_ns, (uint64_t)used, 0.05),
	   "CPU time agrees with getrusage (%llu and %.0f us)",
	   (unsigned long long)account->cpu_usage_ns / 1000, used / 1000);
	ok(account->cpu_user_ns > account->cpu_system_ns, "a user-space loop is user time");
}

static void test_memory(void)
{
	struct memory m = {.bytes = (size_t)48 << 20};
	const char *dir = *stage.v1_memory ? stage.v1_memory : stage.container;
	uint64_t files, peak;
	pid_t pid;
	char c;

	if (pipe2(m.ready, O_CLOEXEC) || pipe2(m.go, O_CLOEXEC))
		bail("pipe");
	pid = stage_spawn(true, hold_memory, &m);
	if (read(m.ready[0], &c, 1) != 1)
		bail("the child");
	collect();
	files = *stage.v1_memory ? read_number(dir, "memory.usage_in_bytes", NULL)
				 : read_number(dir, "memory.current", NULL);
	peak = *stage.v1_memory ? read_number(dir, "memory.max_usage_in_bytes", NULL)
				: read_number(dir, "memory.peak", NULL);
	if (!files) {
		skip("memory agrees with cgroupfs", "a memory controller");
	} else {
		ok(account->flags & (*stage.v1_memory ? RAST_ACCOUNT_MEM_V1 : RAST_ACCOUNT_MEM_V2),
		   "memory comes from the %s controller", *stage.v1_memory ? "v1" : "v2");
		ok(account->mem_bytes >= m.bytes && within(account->mem_bytes, files, 0.01),
		   "memory agrees with cgroupfs within 1 %% (%llu and %llu KiB)",
		   (unsigned long long)account->mem_bytes >> 10, (unsigned long long)files >> 10);
		ok(account->mem_peak_bytes >= account->mem_bytes &&
			   within(account->mem_peak_bytes, peak, 0.01),
		   "so does its peak");
	}
	ok(account->tasks == 1, "one task lives in the container (%u)", account->tasks);
	(void)close(m.go[1]);
	(void)waitpid(pid, NULL, 0);
	collect();
	ok(account->tasks == 0, "none when it has ended (%u)", account->tasks);
}

static void test_syscalls(void)
{
	uint64_t getppid_before = syscalls->count[SYS_getppid],
		 close_before = syscalls->count[SYS_close],
		 other = syscalls->count[RAST_SYSCALL_OTHER], errors = account->syscall_errors;

	(void)stage_run(true, syscalls_known, NULL);
	ok(syscalls->count[SYS_getppid] - getppid_before == 1000,
	   "a thousand calls of getppid are a thousand in the histogram");
	ok(syscalls->count[SYS_close] - close_before >= 10 &&
		   account->syscall_errors - errors == 13,
	   "ten failed closes and three unknown calls are thirteen errors (%llu)",
	   (unsigned long long)(account->syscall_errors - errors));
	ok(syscalls->count[RAST_SYSCALL_OTHER] - other == 3,
	   "numbers past the table are counted together");
	getppid_before = syscalls->count[SYS_getppid];
	(void)stage_run(false, syscalls_known, NULL);
	ok(syscalls->count[SYS_getppid] == getppid_before, "calls from outside count for nobody");
	errors = account->connects_failed;
	ok(stage_run(true, refused, NULL) == 0 && account->connects_failed == errors + 1,
	   "a refused connect is counted as failed");
}

static void test_processes(void)
{
	uint64_t forks = account->forks, threads = account->threads, execs = account->execs,
		 exits = account->exits;

	ok(stage_run(true, family, NULL) == 0, "a process has five children and four threads");
	ok(account->forks - forks == 6 && account->execs - execs == 5,
	   "they are six forks and five execs");
	ok(account->threads - threads == 4 && account->exits - exits == 6,
	   "four threads and six ends of processes");
}

static void test_network(void)
{
	struct transfer t = {.n = 500, .size = 1000};
	struct server s = {.bytes = (size_t)4 << 20};
	struct rast_account before = *account;
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(t.ours);
	static char buf[65536];
	uint64_t rx, packets, again;
	struct tcp_info info = {0};
	size_t sent;
	ssize_t n;
	pid_t pid;
	int fd, status;

	t.outside = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(t.outside, (struct sockaddr *)&sin, sizeof(sin)) ||
	    getsockname(t.outside, (struct sockaddr *)&t.ours, &len))
		bail("socket");
	ok(stage_run(true, send_datagrams, &t) == 0, "500 datagrams of 1000 bytes leave");
	ok(account->tx_packets - before.tx_packets == 500 &&
		   account->tx_bytes - before.tx_bytes == 500 * 1028,
	   "they are 500 packets and 514000 bytes with their headers, exactly (%llu)",
	   (unsigned long long)(account->tx_bytes - before.tx_bytes));
	ok(account->rx_packets == before.rx_packets,
	   "what the other end receives is not the container's");
	(void)close(t.outside);

	if (pipe2(s.port_fd, O_CLOEXEC))
		bail("pipe");
	before = *account;
	pid = stage_spawn(true, serve, &s);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (read(s.port_fd[0], &sin.sin_port, 2) != 2 ||
	    connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		bail("connect");
	for (sent = 0; sent < s.bytes; sent += (size_t)n) {
		n = write(fd, buf, sizeof(buf) < s.bytes - sent ? sizeof(buf) : s.bytes - sent);
		if (n < 0)
			bail("write");
	}
	/* All is acknowledged when the other end has closed: then the sender knows what it sent twice. */
	(void)shutdown(fd, SHUT_WR);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	len = sizeof(info);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		bail("TCP_INFO");
	(void)close(fd);
	(void)waitpid(pid, &status, 0);
	rx = account->rx_bytes - before.rx_bytes;
	packets = account->rx_packets - before.rx_packets;
	again = info.tcpi_bytes_retrans;
	/*
	 * TCP with timestamps: 52 bytes of headers, 60 on a SYN. On a busy machine TCP sends some of it
	 * again, and what arrives twice was received twice.
	 */
	ok(status == 0 && rx >= s.bytes + packets * 52 && rx <= s.bytes + again + packets * 52 + 16,
	   "4 MiB received by TCP are 4 MiB, the headers of each packet, and what was sent again "
	   "(%llu in %llu)",
	   (unsigned long long)rx, (unsigned long long)packets);
}

/* The slot goes to another container while the first one's figures are still in it. */
static void test_slot_reuse(void)
{
	int first_fd = stage.container_fd;
	char other[512];

	(void)snprintf(other, sizeof(other), "%s/default_t/other", stage.instance);
	if (mkdir(other, 0755) < 0)
		bail("mkdir %s", other);
	stage.container_fd = open(other, O_DIRECTORY | O_CLOEXEC);
	stage_register(cgroup_id_of(other), SLOT);
	(void)stage_run(true, syscalls_known, NULL);
	ok(account->cgroup_id == cgroup_id_of(other) && account->forks == 1 &&
		   account->tx_packets == 0 && syscalls->count[SYS_getppid] == 1000,
	   "the next container of a slot starts from zero");
	(void)close(stage.container_fd);
	stage.container_fd = first_fd;
	/* What still runs of the first one, which nobody knows any more. */
	if (bpf_map_delete_elem(stage.container_by_cgroup, &stage.cgroup_id))
		bail("container_by_cgroup");
	(void)stage_run(true, syscalls_known, NULL);
	ok(account->cgroup_id == cgroup_id_of(other) && account->forks == 1 &&
		   syscalls->count[SYS_getppid] == 1000,
	   "what is left of the last one is not counted as the next one's");
	(void)rmdir(other);
}

int main(void)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	union bpf_iter_link_info info = {0};
	struct account_bpf *skel;
	struct btf *btf = btf__load_vmlinux_btf();
	char *map;
	int rc;

	stage_open("rastaccount", SLOT, 65536);
	skel = account_bpf__open();
	if (!skel || !btf)
		bail("open");
	stage_share(skel->obj);
	skel->rodata->account_flush_kind =
		btf__find_by_name_kind(btf, "css_rstat_flush", BTF_KIND_FUNC) > 0      ? 2
		: btf__find_by_name_kind(btf, "cgroup_rstat_flush", BTF_KIND_FUNC) > 0 ? 1
										       : 0;
	rc = account_bpf__load(skel);
	ok(!rc, "the object loads on this kernel");
	if (rc)
		return done();
	stage_print_verified(skel->obj);
	map = mmap(NULL, RAST_MAX_CONTAINERS * sizeof(*account), PROT_READ, MAP_SHARED,
		   bpf_map__fd(skel->maps.account_by_slot), 0);
	account = (const struct rast_account *)map + SLOT;
	syscalls = mmap(NULL, sizeof(*syscalls), PROT_READ, MAP_SHARED,
			bpf_map__fd(skel->maps.syscall_by_slot), SLOT * sizeof(*syscalls));
	if (map == MAP_FAILED || syscalls == MAP_FAILED)
		bail("mmap");
	stage_attach(skel->obj);
	info.cgroup.cgroup_fd = (__u32)stage.instance_fd;
	info.cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_POST;
	opts.link_info = &info;
	opts.link_info_len = sizeof(info);
	iter = bpf_program__attach_iter(skel->progs.account_collect, &opts);
	ok(iter != NULL, "the cgroup iterator attaches at the instance's cgroup");
	if (iter) {
		test_cpu();
		test_memory();
	}
	test_syscalls();
	test_processes();
	test_network();
	test_slot_reuse();
	bpf_link__destroy(iter);
	stage_detach(skel->obj);
	account_bpf__destroy(skel);
	btf__free(btf);
	return done();
}
