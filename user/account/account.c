// SPDX-License-Identifier: BSD-2-Clause
/* The meaning of accounted figures; see account.h. Pure: the records come from elsewhere. */
#include "account/account.h"

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rast_account_cpu(const struct rast_account *a, uint64_t *ret_user_ns, uint64_t *ret_system_ns)
{
	uint64_t sum = a->cpu_usage_ns, user = a->cpu_user_ns, system = a->cpu_system_ns;

	if (!system) {
		system = 0;
	} else if (!user) {
		system = sum;
	} else {
		system = (uint64_t)((unsigned __int128)sum * system /
				    ((unsigned __int128)user + system));
	}
	*ret_system_ns = system;
	*ret_user_ns = sum - system;
}

uint64_t rast_account_calls(const struct rast_syscalls *s)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; s && i < RAST_MAX_SYSCALLS; i++)
		sum += s->count[i];
	return sum;
}

static int by_count(const void *x, const void *y)
{
	const struct rast_account_top *a = x, *b = y;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return a->nr < b->nr ? -1 : a->nr > b->nr;
}

size_t rast_account_top(const struct rast_syscalls *s, struct rast_account_top *ret, size_t n)
{
	struct rast_account_top all[RAST_MAX_SYSCALLS];
	size_t used = 0;
	unsigned int i;

	for (i = 0; i < RAST_MAX_SYSCALLS; i++)
		if (s->count[i])
			all[used++] = (struct rast_account_top){i, s->count[i]};
	qsort(all, used, sizeof(all[0]), by_count);
	if (n > used)
		n = used;
	memcpy(ret, all, n * sizeof(all[0]));
	return n;
}

const char *rast_account_syscall_name(unsigned int nr, char *buf, size_t size)
{
	char *name = NULL;

	if (nr == RAST_SYSCALL_OTHER) {
		(void)snprintf(buf, size, "other");
		return buf;
	}
	name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, (int)nr);
	if (name)
		(void)snprintf(buf, size, "%s", name);
	else
		(void)snprintf(buf, size, "#%u", nr);
	free(name);
	return buf;
}

static void set(json_t *obj, const char *key, uint64_t value)
{
	(void)json_object_set_new(obj, key, json_integer((json_int_t)value));
}

json_t *rast_account_json(const struct rast_account *a, const struct rast_syscalls *s)
{
	json_t *obj = json_object();
	uint64_t user, system;

	rast_account_cpu(a, &user, &system);
	set(obj, "cpu_ns", a->cpu_usage_ns);
	set(obj, "cpu_user_ns", user);
	set(obj, "cpu_system_ns", system);
	set(obj, "mem_bytes", a->mem_bytes);
	set(obj, "mem_peak_bytes", a->mem_peak_bytes);
	rast_json_set_str(obj, "mem_source",
			  a->flags & RAST_ACCOUNT_MEM_V2   ? "cgroup2"
			  : a->flags & RAST_ACCOUNT_MEM_V1 ? "cgroup1"
							   : "none");
	set(obj, "tasks", a->tasks);
	set(obj, "net_rx_bytes", a->rx_bytes);
	set(obj, "net_rx_packets", a->rx_packets);
	set(obj, "net_tx_bytes", a->tx_bytes);
	set(obj, "net_tx_packets", a->tx_packets);
	set(obj, "syscalls", rast_account_calls(s));
	set(obj, "syscall_errors", a->syscall_errors);
	set(obj, "connects_failed", a->connects_failed);
	set(obj, "execs", a->execs);
	set(obj, "forks", a->forks);
	set(obj, "threads", a->threads);
	set(obj, "exits", a->exits);
	return obj;
}

void rast_account_sample(const struct rast_account *a, const struct rast_syscalls *s,
			 uint64_t time_ns, struct rast_account_sample *ret)
{
	*ret = (struct rast_account_sample){
		.time_ns = time_ns,
		.cpu_ns = a->cpu_usage_ns,
		.rx_bytes = a->rx_bytes,
		.tx_bytes = a->tx_bytes,
		.syscalls = rast_account_calls(s),
		.execs = a->execs,
	};
}

static void rate(json_t *obj, const char *key, uint64_t before, uint64_t now, uint64_t ns)
{
	double per_s = (double)(now - before) * 1e9 / (double)ns;

	(void)json_object_set_new(obj, key, json_integer((json_int_t)(per_s + 0.5)));
}

void rast_account_rates(const struct rast_account_sample *before,
			const struct rast_account_sample *now, json_t *obj)
{
	uint64_t ns = now->time_ns - before->time_ns;
	double percent;

	if (now->time_ns <= before->time_ns || now->cpu_ns < before->cpu_ns ||
	    now->rx_bytes < before->rx_bytes || now->tx_bytes < before->tx_bytes ||
	    now->syscalls < before->syscalls || now->execs < before->execs)
		return;
	percent = (double)(now->cpu_ns - before->cpu_ns) * 100 / (double)ns;
	/* One decimal is what a person reads, and what is left of the clocks' jitter. */
	(void)json_object_set_new(obj, "cpu_percent",
				  json_real((double)(int64_t)(percent * 10 + 0.5) / 10));
	rate(obj, "net_rx_bytes_s", before->rx_bytes, now->rx_bytes, ns);
	rate(obj, "net_tx_bytes_s", before->tx_bytes, now->tx_bytes, ns);
	rate(obj, "syscalls_s", before->syscalls, now->syscalls, ns);
	rate(obj, "execs_s", before->execs, now->execs, ns);
}
