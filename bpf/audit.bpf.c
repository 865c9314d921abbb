// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What happens in containers, as events: exec, fork, exit, connect, kill for memory. Observation: it
 * refuses nothing and fails open, counting what it could not send.
 *
 *	audit_exec           tp_btf/sched_process_exec  argv, file, ancestors
 *	audit_fork           tp_btf/sched_process_fork  processes, not threads; notes the first one
 *	audit_exit           tp_btf/sched_process_exit  end of a process; of the first one also into
 *	                                                container_by_cgroup, so that an exit status is kept
 *	                                                while no process of ours runs
 *	audit_conn4, _conn6  cgroup/connect4, connect6  every connect(2), TCP and UDP
 *	audit_send4, _send6  cgroup/sendmsg4, sendmsg6  UDP to a peer not seen for a minute
 *	audit_oom            raw_tp/mark_victim
 *
 * The tracepoints see every task of the machine and leave after one helper call for those that are
 * not in a container's cgroup; the cgroup programs are attached at the instance's cgroup and see no
 * others.
 */
#include "vmlinux.h"
#include "bpf/lib/container.bpf.h"
#include "bpf/lib/core_compat.bpf.h"
#include "bpf/lib/emit.bpf.h"
#include "bpf/lib/process.bpf.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define SIGNAL_GROUP_EXIT 4

/* A record too long for the stack is built here. Programs of one CPU do not nest: exec runs with
 * preemption off, and an exec inside an exec there is none. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rast_event_exec);
} audit_exec_buffer SEC(".maps");

struct audit_peer {
	__u8 addr[16];
	__u32 slot;
	__u16 port;
	__u16 family;
};

/* UDP peer of a container → when an event was last sent for it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct audit_peer);
	__type(value, __u64);
} audit_time_by_peer SEC(".maps");

#define AUDIT_PEER_NS (60ull * 1000000000)

static __always_inline void whose(struct rast_event *ev, const struct rast_container *c, __u64 id)
{
	ev->cgroup_id = id;
	ev->slot = c->slot;
	ev->identity = c->identity;
}

/* ---- exec ---- */

