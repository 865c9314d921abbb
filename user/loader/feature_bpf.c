// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF features, tried. Most probes use one program that adds 1 to an array element each time it runs:
 * what loads and attaches but never runs (an LSM program where "bpf" is no active LSM) is a "no".
 */
#include "loader/feature_priv.h"

#include "base/fd.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers that we may be built with. */
#define MAP_TYPE_CGRP_STORAGE 32
#define MAP_TYPE_ARENA 33
#define PROG_SLEEPABLE (1u << 4)
#define TCX_INGRESS 46

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})
#define MOV_IMM(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOV_REG(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define EXIT() INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static int make_counter(void)
{
	(void)libbpf_set_print(quiet);
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "probe_count", 4, 8, 1, NULL);
}

static uint64_t read_counter(int map)
{
	uint32_t zero = 0;
	uint64_t v = 0;

	(void)bpf_map_lookup_elem(map, &zero, &v);
	return v;
}

/* count[0] += 1; return ret */
static int load_counting(int map, enum bpf_prog_type type, enum bpf_attach_type attach, int btf_id,
			 int ret)
{
	const struct bpf_insn code[] = {
		INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0),
		MOV_REG(BPF_REG_2, BPF_REG_10),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0),
		MOV_IMM(BPF_REG_1, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD),
		MOV_IMM(BPF_REG_0, ret),
		EXIT(),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach,
		    .attach_btf_id = (__u32)btf_id);

	return bpf_prog_load(type, "rast_probe", "GPL", code, sizeof(code) / sizeof(code[0]),
			     &opts);
}

int rast_probe_btf(struct rast_probe *p)
{
	struct btf *btf = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	unsigned int n;

	if (!btf)
		return rast_probe_no(p, errno, "/sys/kernel/btf/vmlinux");
	n = btf__type_cnt(btf);
	btf__free(btf);
	return rast_probe_yes(p, "%u types in /sys/kernel/btf/vmlinux", n);
}

int rast_probe_ringbuf(struct rast_probe *p)
{
	_cleanup_close_ int fd =
		bpf_map_create(BPF_MAP_TYPE_RINGBUF, "probe_ring", 0, 0, 4096, NULL);

	return fd < 0 ? rast_probe_no(p, fd, "create") : rast_probe_yes(p, "created");
}

/* A network namespace of our own, its lo up. */
static int own_network(struct rast_probe *p)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	_cleanup_close_ int s = -1;

	if (unshare(CLONE_NEWNET) < 0)
		return rast_probe_no(p, errno, "network namespace") - 1;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &ifr) < 0)
		return rast_probe_no(p, errno, "lo") - 1;
	return 0;
}

/* One datagram to ourselves. */
static int send_datagram(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);
	_cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    getsockname(s, (struct sockaddr *)&a, &len) < 0 ||
	    sendto(s, "x", 1, 0, (struct sockaddr *)&a, len) != 1)
		return -errno;
	return 0;
}

static int ran(struct rast_probe *p, int map, const char *where)
{
	if (!read_counter(map))
		return rast_probe_no(p, 0, "attaches to %s, but is not run", where);
	return rast_probe_yes(p, "ran at %s", where);
}

int rast_probe_tcx(struct rast_probe *p)
{
	/* The part of union bpf_attr that BPF_LINK_CREATE reads for tcx. */
	struct {
		__u32 prog_fd, target_ifindex, attach_type, flags;
		__u32 relative_fd, pad;
		__u64 expected_revision;
	} attr = {.target_ifindex = 1, .attach_type = TCX_INGRESS};
	_cleanup_close_ int map = make_counter(), prog = -1, link = -1;

	if (own_network(p) < 0)
		return 0;
	prog = load_counting(map, BPF_PROG_TYPE_SCHED_CLS, 0, 0, -1);
	if (prog < 0)
		return rast_probe_no(p, prog, "load");
	attr.prog_fd = (__u32)prog;
	link = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	if (link < 0)
		return rast_probe_no(p, errno, "attach");
	(void)send_datagram();
	return ran(p, map, "an interface");
}

int rast_probe_clsact(struct rast_probe *p)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = 1, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1);
	_cleanup_close_ int map = make_counter(), prog = -1;
	int r;

	if (own_network(p) < 0)
		return 0;
	prog = load_counting(map, BPF_PROG_TYPE_SCHED_CLS, 0, 0, -1);
	if (prog < 0)
		return rast_probe_no(p, prog, "load");
	r = bpf_tc_hook_create(&hook);
	if (r < 0)
		return rast_probe_no(p, r, "clsact");
	opts.prog_fd = prog;
	r = bpf_tc_attach(&hook, &opts);
	if (r < 0)
		return rast_probe_no(p, r, "attach");
	(void)send_datagram();
	return ran(p, map, "an interface");
}

