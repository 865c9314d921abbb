// SPDX-License-Identifier: BSD-2-Clause
/* See flow_bpf.h. All of it by pins; nothing is loaded. */
#include "policy/flow_bpf.h"

#include "base/fd.h"
#include "loader/loader.h"
#include "policy/policy_bpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Sums are taken when there are some: more than all entries is a walk that ran in circles. */
#define MAX_SUMS 65536u

int rast_flow_bpf_sweep(const struct rast_instance *in, uint32_t *ret_live, struct rast_err *err)
{
	_cleanup_close_ int prog = rast_loader_prog_fd(in, "flow_sweep", err);
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (prog < 0)
		return prog;
	if (bpf_prog_test_run_opts(prog, &opts) < 0)
		return rast_err_sys(err, errno, "flow_sweep");
	if (ret_live)
		*ret_live = opts.retval;
	return 0;
}

struct sums {
	int by_edge, rest, control;
	void (*fn)(void *arg, const struct rast_flow_sum_key *key, const struct rast_flow_sum *sum);
	void *arg;
};

static void close_sums(struct sums *s)
{
	rast_closep(&s->by_edge);
	rast_closep(&s->rest);
	rast_closep(&s->control);
}

static int open_sums(const struct rast_instance *in, struct sums *s, struct rast_err *err)
{
	s->by_edge = rast_loader_map_fd(in, "flow_sum_by_edge", err);
	s->rest = s->by_edge < 0 ? -1 : rast_loader_map_fd(in, "flow_sum_rest", err);
	s->control = s->rest < 0 ? -1 : rast_loader_map_fd(in, "flow_control", err);
	return s->control < 0 ? -ENOENT : 0;
}

static bool any_sums(const struct sums *s)
{
	struct rast_flow_sum_key key;
	struct rast_flow_sum rest;

	if (!bpf_map_get_next_key(s->by_edge, NULL, &key))
		return true;
	for (uint32_t bank = 0; bank < 2; bank++)
		if (!bpf_map_lookup_elem(s->rest, &bank, &rest) && rest.flows)
			return true;
	return false;
}

/* From here on nobody writes to *ret_bank. */
static int switch_bank(const struct sums *s, uint32_t *ret_bank, struct rast_err *err)
{
	struct rast_flow_control control;
	uint32_t zero = 0, bank;

	if (bpf_map_lookup_elem(s->control, &zero, &control))
		return rast_err_sys(err, errno, "flow_control");
	bank = control.bank & 1;
	control.bank = !bank;
	if (bpf_map_update_elem(s->control, &zero, &control, BPF_ANY))
		return rast_err_sys(err, errno, "flow_control");
	rast_policy_bpf_wait_for_programs();
	*ret_bank = bank;
	return 0;
}

static void take_bank(const struct sums *s, uint32_t bank)
{
	const struct rast_flow_sum zero = {0};
	struct rast_flow_sum_key key, next;
	struct rast_flow_sum sum;
	bool more = !bpf_map_get_next_key(s->by_edge, NULL, &next);

	for (uint32_t n = 0; more && n < MAX_SUMS; n++) {
		key = next;
		more = !bpf_map_get_next_key(s->by_edge, &key, &next);
		if (key.bank != bank || bpf_map_lookup_elem(s->by_edge, &key, &sum) ||
		    bpf_map_delete_elem(s->by_edge, &key))
			continue;
		s->fn(s->arg, &key, &sum);
	}
	if (bpf_map_lookup_elem(s->rest, &bank, &sum) || !sum.flows ||
	    bpf_map_update_elem(s->rest, &bank, &zero, BPF_ANY))
		return;
	memset(&key, 0, sizeof(key));
	s->fn(s->arg, &key, &sum);
}

int rast_flow_bpf_sums(const struct rast_instance *in,
		       void (*fn)(void *arg, const struct rast_flow_sum_key *key,
				  const struct rast_flow_sum *sum),
		       void *arg, struct rast_err *err)
{
	_cleanup_(close_sums) struct sums s = {-1, -1, -1, fn, arg};
	uint32_t bank;
	int r = open_sums(in, &s, err);

	if (r < 0 || !any_sums(&s))
		return r;
	r = switch_bank(&s, &bank, err);
	if (!r)
		take_bank(&s, bank);
	return r;
}

int rast_flow_bpf_stats(const struct rast_instance *in, struct rast_flow_stats *ret,
			uint64_t *ret_missed, struct rast_err *err)
{
	_cleanup_close_ int fd = rast_loader_map_fd(in, "flow_stats", err);
	_cleanup_close_ int prog = rast_loader_prog_fd(in, "flow_socket", NULL);
	int n_cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct rast_flow_stats *per_cpu = NULL;
	struct rast_flow_stats sum = {0};
	struct bpf_prog_info info = {0};
	uint32_t zero = 0, len = sizeof(info);

	if (fd < 0)
		return fd;
	per_cpu = calloc(n_cpus > 0 ? (size_t)n_cpus : 1, sizeof(*per_cpu));
	if (!per_cpu)
		return rast_err_set(err, ENOMEM, "out of memory");
	if (bpf_map_lookup_elem(fd, &zero, per_cpu))
		return rast_err_sys(err, errno, "flow_stats");
	for (int i = 0; i < n_cpus; i++) {
		sum.opened += per_cpu[i].opened;
		sum.ended += per_cpu[i].ended;
		sum.told += per_cpu[i].told;
		sum.summed += per_cpu[i].summed;
		sum.strangers += per_cpu[i].strangers;
	}
	*ret = sum;
	*ret_missed = 0;
	if (prog >= 0 && !bpf_obj_get_info_by_fd(prog, &info, &len))
		*ret_missed = info.recursion_misses;
	return 0;
}

uint32_t rast_flow_netns_of(int netns_fd)
{
	struct stat st;

	return fstat(netns_fd, &st) < 0 ? 0 : (uint32_t)st.st_ino;
}
