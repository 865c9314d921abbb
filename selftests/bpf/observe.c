// SPDX-License-Identifier: BSD-2-Clause
/* The stage of observe.h. One per process: its clean-up hangs on atexit and signals. */
#include "selftests/bpf/observe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct stage stage = {.instance_fd = -1, .container_fd = -1};
static pid_t owner;
static struct bpf_link *links[64];
static int n_links;

static void write_text(const char *dir, const char *file, const char *text)
{
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		(void)0; /* not every hierarchy has every file; the tests look at the effect */
	(void)close(fd);
}

/* Ends what is in a cgroup and removes it, its children first. */
static void remove_cgroup(const char *path)
{
	int i;

	write_text(path, "cgroup.kill", "1");
	/* A killed task leaves its cgroup a moment later. */
	for (i = 0; i < 2000 && rmdir(path) < 0 && errno == EBUSY; i++)
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void cleanup(void)
{
	char path[512];
	int i;

	if (getpid() != owner)
		return;
	for (i = 0; i < n_links; i++)
		bpf_link__destroy(links[i]);
	n_links = 0;
	ring_buffer__free(stage.reader);
	stage.reader = NULL;
	if (*stage.container) {
		(void)snprintf(path, sizeof(path), "%s/below", stage.container);
		remove_cgroup(path);
		remove_cgroup(stage.container);
		(void)snprintf(path, sizeof(path), "%s/default_t", stage.instance);
		remove_cgroup(path);
		remove_cgroup(stage.instance);
	}
	if (*stage.v1_memory) {
		for (i = 0; i < 3; i++) {
			remove_cgroup(stage.v1_memory);
			*strrchr(stage.v1_memory, '/') = '\0';
		}
	}
}

static void on_signal(int sig)
{
	exit(128 + sig);
}

uint64_t cgroup_id_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The mount point of cgroup2, and of the v1 memory controller if there is one. */
static void find_mounts(char *ret_v2, char *ret_v1)
{
	char line[1024], where[256], type[64], opts[512];
	FILE *f = fopen("/proc/self/mounts", "re");

	*ret_v2 = *ret_v1 = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %255s %63s %511s", where, type, opts) != 3)
			continue;
		if (!strcmp(type, "cgroup2") && !*ret_v2)
			strcpy(ret_v2, where);
		if (!strcmp(type, "cgroup") && strstr(opts, "memory"))
			strcpy(ret_v1, where);
	}
	if (f)
		(void)fclose(f);
}

static void must_mkdir(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		bail("mkdir %s", path);
}

static void make_cgroups(const char *name)
{
	char v1[256], path[512];

	find_mounts(stage.root, v1);
	if (!*stage.root) {
		printf("1..0 # SKIP cgroup2 is not mounted\n");
		exit(0);
	}
	(void)snprintf(stage.instance, sizeof(stage.instance), "%s/%s", stage.root, name);
	(void)snprintf(path, sizeof(path), "%s/default_t", stage.instance);
	must_mkdir(stage.instance);
	(void)snprintf(stage.container, sizeof(stage.container), "%s/default_t/main",
		       stage.instance);
	write_text(stage.root, "cgroup.subtree_control", "+memory +pids");
	write_text(stage.instance, "cgroup.subtree_control", "+memory +pids");
	must_mkdir(path);
	write_text(path, "cgroup.subtree_control", "+memory +pids");
	must_mkdir(stage.container);
	if (*v1) {
		(void)snprintf(path, sizeof(path), "%s/%s", v1, name);
		must_mkdir(path);
		(void)snprintf(path, sizeof(path), "%s/%s/default_t", v1, name);
		must_mkdir(path);
		(void)snprintf(stage.v1_memory, sizeof(stage.v1_memory), "%s/%s/default_t/main", v1,
			       name);
		must_mkdir(stage.v1_memory);
	}
}

static int make_map(enum bpf_map_type type, const char *name, uint32_t key, uint32_t value,
		    uint32_t max)
{
	int fd = bpf_map_create(type, name, key, value, max, NULL);

	if (fd < 0)
		bail("bpf_map_create %s", name);
	return fd;
}

static int on_record(void *ctx, void *data, size_t size);

static void make_maps(uint32_t ring_bytes)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	int cpus = libbpf_num_possible_cpus(), fd, i;

	stage.priority_ring = make_map(BPF_MAP_TYPE_RINGBUF, "priority_ring", 0, 0, ring_bytes);
	stage.event_stats = make_map(BPF_MAP_TYPE_PERCPU_ARRAY, "event_stats", 4,
				     sizeof(struct rast_event_stats), RAST_RING_MAX);
	stage.container_by_cgroup = make_map(BPF_MAP_TYPE_HASH, "container_by_cg", 8,
					     sizeof(struct rast_container), RAST_MAX_CONTAINERS);
	stage.reader = ring_buffer__new(stage.priority_ring, on_record, NULL, NULL);
	if (!stage.reader)
		bail("ring_buffer__new");
	fd = make_map(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, ring_bytes);
	opts.inner_map_fd = (uint32_t)fd;
	stage.ring_by_cpu =
		bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "ring_by_cpu", 4, 4, 1024, &opts);
	if (stage.ring_by_cpu < 0)
		bail("ring_by_cpu");
	(void)close(fd);
	for (i = 0; i < cpus; i++) {
		fd = make_map(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, ring_bytes);
		if (bpf_map_update_elem(stage.ring_by_cpu, &i, &fd, 0) ||
		    ring_buffer__add(stage.reader, fd, on_record, NULL))
			bail("ring of CPU %d", i);
	}
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

