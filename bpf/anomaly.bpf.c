// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How a container behaves, in windows of ten seconds: distinct destinations it opens, connect and
 * exec rates. Past a limit an event goes to the priority ring, once a window and kind.
 * Observation: it never refuses anything, and fails open.
 *
 *	anomaly_conn4, _conn6  cgroup/connect4, connect6
 *	anomaly_send4, _send6  cgroup/sendmsg4, sendmsg6: UDP without connect
 *	anomaly_exec           tp_btf/sched_process_exec
 *
 * A window starts with the first event after the last one's end: a container that does nothing costs
 * nothing, and a reader must look at start_ns before it believes the counts.
 */
#include "vmlinux.h"
#include "bpf/lib/anomaly.bpf.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* Slot → behaviour. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, RAST_MAX_CONTAINERS);
	__type(key, __u32);
	__type(value, struct rast_anomaly_window);
} anomaly_by_slot SEC(".maps");

static __always_inline void roll(struct rast_anomaly_window *w, __u64 start, __u64 now)
{
	int i;

	/* Whoever moves the start closes the window; the others count on in the new one. */
	if (__sync_val_compare_and_swap(&w->start_ns, start, now) != start)
		return;
	w->last_fanout_bits = w->fanout_bits;
	w->last_execs = w->execs;
	w->fanout_bits = 0;
	w->execs = 0;
	w->raised = 0;
	w->windows++;
	for (i = 0; i < (int)(RAST_FANOUT_BITS / 64); i++)
		w->bitmap[i] = 0;
}

static __always_inline void claim(struct rast_anomaly_window *w, __u64 id)
{
	__u64 old = w->cgroup_id;

	if (__sync_val_compare_and_swap(&w->cgroup_id, old, id) == old)
		__builtin_memset((char *)w + sizeof(w->cgroup_id), 0,
				 sizeof(*w) - sizeof(w->cgroup_id));
}

/* The window of a container, rolled on when its time is over. */
static __always_inline struct rast_anomaly_window *
window_of(const struct rast_container *c, __u64 id, const struct rast_anomaly_limit **ret_limit,
	  __u32 *ret_ms)
{
	__u32 slot = c->slot, ms = RAST_ANOMALY_WINDOW_MS;
	struct rast_anomaly_window *w = bpf_map_lookup_elem(&anomaly_by_slot, &slot);
	__u64 now = bpf_ktime_get_boot_ns(), start;

	*ret_limit = anomaly_limit(slot, id);
	if (!w || !*ret_limit)
		return NULL;
	if ((*ret_limit)->window_ms)
		ms = (*ret_limit)->window_ms;
	*ret_ms = ms;
	if (w->cgroup_id != id)
		claim(w, id);
	start = w->start_ns;
	/* Signed: another CPU may have rolled it on after we looked at the clock. */
	if (!start || (__s64)(now - start) >= (__s64)(ms * 1000000ull))
		roll(w, start, now);
	return w;
}

static __always_inline void check(struct rast_anomaly_window *w, const struct rast_container *c,
				  __u64 id, __u32 kind, __u32 value, __u32 limit, __u32 ms)
{
	__u32 bit = 1u << kind;

	if (!limit || value <= limit || (w->raised & bit))
		return;
	if (__sync_fetch_and_or(&w->raised, bit) & bit)
		return;
	__sync_fetch_and_add(&w->alarms, 1);
	anomaly_emit(c, id, kind, value, limit, ms);
}

static __always_inline __u32 mix(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	return x ^ (x >> 33);
}

/* hash: of address and port. One function for four programs: verified once. */
__noinline int anomaly_destination(__u32 hash)
{
	const struct rast_anomaly_limit *limit;
	struct rast_anomaly_window *w;
	struct rast_container *c;
	__u32 ms = 0, bits;
	__u64 id, bit, *word;

	c = container_current(&id);
	if (!c)
		return 0;
	w = window_of(c, id, &limit, &ms);
	if (!w)
		return 0;
	__sync_fetch_and_add(&w->connects, 1);
	hash &= RAST_FANOUT_BITS - 1;
	word = &w->bitmap[hash / 64];
	bit = 1ull << (hash % 64);
	if ((*word & bit) || (__sync_fetch_and_or(word, bit) & bit))
		return 0;
	__sync_fetch_and_add(&w->destinations, 1);
	bits = __sync_fetch_and_add(&w->fanout_bits, 1) + 1;
	check(w, c, id, RAST_ANOMALY_FANOUT, bits, limit->fanout, ms);
	return 0;
}

static __always_inline int destination4(struct bpf_sock_addr *ctx)
{
	anomaly_destination(mix((__u64)ctx->user_ip4 << 16 ^ ctx->user_port));
	return 1;
}

static __always_inline int destination6(struct bpf_sock_addr *ctx)
{
	__u64 hi = (__u64)ctx->user_ip6[0] << 32 | ctx->user_ip6[1];
	__u64 lo = (__u64)ctx->user_ip6[2] << 32 | ctx->user_ip6[3];

	anomaly_destination(mix(mix(hi) ^ mix(lo + 1) ^ (__u64)ctx->user_port << 32));
	return 1;
}

SEC("cgroup/connect4")
int anomaly_conn4(struct bpf_sock_addr *ctx)
{
	return destination4(ctx);
}

SEC("cgroup/connect6")
int anomaly_conn6(struct bpf_sock_addr *ctx)
{
	return destination6(ctx);
}

SEC("cgroup/sendmsg4")
int anomaly_send4(struct bpf_sock_addr *ctx)
{
	return destination4(ctx);
}

SEC("cgroup/sendmsg6")
int anomaly_send6(struct bpf_sock_addr *ctx)
{
	return destination6(ctx);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(anomaly_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	const struct rast_anomaly_limit *limit;
	struct rast_anomaly_window *w;
	struct rast_container *c;
	__u32 ms = 0, execs;
	__u64 id;

	c = container_current(&id);
	if (!c)
		return 0;
	w = window_of(c, id, &limit, &ms);
	if (!w)
		return 0;
	execs = __sync_fetch_and_add(&w->execs, 1) + 1;
	check(w, c, id, RAST_ANOMALY_EXEC_RATE, execs, limit->execs, ms);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