int rast_probe_cgroup_hooks(struct rast_probe *p)
{
	_cleanup_close_ int map = make_counter(), prog = -1, link = -1;
	char pid[16];

	if (p->cgroup_fd < 0)
		return rast_probe_no(p, 0, "no cgroup to attach to");
	if (own_network(p) < 0)
		return 0;
	prog = load_counting(map, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, 0, 1);
	if (prog < 0)
		return rast_probe_no(p, prog, "load");
	link = bpf_link_create(prog, p->cgroup_fd, BPF_CGROUP_INET_EGRESS, NULL);
	if (link < 0)
		return rast_probe_no(p, link, "attach");
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (rast_write_file(p->cgroup_fd, "cgroup.procs", pid) < 0)
		return rast_probe_no(p, errno, "join a cgroup");
	(void)send_datagram();
	return ran(p, map, "a cgroup");
}

/* A connection that a program refuses is refused. */
int rast_probe_connect_hooks(struct rast_probe *p)
{
	const struct sockaddr_in sa = {.sin_family = AF_INET,
				       .sin_port = htons(9),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	_cleanup_close_ int map = make_counter(), prog = -1, link = -1, s = -1;
	char pid[16];

	if (p->cgroup_fd < 0)
		return rast_probe_no(p, 0, "no cgroup to attach to");
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_get_netns_cookie,
				    NULL) != 1)
		return rast_probe_no(p, 0, "no bpf_get_netns_cookie there");
	if (own_network(p) < 0)
		return 0;
	prog = load_counting(map, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, 0, 0);
	if (prog < 0)
		return rast_probe_no(p, prog, "load");
	link = bpf_link_create(prog, p->cgroup_fd, BPF_CGROUP_INET4_CONNECT, NULL);
	if (link < 0)
		return rast_probe_no(p, link, "attach");
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (rast_write_file(p->cgroup_fd, "cgroup.procs", pid) < 0)
		return rast_probe_no(p, errno, "join a cgroup");
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (connect(s, (const struct sockaddr *)&sa, sizeof(sa)) == 0 || errno != EPERM)
		return rast_probe_no(p, 0, "a refused connection was made");
	return ran(p, map, "a cgroup");
}

static int try_tracing(struct rast_probe *p, enum bpf_prog_type type, enum bpf_attach_type attach,
		       const char *name, const char *where)
{
	_cleanup_close_ int map = make_counter(), prog = -1, link = -1, zero = -1;
	char byte;
	int id = libbpf_find_vmlinux_btf_id(name, attach);

	if (id < 0)
		return rast_probe_no(p, id, "%s in BTF", name);
	prog = load_counting(map, type, attach, id, 0);
	if (prog < 0)
		return rast_probe_no(p, prog, "load");
	link = bpf_raw_tracepoint_open(NULL, prog);
	if (link < 0)
		return rast_probe_no(p, link, "attach to %s", where);
	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (zero < 0 || read(zero, &byte, 1) != 1)
		return rast_probe_no(p, errno, "/dev/zero");
	return ran(p, map, where);
}

int rast_probe_tp_btf(struct rast_probe *p)
{
	return try_tracing(p, BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "sys_exit", "sys_exit");
}

int rast_probe_fentry(struct rast_probe *p)
{
	return try_tracing(p, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "vfs_read", "vfs_read");
}

int rast_probe_lsm(struct rast_probe *p)
{
	return try_tracing(p, BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "file_open", "file_open");
}

int rast_probe_kprobe(struct rast_probe *p)
{
	static const char function[] = "vfs_read";
	struct perf_event_attr attr = {.size = sizeof(attr), .config1 = (uintptr_t)function};
	_cleanup_close_ int map = make_counter(), prog = -1, event = -1, zero = -1;
	uint64_t type;
	char byte;
	int r = rast_read_u64(AT_FDCWD, "/sys/bus/event_source/devices/kprobe/type", &type);

	if (r < 0)
		return rast_probe_no(p, r, "kprobe events");
	prog = load_counting(map, BPF_PROG_TYPE_KPROBE, 0, 0, 0);
	if (prog < 0)
		return rast_probe_no(p, prog, "load");
	attr.type = (uint32_t)type;
	event = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		return rast_probe_no(p, errno, "%s", function);
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, prog) < 0 ||
	    ioctl(event, PERF_EVENT_IOC_ENABLE, 0) < 0)
		return rast_probe_no(p, errno, "attach to %s", function);
	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (zero < 0 || read(zero, &byte, 1) != 1)
		return rast_probe_no(p, errno, "/dev/zero");
	return ran(p, map, function);
}

