// SPDX-License-Identifier: BSD-2-Clause
/* bpf/audit.bpf.c on this kernel: real children, exact counts, exit status in the map. */
#include "audit.skel.h"
#include "selftests/bpf/observe.h"

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
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

struct seen {
	int by_type[32], wrong_cgroup, gaps;
	uint64_t seq[RAST_RING_MAX][1024];
	struct rast_event_exec exec; /* the last one */
	struct rast_event_connect connect;
	struct rast_event_exit init_exit;
	struct rast_event_fork fork;
};
static struct seen seen;

static void see(void *arg, const struct rast_event *ev, size_t size)
{
	(void)arg;
	if (ev->type < 32)
		seen.by_type[ev->type]++;
	if (ev->size != size || ev->cgroup_id != stage.cgroup_id || ev->slot != 7 ||
	    ev->identity != 107)
		seen.wrong_cgroup++;
	if (ev->ring < RAST_RING_MAX && ev->cpu < 1024) {
		if (ev->seq <= seen.seq[ev->ring][ev->cpu])
			seen.gaps++;
		seen.seq[ev->ring][ev->cpu] = ev->seq;
	}
	if (ev->type == RAST_EVENT_EXEC) {
		memset(&seen.exec, 0, sizeof(seen.exec));
		memcpy(&seen.exec, ev, size);
	} else if (ev->type == RAST_EVENT_CONNECT) {
		memcpy(&seen.connect, ev, sizeof(seen.connect));
	} else if (ev->type == RAST_EVENT_FORK) {
		memcpy(&seen.fork, ev, sizeof(seen.fork));
	} else if (ev->type == RAST_EVENT_EXIT && ((const struct rast_event_exit *)ev)->is_init) {
		memcpy(&seen.init_exit, ev, sizeof(seen.init_exit));
	}
}

static void forget(void)
{
	(void)stage_drain(NULL, NULL);
	memset(&seen, 0, sizeof(seen));
}

static bool exact(struct rast_event_stats s)
{
	return s.attempted == s.sent + s.dropped;
}

static int exec_args(void *argv)
{
	(void)execv("/bin/true", argv);
	return 127;
}

static int exit_with(void *arg)
{
	return *(int *)arg;
}

static void *nothing(void *arg)
{
	return arg;
}

static int many_threads(void *arg)
{
	pthread_t t[8];
	int i;

	(void)arg;
	for (i = 0; i < 8; i++)
		if (pthread_create(&t[i], NULL, nothing, NULL))
			return 1;
	for (i = 0; i < 8; i++)
		(void)pthread_join(t[i], NULL);
	return 0;
}

/* vfork: ten thousand copies of our page tables would be most of the test's time. */
static pid_t one_child(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	return pid;
}

static int many_forks(void *arg)
{
	int n = *(int *)arg, i;
	pid_t pid;

	for (i = 0; i < n; i++) {
		pid = one_child();
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 1;
	}
	return 0;
}

static int connect_to(void *arg)
{
	struct sockaddr_in *sin = arg;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 || connect(fd, (struct sockaddr *)sin, sizeof(*sin)) < 0;
}

static int connect_six(void *arg)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)arg;
	if (fd < 0)
		return 2;
	return connect(fd, (struct sockaddr *)&sin6, sizeof(sin6)) < 0 && errno == ECONNREFUSED;
}

static int send_many(void *arg)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
				  .sin_port = htons(9),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), i;

	(void)arg;
	for (i = 0; i < 100; i++)
		if (sendto(fd, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin)) < 0 &&
		    errno != ECONNREFUSED)
			return 1;
	return fd < 0;
}

/* Moves itself into a cgroup below the container's, then execs. */
static int nested(void *arg)
{
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/below/cgroup.procs", stage.container);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return 3;
	return exec_args(arg);
}

