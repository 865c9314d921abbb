// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a container uses: CPU and memory by the cgroup iterator, network, system calls and processes
 * by events, all into mmapable arrays by container slot. Observation: fails open.
 *
 *	account_collect  iter.s/cgroup           CPU (rstat flushed first), memory, tasks
 *	account_rx, _tx  cgroup_skb              bytes and packets of the container's sockets; chosen over
 *	                                         the link counters because only sockets tell containers
 *	                                         of one pod, and of the host's network, apart
 *	account_syscall  tp_btf/sys_exit         the histogram; the one program on every system call, so
 *	                                         entry is left alone: number and result are known at exit
 *	account_fork, _exec, _exit  tp_btf/sched_process_*
 *
 * Reading the pinned iterator runs account_collect over the instance's whole tree in one go; nothing
 * opens a file per container. Containers of other runtimes, which are elsewhere, are read one by one.
 */
#include "vmlinux.h"
#include "bpf/account.h"
#include "bpf/lib/anomaly.bpf.h"
#include "bpf/lib/container.bpf.h"
#include "bpf/lib/process.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

enum account_flush { ACCOUNT_FLUSH_NONE, ACCOUNT_FLUSH_CGROUP, ACCOUNT_FLUSH_CSS };

/* Which of the two kfuncs below this kernel has; bpf_ksym_exists() needs libbpf 1.2. */
const volatile __u32 account_flush_kind;

/* 6.1 .. 6.15; then renamed, with another argument. */
extern void cgroup_rstat_flush(struct cgroup *cgrp) __ksym __weak;
extern void css_rstat_flush(struct cgroup_subsys_state *css) __ksym __weak;

/* Slot → figures. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, RAST_MAX_CONTAINERS);
	__type(key, __u32);
	__type(value, struct rast_account);
} account_by_slot SEC(".maps");

/* Slot → system calls by number. 16 MB: a page a container, so that a reader maps what it wants. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, RAST_MAX_CONTAINERS);
	__type(key, __u32);
	__type(value, struct rast_syscalls);
} syscall_by_slot SEC(".maps");

/*
 * Slots of containers by the low bits of their cgroup's id: (id << 12) | slot, one word, so that it is
 * never half another's. It saves the hash on every system call and packet; what matters more, this is
 * one page where that is two. A hint, no more: records say whose they are, and who does not find its own
 * asks the hash. A cgroup has one slot as long as it lives.
 */
#define SLOT_BITS 12
#define SLOT_HINTS 16384
_Static_assert(RAST_MAX_CONTAINERS == 1u << SLOT_BITS, "slots fill the hint's low bits");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOT_HINTS);
	__type(key, __u32);
	__type(value, __u64);
} slot_hint_by_id SEC(".maps");

/* RAST_SLOT_NONE: not one of ours. */
static __always_inline __u32 slot_of(__u64 id)
{
	__u32 at = id & (SLOT_HINTS - 1);
	struct rast_container *c;
	__u64 *hint, word;

	if (!id)
		return RAST_SLOT_NONE;
	hint = bpf_map_lookup_elem(&slot_hint_by_id, &at);
	if (hint) {
		word = *(volatile __u64 *)hint;
		if (word >> SLOT_BITS == id << SLOT_BITS >> SLOT_BITS)
			return word & (RAST_MAX_CONTAINERS - 1);
	}
	c = container_of_id(id);
	if (!c)
		return RAST_SLOT_NONE;
	if (hint && c->slot < RAST_MAX_CONTAINERS)
		*(volatile __u64 *)hint = id << SLOT_BITS | c->slot;
	return c->slot;
}

/*
 * A container does not find its record in this slot: the first event of one, or the last of one whose
 * slot another container has by now. Whoever wins the exchange clears what the last one left.
 */
__noinline int account_claim(__u32 slot, __u64 id)
{
	struct rast_account *a = bpf_map_lookup_elem(&account_by_slot, &slot);
	struct rast_syscalls *s = bpf_map_lookup_elem(&syscall_by_slot, &slot);
	struct rast_container *c = container_of_id(id);
	__u64 old;
	__u32 i;

	if (!a || !s || !c || c->slot != slot)
		return -1;
	old = a->cgroup_id;
	if (old != id && __sync_val_compare_and_swap(&a->cgroup_id, old, id) == old)
		__builtin_memset((char *)a + sizeof(a->cgroup_id), 0,
				 sizeof(*a) - sizeof(a->cgroup_id));
	old = s->cgroup_id;
	if (old != id && __sync_val_compare_and_swap(&s->cgroup_id, old, id) == old)
		for (i = 0; i < RAST_MAX_SYSCALLS; i++)
			*(volatile __u64 *)&s->count[i] = 0; /* or clang makes it a memset() */
	return 0;
}