/* Runs an iterator over the probe's cgroup. 0 or -errno, with the step that failed in `what`. */
static int iterate(struct rast_probe *p, const struct bpf_insn *code, size_t n, const char **what)
{
	LIBBPF_OPTS(bpf_prog_load_opts, load, .expected_attach_type = BPF_TRACE_ITER,
		    .prog_flags = PROG_SLEEPABLE);
	union bpf_iter_link_info info = {
		.cgroup = {.order = BPF_CGROUP_ITER_SELF_ONLY, .cgroup_fd = (__u32)p->cgroup_fd}};
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));
	_cleanup_close_ int prog = -1, link = -1, iter = -1;
	int id = libbpf_find_vmlinux_btf_id("cgroup", BPF_TRACE_ITER);
	char buf[64];

	*what = "bpf_iter_cgroup in BTF";
	if (id < 0)
		return id;
	load.attach_btf_id = (__u32)id;
	*what = "load";
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "rast_probe", "GPL", code, n, &load);
	if (prog < 0)
		return prog;
	*what = "attach";
	link = bpf_link_create(prog, 0, BPF_TRACE_ITER, &opts);
	if (link < 0)
		return link;
	*what = "read";
	iter = bpf_iter_create(link);
	return iter < 0 ? iter : read(iter, buf, sizeof(buf)) < 0 ? -errno : 0;
}

int rast_probe_cgroup_iter(struct rast_probe *p)
{
	const struct bpf_insn code[] = {MOV_IMM(BPF_REG_0, 0), EXIT()};
	const char *what;
	int r;

	(void)libbpf_set_print(quiet);
	if (p->cgroup_fd < 0)
		return rast_probe_no(p, 0, "no cgroup to walk");
	r = iterate(p, code, 2, &what);
	return r < 0 ? rast_probe_no(p, r, "%s", what) : rast_probe_yes(p, "walked a cgroup");
}

int rast_probe_rstat(struct rast_probe *p)
{
	static const char *const names[] = {"css_rstat_flush", "cgroup_rstat_flush"};
	struct btf *btf;
	const char *what = "", *name = NULL;
	int id = -1, r;

	(void)libbpf_set_print(quiet);
	if (p->cgroup_fd < 0)
		return rast_probe_no(p, 0, "no cgroup to flush");
	btf = btf__load_vmlinux_btf();
	for (size_t i = 0; btf && id < 0 && i < 2; i++) {
		name = names[i];
		id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	}
	btf__free(btf);
	if (id < 0)
		return rast_probe_no(p, 0, "neither %s nor %s is a kernel function", names[0],
				     names[1]);
	/* if (ctx->cgroup) flush(ctx->cgroup): its css is the first member. */
	const struct bpf_insn code[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_1, 8, 0),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 1, 0),
		INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, id),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};

	r = iterate(p, code, 5, &what);
	return r < 0 ? rast_probe_no(p, r, "%s: %s", name, what) : rast_probe_yes(p, "%s", name);
}

int rast_probe_cgrp_storage(struct rast_probe *p)
{
	int r;

	(void)libbpf_set_print(quiet);
	r = libbpf_probe_bpf_map_type((enum bpf_map_type)MAP_TYPE_CGRP_STORAGE, NULL);
	return r == 1 ? rast_probe_yes(p, "created") : rast_probe_no(p, r ? r : EINVAL, "create");
}

int rast_probe_bpf_arena(struct rast_probe *p)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	_cleanup_close_ int fd =
		bpf_map_create((enum bpf_map_type)MAP_TYPE_ARENA, "probe_arena", 0, 0, 1, &opts);
	char *at;

	if (fd < 0)
		return rast_probe_no(p, fd, "create");
	at = mmap(NULL, (size_t)getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return rast_probe_no(p, errno, "mmap");
	at[0] = 1;
	return rast_probe_yes(p, "mapped and written");
}

int rast_probe_redirect_peer(struct rast_probe *p)
{
	int r;

	(void)libbpf_set_print(quiet);
	r = libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_redirect_peer, NULL);
	return r == 1 ? rast_probe_yes(p, "a program that calls it loads")
		      : rast_probe_no(p, r, "no program that calls it loads");
}