static void test_exec(void)
{
	char *argv[] = {"odd \n\"argument\"", "", "\xff\xfe\x1b[31m", "last", NULL};
	static const char want[] = "odd \n\"argument\"\0\0\xff\xfe\x1b[31m\0last";
	char *big = malloc(5000), *bigv[] = {"true", big, NULL};
	struct stat st;
	int status;

	forget();
	status = stage_run(true, exec_args, argv);
	(void)stage_drain(see, NULL);
	ok(status == 0 && seen.by_type[RAST_EVENT_EXEC] == 1,
	   "one exec in the container is one event");
	ok(seen.exec.args_len == sizeof(want) && !memcmp(seen.exec.args, want, sizeof(want)),
	   "odd arguments arrive byte for byte");
	ok(!seen.exec.args_truncated, "short arguments are not marked as truncated");
	ok(!strcmp(seen.exec.file, "/bin/true") && seen.exec.file_len == 9,
	   "the file is named as it was executed");
	ok(!stat("/bin/true", &st) && seen.exec.inode == st.st_ino &&
		   seen.exec.dev == (major(st.st_dev) << 20 | minor(st.st_dev)),
	   "the file's inode and device are those of stat(2)");
	ok(seen.exec.ppid == (uint32_t)getpid() && seen.exec.n_ancestors >= 1 &&
		   seen.exec.ancestors[0].pid == (uint32_t)getpid() &&
		   !strncmp(seen.exec.ancestors[0].comm, "bpf_audit", 9),
	   "the first ancestor is the parent, with its name");
	ok(!strcmp(seen.exec.hdr.comm, "true"), "the name is the new program's");
	ok(!seen.wrong_cgroup, "every event names the container, its slot and identity");

	memset(big, 'A', 4999);
	big[4999] = '\0';
	forget();
	(void)stage_run(true, exec_args, bigv);
	(void)stage_drain(see, NULL);
	ok(seen.exec.args_truncated && seen.exec.args_len == RAST_EXEC_ARGS,
	   "arguments past the limit are cut there and marked");
	free(big);

	forget();
	(void)stage_run(false, exec_args, argv);
	(void)stage_drain(see, NULL);
	ok(seen.by_type[RAST_EVENT_EXEC] == 0, "an exec outside of our cgroups is no event");
}

static void test_nested(void)
{
	char *argv[] = {"true", NULL}, path[512];

	(void)snprintf(path, sizeof(path), "%s/below", stage.container);
	if (mkdir(path, 0755) < 0)
		bail("mkdir %s", path);
	forget();
	ok(stage_run(true, nested, argv) == 0, "a child moves to a cgroup below and execs");
	(void)stage_drain(see, NULL);
	ok(seen.by_type[RAST_EVENT_EXEC] == 1 && !seen.wrong_cgroup,
	   "a process in a cgroup below belongs to the container");
}

static void test_exit(void)
{
	struct rast_container c;
	int code = 42, status;
	pid_t pid;

	stage_register(stage.cgroup_id, 7);
	forget();
	pid = stage_spawn(true, exit_with, &code);
	(void)waitpid(pid, &status, 0);
	(void)stage_drain(see, NULL);
	c = stage_record(stage.cgroup_id);
	ok(c.init_pid == (uint32_t)pid, "the first process born in the cgroup is noted as init");
	ok((c.flags & RAST_CONTAINER_EXITED) && c.exit_code == status &&
		   c.exited_ns >= c.started_ns,
	   "its exit status is in the map as wait(2) gives it");
	ok(seen.init_exit.exit_code == status && seen.init_exit.hdr.ring == RAST_RING_PRIORITY,
	   "its exit goes to the priority ring");

	/* By a signal: a child that waits, killed from outside. */
	stage_register(stage.cgroup_id, 7);
	forget();
	pid = stage_spawn(true, (int (*)(void *))(void *)pause, NULL);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	ok(stage_record(stage.cgroup_id).exit_code == SIGKILL && status == SIGKILL,
	   "death by a signal is kept as the signal");
}

static void test_threads(void)
{
	forget();
	ok(stage_run(true, many_threads, NULL) == 0, "a process runs eight threads");
	(void)stage_drain(see, NULL);
	ok(seen.by_type[RAST_EVENT_FORK] == 1 && seen.by_type[RAST_EVENT_EXIT] == 1,
	   "threads are no forks, and their ends no exits (%d forks, %d exits)",
	   seen.by_type[RAST_EVENT_FORK], seen.by_type[RAST_EVENT_EXIT]);
}

static void test_connect(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), i;
	socklen_t len = sizeof(sin);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		bail("listener");
	forget();
	for (i = 0; i < 5; i++)
		if (stage_run(true, connect_to, &sin))
			break;
	(void)stage_run(false, connect_to, &sin);
	(void)stage_drain(see, NULL);
	ok(i == 5 && seen.by_type[RAST_EVENT_CONNECT] == 5,
	   "five connects of the container are five events, one from outside none");
	ok(seen.connect.family == AF_INET && seen.connect.protocol == IPPROTO_TCP &&
		   seen.connect.port == ntohs(sin.sin_port) && seen.connect.allowed == 1 &&
		   !memcmp(seen.connect.addr, &sin.sin_addr, 4),
	   "a connect names address, port and protocol");
	(void)close(fd);

	forget();
	i = WEXITSTATUS(stage_run(true, connect_six, NULL));
	(void)stage_drain(see, NULL);
	if (i != 1)
		skip("a refused IPv6 connect is an event too", "IPv6 on loopback");
	else
		ok(seen.by_type[RAST_EVENT_CONNECT] == 1 && seen.connect.family == AF_INET6 &&
			   seen.connect.addr[15] == 1 && seen.connect.port == 9,
		   "a refused IPv6 connect is an event too");

	forget();
	i = stage_run(true, send_many, NULL);
	(void)stage_drain(see, NULL);
	ok(i == 0 && seen.by_type[RAST_EVENT_CONNECT] == 1 && seen.connect.protocol == IPPROTO_UDP,
	   "a hundred datagrams to one peer are one event");
}

