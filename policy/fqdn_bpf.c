// SPDX-License-Identifier: BSD-2-Clause
/* See fqdn_bpf.h. Only pinned maps are used; nothing here has to run for names to be learnt. */
#include "policy/fqdn_bpf.h"

#include "base/fd.h"
#include "loader/loader.h"
#include "policy/fqdn.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Takes the entries of this slot out: keys of `size` bytes with the slot at `at`. */
static void clear(int map, size_t size, size_t at, uint32_t slot)
{
	uint8_t key[sizeof(struct rast_name_key)], next[sizeof(key)];
	bool more = !bpf_map_get_next_key(map, NULL, next);

	while (more) {
		memcpy(key, next, size);
		more = !bpf_map_get_next_key(map, key, next);
		if (!memcmp(key + at, &slot, sizeof(slot)))
			(void)bpf_map_delete_elem(map, key);
	}
}

static int full(struct rast_err *err)
{
	if (errno == E2BIG || errno == ENOMEM)
		return rast_err_set(err, ENOSPC,
				    "no room for the names of this policy in the kernel");
	return rast_err_sys(err, errno, "names of the policy");
}

/* What the number of a pattern, or of a rule with `dns`, means in this image. */
static int put_class(int map, uint32_t slot, uint64_t pattern, bool is_rule, uint32_t klass,
		     struct rast_err *err)
{
	struct rast_pattern_key key = {.pattern = pattern, .slot = slot, .is_rule = is_rule};

	return bpf_map_update_elem(map, &key, &klass, BPF_ANY) ? full(err) : 0;
}

int rast_fqdn_bpf_fill(const struct rast_instance *in, uint32_t slot,
		       const struct rast_name_table *names, struct rast_err *err)
{
	_cleanup_close_ int by_name = rast_loader_map_fd(in, "name_pattern", err);
	_cleanup_close_ int by_pattern =
		by_name < 0 ? by_name : rast_loader_map_fd(in, "class_by_pattern", err);
	int r = 0;

	if (by_pattern < 0)
		return by_pattern;
	clear(by_name, sizeof(struct rast_name_key), offsetof(struct rast_name_key, slot), slot);
	clear(by_pattern, sizeof(struct rast_pattern_key), offsetof(struct rast_pattern_key, slot),
	      slot);
	for (uint32_t i = 0; i < names->n_patterns && !r; i++) {
		const struct rast_pattern *p = &names->patterns[i];
		struct rast_name_key key = {.slot = slot, .group = p->group};
		struct rast_name_pattern value = {0};

		memcpy(key.name, names->text + p->text, p->len);
		/* The name and the names before it may both be in use. */
		(void)bpf_map_lookup_elem(by_name, &key, &value);
		*(p->suffix ? &value.suffix : &value.exact) = p->id;
		if (bpf_map_update_elem(by_name, &key, &value, BPF_ANY))
			return full(err);
		r = put_class(by_pattern, slot, p->group ? p->group : p->id, p->group, p->klass,
			      err);
	}
	return r;
}

/* ---- reading ---- */

static uint64_t coarse_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static json_t *learnt_json(const struct rast_learnt_key *k, const struct rast_learnt *e,
			   uint64_t now)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = !memcmp(k->addr, mapped, sizeof(mapped));
	char addr[INET6_ADDRSTRLEN], text[RAST_FQDN_TEXT_SIZE], number[20];
	json_t *patterns = json_array();
	uint64_t until = 0;

	for (size_t i = 0; i < RAST_NAME_SLOTS; i++) {
		if (e->slots[i].until_ns <= now)
			continue;
		if (e->slots[i].until_ns > until)
			until = e->slots[i].until_ns;
		(void)snprintf(number, sizeof(number), "%016llx",
			       (unsigned long long)e->slots[i].pattern);
		(void)json_array_append_new(patterns, json_string(number));
	}
	if (!json_array_size(patterns)) {
		json_decref(patterns);
		return NULL;
	}
	return json_pack(
		"{s:I,s:s,s:s,s:I,s:o}", "identity", (json_int_t)k->identity, "address",
		inet_ntop(v4 ? AF_INET : AF_INET6, k->addr + (v4 ? 12 : 0), addr, sizeof(addr)),
		"name", rast_fqdn_format(e->name, sizeof(e->name) - 1, text), "expires_ms",
		(json_int_t)((until - now) / 1000000), "patterns", patterns);
}

int rast_fqdn_bpf_learnt(const struct rast_instance *in, json_t *array, struct rast_err *err)
{
	_cleanup_close_ int map = rast_loader_map_fd(in, "names_by_addr", err);
	struct rast_learnt_key key, *prev = NULL;
	struct rast_learnt e;

	if (map < 0)
		return map;
	/* The map changes while it is walked: a deleted key sends the walk back to its start. */
	for (uint32_t n = 0; n < 4 * RAST_MAX_LEARNT && !bpf_map_get_next_key(map, prev, &key);
	     n++) {
		json_t *o;

		prev = &key;
		if (bpf_map_lookup_elem(map, &key, &e))
			continue;
		o = learnt_json(&key, &e, coarse_ns());
		if (o && json_array_append_new(array, o))
			return -ENOMEM;
	}
	return 0;
}

bool rast_fqdn_bpf_name(const struct rast_instance *in, uint32_t identity, bool v6,
			const uint8_t *addr, char *buf)
{
	_cleanup_close_ int map = rast_loader_map_fd(in, "names_by_addr", NULL);
	struct rast_learnt_key key = {.identity = identity, .addr = {[10] = 0xff, [11] = 0xff}};
	uint64_t now = coarse_ns();
	struct rast_learnt e;

	memcpy(key.addr + (v6 ? 0 : 12), addr, v6 ? 16 : 4);
	if (map < 0 || bpf_map_lookup_elem(map, &key, &e))
		return false;
	for (size_t i = 0; i < RAST_NAME_SLOTS; i++)
		if (e.slots[i].until_ns > now) {
			(void)rast_fqdn_format(e.name, sizeof(e.name) - 1, buf);
			return true;
		}
	return false;
}

int rast_fqdn_bpf_counters(const struct rast_instance *in, json_t *obj, struct rast_err *err)
{
	static const char *const names[] = {"questions", "answers",  "learnt", "unasked",
					    "malformed", "too_long", "split",  "crowded",
					    "full",      "refused"};
	_cleanup_close_ int map = rast_loader_map_fd(in, "dns_counters", err);
	int n_cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *per_cpu = NULL;
	size_t n = sizeof(struct rast_dns_counters) / sizeof(uint64_t);
	uint32_t zero = 0;

	_Static_assert(sizeof(names) / sizeof(names[0]) * sizeof(uint64_t) ==
			       sizeof(struct rast_dns_counters),
		       "a name for each counter");
	if (map < 0)
		return map;
	if (n_cpus < 0)
		return rast_err_sys(err, -n_cpus, "number of CPUs");
	per_cpu = calloc((size_t)n_cpus * n, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	if (bpf_map_lookup_elem(map, &zero, per_cpu))
		return rast_err_sys(err, errno, "dns_counters");
	for (size_t i = 0; i < n; i++) {
		uint64_t sum = 0;

		for (size_t cpu = 0; cpu < (size_t)n_cpus; cpu++)
			sum += per_cpu[cpu * n + i];
		if (json_object_set_new(obj, names[i], json_integer((json_int_t)sum)))
			return -ENOMEM;
	}
	return 0;
}