static __always_inline struct rast_account *account_of_id(__u64 id)
{
	__u32 slot = slot_of(id);
	struct rast_account *a = bpf_map_lookup_elem(&account_by_slot, &slot);

	if (a && a->cgroup_id != id && account_claim(slot, id))
		return NULL;
	return a;
}

static __always_inline struct rast_account *account_current(void)
{
	return account_of_id(container_id_current());
}

static __always_inline void add(__u64 *counter, __u64 n)
{
	__sync_fetch_and_add(counter, n);
}

/* ---- system calls ---- */

static __always_inline bool is_refused(long ret)
{
	/* EPERM, EACCES, ENETUNREACH, ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH */
	return ret == -1 || ret == -13 || ret == -101 || ret == -110 || ret == -111 || ret == -113;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(account_syscall, struct pt_regs *regs, long ret)
{
	__u64 id = container_id_current();
	struct rast_account *a;
	struct rast_syscalls *s;
	__u32 slot = slot_of(id), nr;

	/* No slot is past the end of the array. */
	s = bpf_map_lookup_elem(&syscall_by_slot, &slot);
	if (!s || (s->cgroup_id != id && account_claim(slot, id)))
		return 0;
	nr = regs->orig_ax;
	if (nr >= RAST_MAX_SYSCALLS || regs->cs == 0x23) /* __USER32_CS */
		nr = RAST_SYSCALL_OTHER;
	if (!__sync_fetch_and_add(&s->count[nr], 1))
		anomaly_first_syscall(slot, nr);
	if (ret < 0 && ret >= -4095) {
		a = bpf_map_lookup_elem(&account_by_slot, &slot);
		if (!a)
			return 0;
		add(&a->syscall_errors, 1);
		if (nr == 42 && is_refused(ret))
			add(&a->connects_failed, 1);
	}
	return 0;
}

/* ---- processes ---- */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(account_fork, struct task_struct *parent, struct task_struct *child)
{
	/* The child's: clone3 may have put it into another cgroup than its parent's. */
	__u64 id = container_id_of_cgroup(BPF_CORE_READ(child, cgroups, dfl_cgrp));
	struct rast_account *a = account_of_id(id);

	if (a)
		add(child->pid == child->tgid ? &a->forks : &a->threads, 1);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(account_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct rast_account *a = account_current();

	if (a)
		add(&a->execs, 1);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int account_exit(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rast_account *a = account_current();

	if (a && process_ends(ctx, task, PROCESS_END_ACCOUNT))
		add(&a->exits, 1);
	return 0;
}

/* ---- network ---- */

struct account_search {
	struct container_search s;
	struct __sk_buff *skb;
};

static long account_search_skb(__u64 level, struct account_search *a)
{
	if (!(a->s.levels >> (level & 31) & 1))
		return 0;
	return container_search_end(&a->s, bpf_skb_ancestor_cgroup_id(a->skb, level));
}

/* Both hooks see the packet from its IP header on. */
static __always_inline struct rast_account *account_of_skb(struct __sk_buff *skb)
{
	struct account_search a = {.skb = skb};

	if (!container_search_wanted(&a.s))
		return account_of_id(bpf_skb_ancestor_cgroup_id(skb, container_level));
	bpf_loop(a.s.n, account_search_skb, &a, 0);
	return account_of_id(a.s.found);
}

SEC("cgroup_skb/ingress")
int account_rx(struct __sk_buff *skb)
{
	struct rast_account *a = account_of_skb(skb);

	if (a) {
		add(&a->rx_packets, 1);
		add(&a->rx_bytes, skb->len);
	}
	return 1;
}

SEC("cgroup_skb/egress")
int account_tx(struct __sk_buff *skb)
{
	struct rast_account *a = account_of_skb(skb);

	if (a) {
		add(&a->tx_packets, 1);
		add(&a->tx_bytes, skb->len);
	}
	return 1;
}

/* ---- the iterator ---- */

/* One for each combination of cgroups of the other hierarchies that the tasks are in. */
#define ACCOUNT_MAX_CSETS 256

/* Is the v1 memory cgroup the container's own? Its last path component is the same then; otherwise
 * the tasks sit in somebody else's and its figures would be a lie. */
static __always_inline bool same_name(struct cgroup *x, struct cgroup *y)
{
	/* Compared in words and without a branch: byte by byte the verifier would follow 64 paths. */
	__u64 a[8] = {}, b[8] = {}, differs = 0;
	int i;

	bpf_probe_read_kernel_str(a, sizeof(a), BPF_CORE_READ(x, kn, name));
	bpf_probe_read_kernel_str(b, sizeof(b), BPF_CORE_READ(y, kn, name));
	for (i = 0; i < 8; i++)
		differs |= a[i] ^ b[i];
	return !differs;
}

static __always_inline void take_memory(struct rast_account *a, struct cgroup_subsys_state *css,
					__u32 flag)
{
	/* The css is the first member of struct mem_cgroup, on every kernel. */
	struct mem_cgroup *memcg = (void *)css;

	a->mem_bytes = (__u64)BPF_CORE_READ(memcg, memory.usage.counter) << 12;
	a->mem_peak_bytes = (__u64)BPF_CORE_READ(memcg, memory.watermark) << 12;
	a->flags = (a->flags & ~(RAST_ACCOUNT_MEM_V1 | RAST_ACCOUNT_MEM_V2)) | flag;
}

/* Walks the css_sets of one cgroup: adds up their tasks, and keeps the memory controller's state of
 * one that has tasks, for when the controller is not on this hierarchy. */
struct account_walk {
	__u64 head, pos; /* struct list_head * */
	struct cgroup_subsys_state *css;
	__u32 mem_id, tasks;
};

static long account_walk_cset(__u64 i, struct account_walk *w)
{
	__u64 off = __builtin_preserve_field_info(((struct cgrp_cset_link *)0)->cset_link,
						  BPF_FIELD_BYTE_OFFSET);
	struct list_head *pos = (void *)w->pos;
	struct cgrp_cset_link *link = (void *)pos - off;
	struct cgroup_subsys_state *css = NULL;
	struct css_set *cset;
	int n;

	if (!w->pos || w->pos == w->head)
		return 1;
	cset = BPF_CORE_READ(link, cset);
	n = BPF_CORE_READ(cset, nr_tasks);
	w->tasks += n;
	if (n > 0 && w->mem_id < 16) {
		bpf_probe_read_kernel(&css, sizeof(css),
				      (void *)&cset->subsys[0] + w->mem_id * sizeof(css));
		if (css)
			w->css = css;
	}
	w->pos = (__u64)BPF_CORE_READ(pos, next);
	return 0;
}

SEC("iter.s/cgroup")
int account_collect(struct bpf_iter__cgroup *ctx)
{
	struct cgroup_subsys_state *css = NULL, *v1;
	struct account_walk walk = {};
	__u32 mem_id = ~0u;
	struct cgroup *cgrp = ctx->cgroup;
	struct rast_account *a;
	__u64 id;

	if (!cgrp)
		return 0;
	id = container_id_of_cgroup(cgrp);
	a = account_of_id(id);
	if (!a)
		return 0;
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		mem_id = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	walk.mem_id = mem_id;
	walk.head = (__u64)&cgrp->cset_links;
	walk.pos = (__u64)cgrp->cset_links.next;
	bpf_loop(ACCOUNT_MAX_CSETS, account_walk_cset, &walk, 0);
	v1 = walk.css;
	/* Children come before their parents: what they added waits in tasks_sum. */
	if (BPF_CORE_READ(cgrp, kn, id) != id) {
		a->tasks_sum += walk.tasks;
		return 0;
	}
	a->tasks = a->tasks_sum + walk.tasks;
	a->tasks_sum = 0;

	if (account_flush_kind == ACCOUNT_FLUSH_CSS)
		css_rstat_flush(&cgrp->self);
	else if (account_flush_kind == ACCOUNT_FLUSH_CGROUP)
		cgroup_rstat_flush(cgrp);
	a->cpu_user_ns = cgrp->bstat.cputime.utime;
	a->cpu_system_ns = cgrp->bstat.cputime.stime;
	a->cpu_usage_ns = cgrp->bstat.cputime.sum_exec_runtime;
	if (account_flush_kind)
		a->flags |= RAST_ACCOUNT_CPU;

	if (mem_id < 16)
		bpf_probe_read_kernel(&css, sizeof(css),
				      (void *)&cgrp->subsys[0] + mem_id * sizeof(css));
	if (css)
		take_memory(a, css, RAST_ACCOUNT_MEM_V2);
	else if (v1 && same_name(BPF_CORE_READ(v1, cgroup), cgrp))
		take_memory(a, v1, RAST_ACCOUNT_MEM_V1);
	a->updated_ns = bpf_ktime_get_boot_ns();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