static void test_counts(int n)
{
	struct rast_event_stats before, after, prio;

	forget();
	before = stage_stats(RAST_RING_ORDINARY);
	ok(stage_run(true, many_forks, &n) == 0, "%d children are forked and reaped", n);
	after = stage_stats(RAST_RING_ORDINARY);
	/* Each child and the parent: one fork, one exit. */
	ok(after.attempted - before.attempted == 2u * (uint32_t)n + 2u,
	   "%d forks and exits are attempted, no more and no less", 2 * n + 2);
	ok(exact(after), "sent + dropped = attempted with nobody reading");
	ok(after.dropped > before.dropped, "a ring of 16 KiB that nobody reads does overflow");
	ok((uint64_t)stage_drain(see, NULL) == after.sent - before.sent,
	   "what was sent is what can be read");
	ok(!seen.gaps, "sequence numbers only rise");
	prio = stage_stats(RAST_RING_PRIORITY);
	ok(exact(prio) && prio.dropped == 0, "the flood costs the priority ring nothing");
}

static void test_many_cpus(void)
{
	struct rast_event_stats before = stage_stats(RAST_RING_ORDINARY), after;
	int n = 500, status, bad = 0, i, got = 0;
	pid_t pids[8];

	forget();
	for (i = 0; i < 8; i++)
		pids[i] = stage_spawn(true, many_forks, &n);
	/* Read while they write. */
	for (i = 0; i < 8;) {
		got += stage_drain(see, NULL);
		if (waitpid(pids[i], &status, WNOHANG) == pids[i]) {
			bad += status != 0;
			i++;
		}
	}
	got += stage_drain(see, NULL);
	after = stage_stats(RAST_RING_ORDINARY);
	ok(!bad && after.attempted - before.attempted == 8u * (2 * 500 + 2),
	   "eight writers on all CPUs attempt exactly their number");
	ok(exact(after) && (uint64_t)got == after.sent - before.sent,
	   "sent + dropped = attempted while a reader runs, and it reads all that was sent");
}

static int eat_memory(void *arg)
{
	size_t i, n = (size_t)64 << 20;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	if (p == MAP_FAILED)
		return 1;
	for (i = 0; i < n; i += 4096)
		((volatile char *)p)[i] = 1;
	return 0;
}

static bool limit_memory(void)
{
	const char *dir = *stage.v1_memory ? stage.v1_memory : stage.container;
	const char *files[] = {*stage.v1_memory ? "memory.limit_in_bytes" : "memory.max",
			       *stage.v1_memory ? "memory.memsw.limit_in_bytes"
						: "memory.swap.max"};
	const char *values[] = {"16777216", *stage.v1_memory ? "16777216" : "0"};
	char path[512];
	int i, fd, rc = 0;

	for (i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (!i)
			rc = fd >= 0 && write(fd, values[i], strlen(values[i])) > 0;
		else if (fd >= 0 && write(fd, values[i], strlen(values[i])) < 0)
			rc = 0;
		if (fd >= 0)
			(void)close(fd);
	}
	return rc;
}

static void test_oom(void)
{
	int status;

	if (!limit_memory()) {
		skip("a container over its memory limit is reported", "a memory controller");
		return;
	}
	stage_register(stage.cgroup_id, 7);
	forget();
	status = stage_run(true, eat_memory, NULL);
	(void)stage_drain(see, NULL);
	ok(WIFSIGNALED(status) && seen.by_type[RAST_EVENT_OOM] == 1 && !seen.wrong_cgroup,
	   "a kill for memory is one event that names the container");
	ok(stage_record(stage.cgroup_id).flags & RAST_CONTAINER_OOM,
	   "the container's record says that it was killed for memory");
}

int main(void)
{
	struct audit_bpf *skel;

	stage_open("rastaudit", 7, 16384);
	skel = audit_bpf__open();
	if (!skel)
		bail("open");
	stage_share(skel->obj);
	ok(!audit_bpf__load(skel), "the object loads on this kernel");
	stage_print_verified(skel->obj);
	stage_attach(skel->obj);
	test_exec();
	test_nested();
	test_exit();
	test_threads();
	test_connect();
	test_counts(10000);
	test_many_cpus();
	test_oom();
	stage_detach(skel->obj);
	audit_bpf__destroy(skel);
	return done();
}