static __always_inline void exec_ancestors(struct rast_event_exec *ev, struct task_struct *task)
{
	struct task_struct *p = BPF_CORE_READ(task, real_parent);
	int i;

	ev->ppid = BPF_CORE_READ(p, tgid);
	ev->n_ancestors = 0;
	for (i = 0; i < RAST_ANCESTORS; i++) {
		struct rast_ancestor *a = &ev->ancestors[i];
		__u32 pid = p ? BPF_CORE_READ(p, tgid) : 0;

		a->pid = pid;
		a->pad = 0;
		__builtin_memset(a->comm, 0, sizeof(a->comm));
		if (!pid)
			continue;
		bpf_probe_read_kernel_str(a->comm, sizeof(a->comm),
					  &BPF_CORE_READ(p, group_leader)->comm);
		ev->n_ancestors++;
		p = BPF_CORE_READ(p, real_parent);
	}
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(audit_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct rast_event_exec *ev;
	struct rast_container *c;
	__u64 id, start, len;
	__u32 zero = 0;
	long n;

	c = container_current(&id);
	if (!c)
		return 0;
	ev = bpf_map_lookup_elem(&audit_exec_buffer, &zero);
	if (!ev)
		return 0;
	emit_task(&ev->hdr);
	whose(&ev->hdr, c, id);
	ev->hdr.pad2 = 0;
	ev->gid = bpf_get_current_uid_gid() >> 32;
	ev->inode = BPF_CORE_READ(bprm, file, f_inode, i_ino);
	ev->dev = BPF_CORE_READ(bprm, file, f_inode, i_sb, s_dev);
	ev->pad = 0;
	ev->pad2 = 0;
	n = bpf_probe_read_kernel_str(ev->file, sizeof(ev->file), BPF_CORE_READ(bprm, filename));
	ev->file_len = n > 0 ? n - 1 : 0;
	exec_ancestors(ev, task);

	start = BPF_CORE_READ(task, mm, arg_start);
	len = BPF_CORE_READ(task, mm, arg_end) - start;
	ev->args_truncated = len > RAST_EXEC_ARGS;
	if (len > RAST_EXEC_ARGS)
		len = RAST_EXEC_ARGS;
	/* The new stack has just been written; unreadable only if it was swapped out meanwhile. */
	if (bpf_probe_read_user(ev->args, len, (void *)start)) {
		ev->args_truncated = 1;
		len = 0;
	}
	ev->args_len = len;
	emit_copy(RAST_RING_PRIORITY, RAST_EVENT_EXEC, &ev->hdr,
		  __builtin_offsetof(struct rast_event_exec, args) + len);
	return 0;
}

/* ---- fork, exit ---- */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(audit_fork, struct task_struct *parent, struct task_struct *child)
{
	struct rast_event_fork *ev;
	struct rast_container *c;
	__u64 id;

	if (child->pid != child->tgid)
		return 0;
	/* The child's: clone3 may have put it into another cgroup than its parent's. */
	c = container_of_task(child, &id);
	if (!c)
		return 0;
	if (!c->init_pid)
		__sync_val_compare_and_swap(&c->init_pid, 0, child->tgid);
	ev = emit_begin(RAST_RING_ORDINARY, RAST_EVENT_FORK, sizeof(*ev));
	if (!ev)
		return 0;
	emit_task(&ev->hdr);
	whose(&ev->hdr, c, id);
	ev->child_pid = child->tgid;
	ev->child_tid = child->pid;
	emit_end_on(RAST_RING_ORDINARY, ev);
	return 0;
}

/* As wait(2) will report it. */
static __always_inline int exit_status(struct task_struct *task)
{
	if (task->signal->flags & SIGNAL_GROUP_EXIT)
		return task->signal->group_exit_code;
	return task->group_leader->exit_code;
}

static __always_inline void emit_exit(__u32 ring, const struct rast_container *c, __u64 id,
				      int status, bool is_init, __u64 start_ns)
{
	struct rast_event_exit *ev = emit_begin(ring, RAST_EVENT_EXIT, sizeof(*ev));

	if (!ev)
		return;
	emit_task(&ev->hdr);
	whose(&ev->hdr, c, id);
	ev->exit_code = status;
	ev->is_init = is_init;
	ev->pad[0] = ev->pad[1] = ev->pad[2] = 0;
	ev->age_ns = ev->hdr.time_ns - start_ns;
	emit_end_on(ring, ev);
}

SEC("tp_btf/sched_process_exit")
int audit_exit(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rast_container *c;
	__u64 id, start_ns;
	int status;

	c = container_current(&id);
	if (!c || !process_ends(ctx, task, PROCESS_END_AUDIT))
		return 0;
	status = exit_status(task);
	start_ns = task->group_leader->start_boottime;
	if (task->signal->oom_mm)
		__sync_fetch_and_or(&c->flags, RAST_CONTAINER_OOM);
	if (c->init_pid == (__u32)task->tgid) {
		c->exit_code = status;
		c->exited_ns = bpf_ktime_get_boot_ns();
		__sync_fetch_and_or(&c->flags, RAST_CONTAINER_EXITED);
		emit_exit(RAST_RING_PRIORITY, c, id, status, true, start_ns);
	} else {
		emit_exit(RAST_RING_ORDINARY, c, id, status, false, start_ns);
	}
	return 0;
}

/* ---- connect ---- */

static __always_inline void emit_connect(const struct rast_container *c, __u64 id,
					 const struct audit_peer *peer, __u8 protocol)
{
	struct rast_event_connect *ev;

	ev = emit_begin(RAST_RING_ORDINARY, RAST_EVENT_CONNECT, sizeof(*ev));
	if (!ev)
		return;
	emit_task(&ev->hdr);
	whose(&ev->hdr, c, id);
	ev->family = peer->family;
	ev->protocol = protocol;
	ev->allowed = 1;
	ev->pad = 0;
	ev->port = peer->port;
	ev->pad2 = 0;
	__builtin_memcpy(ev->addr, peer->addr, sizeof(ev->addr));
	emit_end_on(RAST_RING_ORDINARY, ev);
}

static __always_inline void peer4(struct bpf_sock_addr *ctx, struct audit_peer *peer)
{
	peer->family = 2;
	peer->port = bpf_ntohs((__u16)ctx->user_port);
	*(__u32 *)peer->addr = ctx->user_ip4;
}

static __always_inline void peer6(struct bpf_sock_addr *ctx, struct audit_peer *peer)
{
	__u32 *a = (__u32 *)peer->addr;

	peer->family = 10;
	peer->port = bpf_ntohs((__u16)ctx->user_port);
	a[0] = ctx->user_ip6[0];
	a[1] = ctx->user_ip6[1];
	a[2] = ctx->user_ip6[2];
	a[3] = ctx->user_ip6[3];
}

static __always_inline int connected(const struct audit_peer *peer, __u8 protocol)
{
	struct rast_container *c;
	__u64 id;

	c = container_current(&id);
	if (c)
		emit_connect(c, id, peer, protocol);
	return 1;
}

/* sendto(2) without connect: one event a peer and minute, or a DNS client would be a flood. */
static __always_inline int sent_to(struct audit_peer *peer, __u8 protocol)
{
	__u64 id, now = bpf_ktime_get_boot_ns(), *last;
	struct rast_container *c;

	c = container_current(&id);
	if (!c)
		return 1;
	peer->slot = c->slot;
	last = bpf_map_lookup_elem(&audit_time_by_peer, peer);
	if (last && now - *last < AUDIT_PEER_NS)
		return 1;
	bpf_map_update_elem(&audit_time_by_peer, peer, &now, BPF_ANY);
	emit_connect(c, id, peer, protocol);
	return 1;
}

SEC("cgroup/connect4")
int audit_conn4(struct bpf_sock_addr *ctx)
{
	struct audit_peer peer = {};

	peer4(ctx, &peer);
	return connected(&peer, ctx->protocol);
}

SEC("cgroup/connect6")
int audit_conn6(struct bpf_sock_addr *ctx)
{
	struct audit_peer peer = {};

	peer6(ctx, &peer);
	return connected(&peer, ctx->protocol);
}

SEC("cgroup/sendmsg4")
int audit_send4(struct bpf_sock_addr *ctx)
{
	struct audit_peer peer = {};

	peer4(ctx, &peer);
	return sent_to(&peer, ctx->protocol);
}

SEC("cgroup/sendmsg6")
int audit_send6(struct bpf_sock_addr *ctx)
{
	struct audit_peer peer = {};

	peer6(ctx, &peer);
	return sent_to(&peer, ctx->protocol);
}

/* ---- out of memory ---- */

/* Up to 6.7 the tracepoint gives only the victim's pid. Who runs then is a task of the same memory
 * cgroup that asked for memory, so the container is right; the victim's sizes are not known. */
SEC("raw_tp/mark_victim")
int audit_oom(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *victim = NULL;
	struct rast_event_oom *ev;
	struct rast_container *c;
	__u64 id;

	if (compat_victim_is_task()) {
		victim = (struct task_struct *)ctx->args[0];
		c = container_of_task(victim, &id);
	} else {
		c = container_current(&id);
	}
	if (!c)
		return 0;
	__sync_fetch_and_or(&c->flags, RAST_CONTAINER_OOM);
	ev = emit_begin(RAST_RING_PRIORITY, RAST_EVENT_OOM, sizeof(*ev));
	if (!ev)
		return 0;
	whose(&ev->hdr, c, id);
	ev->rss_bytes = 0;
	if (victim) {
		ev->hdr.pid = BPF_CORE_READ(victim, tgid);
		ev->hdr.tid = BPF_CORE_READ(victim, pid);
		ev->hdr.uid = BPF_CORE_READ(victim, cred, uid.val);
		bpf_probe_read_kernel_str(ev->hdr.comm, sizeof(ev->hdr.comm), &victim->comm);
		ev->rss_bytes = compat_rss_pages(BPF_CORE_READ(victim, mm)) << 12;
	} else {
		ev->hdr.pid = ev->hdr.tid = (__u32)ctx->args[0];
	}
	emit_end_on(RAST_RING_PRIORITY, ev);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