void stage_open(const char *name, uint32_t slot, uint32_t ring_bytes)
{
	if (geteuid()) {
		printf("1..0 # SKIP not root\n");
		exit(0);
	}
	(void)setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
	(void)libbpf_set_print(quiet);
	owner = getpid();
	(void)atexit(cleanup);
	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGINT, on_signal);
	make_cgroups(name);
	make_maps(ring_bytes);
	stage.instance_fd = open(stage.instance, O_DIRECTORY | O_CLOEXEC);
	stage.container_fd = open(stage.container, O_DIRECTORY | O_CLOEXEC);
	stage.cgroup_id = cgroup_id_of(stage.container);
	if (stage.instance_fd < 0 || stage.container_fd < 0)
		bail("open cgroups");
	stage_register(stage.cgroup_id, slot);
}

void stage_share(struct bpf_object *obj)
{
	struct {
		const char *name;
		int fd;
	} shared[] = {{"ring_by_cpu", stage.ring_by_cpu},
		      {"priority_ring", stage.priority_ring},
		      {"event_stats", stage.event_stats},
		      {"container_by_cgroup", stage.container_by_cgroup}};
	struct bpf_map *m;
	size_t i;

	for (i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		m = bpf_object__find_map_by_name(obj, shared[i].name);
		if (m && bpf_map__reuse_fd(m, shared[i].fd))
			bail("reuse %s", shared[i].name);
	}
}

void stage_print_verified(struct bpf_object *obj)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, obj) {
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);

		if (bpf_program__fd(p) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &len))
			printf("# %-18s %6u instructions verified, %5u bytes of machine code\n",
			       bpf_program__name(p), info.verified_insns, info.jited_prog_len);
	}
}

void stage_attach(struct bpf_object *obj)
{
	struct bpf_program *p;
	struct bpf_link *l;

	bpf_object__for_each_program(p, obj) {
		if (!strncmp(bpf_program__section_name(p), "iter", 4))
			continue;
		l = strncmp(bpf_program__section_name(p), "cgroup", 6)
			    ? bpf_program__attach(p)
			    : bpf_program__attach_cgroup(p, stage.instance_fd);
		if (!l)
			bail("attach %s", bpf_program__name(p));
		links[n_links++] = l;
	}
}

void stage_detach(struct bpf_object *obj)
{
	int i;

	(void)obj;
	for (i = 0; i < n_links; i++)
		bpf_link__destroy(links[i]);
	n_links = 0;
}

void stage_register(uint64_t cgroup_id, uint32_t slot)
{
	struct rast_container c = {.slot = slot, .identity = 100 + slot, .started_ns = now_ns()};

	if (bpf_map_update_elem(stage.container_by_cgroup, &cgroup_id, &c, BPF_ANY))
		bail("container_by_cgroup");
}

struct rast_container stage_record(uint64_t cgroup_id)
{
	struct rast_container c = {0};

	(void)bpf_map_lookup_elem(stage.container_by_cgroup, &cgroup_id, &c);
	return c;
}

pid_t stage_spawn(bool inside, int (*fn)(void *arg), void *arg)
{
	struct clone_args args = {.flags = inside ? CLONE_INTO_CGROUP : 0,
				  .exit_signal = SIGCHLD,
				  .cgroup = (uint64_t)stage.container_fd};
	char path[512];
	pid_t pid;

	(void)fflush(stdout);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		bail("clone3");
	if (!pid) {
		if (inside && *stage.v1_memory) {
			(void)snprintf(path, sizeof(path), "%s/cgroup.procs", stage.v1_memory);
			write_text(stage.v1_memory, "cgroup.procs", "0");
		}
		_exit(fn(arg));
	}
	return pid;
}

int stage_run(bool inside, int (*fn)(void *arg), void *arg)
{
	pid_t pid = stage_spawn(inside, fn, arg);
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void (*sink)(void *arg, const struct rast_event *ev, size_t size);
static void *sink_arg;
static int drained;

static int on_record(void *ctx, void *data, size_t size)
{
	(void)ctx;
	drained++;
	if (sink)
		sink(sink_arg, data, size);
	return 0;
}

int stage_drain(void (*fn)(void *arg, const struct rast_event *ev, size_t size), void *arg)
{
	sink = fn;
	sink_arg = arg;
	drained = 0;
	while (ring_buffer__consume(stage.reader) > 0)
		;
	return drained;
}

struct rast_event_stats stage_stats(enum rast_ring ring)
{
	struct rast_event_stats sum = {0}, *per;
	int cpus = libbpf_num_possible_cpus(), i;
	__u32 key = ring;

	per = calloc((size_t)cpus, sizeof(*per));
	if (!per || bpf_map_lookup_elem(stage.event_stats, &key, per))
		bail("event_stats");
	for (i = 0; i < cpus; i++) {
		sum.attempted += per[i].attempted;
		sum.sent += per[i].sent;
		sum.dropped += per[i].dropped;
	}
	free(per);
	return sum;
}
