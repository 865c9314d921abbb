// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loads the policy programs and binds them to links. Pins are the only state: programs, maps and (with
 * tcx) links below <bpf_dir>; clsact filters belong to their device. What to know: a link without an
 * entry in endpoint_by_ifindex is closed, a link without programs is open. So the entry is written
 * after the programs are attached, and programs are detached only from a link that is down.
 */
#include "policy/policy_bpf.h"

#include "base/fd.h"
#include "loader/libbpf_log.h"
#include "loader/loader.h"
#include "policy/connect_bpf.h"
#include "policy.skel.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Priority and handle of our clsact filters: first in line, and found again by it. */
#define FILTER_PRIORITY 1
#define FILTER_HANDLE 0x72617374

static void skel_destroyp(struct policy_bpf **skel)
{
	policy_bpf__destroy(*skel);
}

int rast_policy_bpf_supported(struct rast_err *err)
{
	return rast_loader_check(err);
}

static bool want(const char *name)
{
	const char *env = getenv(name);

	return !env || strcmp(env, "0") != 0;
}

/* FNV-1a over the object and what is put into its read-only data: equal only for the same program. */
static uint64_t fingerprint(const struct rast_instance *in)
{
	uint64_t h = 0xcbf29ce484222325ull;
	uint32_t config[7] = {in->pod_cidr, in->pod_prefix, want(RAST_POLICY_SHORT_CUT_ENV)};
	const unsigned char *p;
	size_t size, i;

	memcpy(config + 3, in->pod6, sizeof(in->pod6));
	p = policy_bpf__elf_bytes(&size);
	for (i = 0; i < size; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	p = (const unsigned char *)config;
	for (i = 0; i < sizeof(config); i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

static bool already_loaded(const struct rast_instance *in, uint64_t build)
{
	_cleanup_close_ int prog_in = rast_loader_prog_fd(in, "policy_in", NULL);
	_cleanup_close_ int prog_out = rast_loader_prog_fd(in, "policy_out", NULL);

	return prog_in >= 0 && prog_out >= 0 && rast_loader_is_build(in, "policy_build", build);
}

static void link_name(char *buf, size_t size, bool egress_hook, uint32_t ifindex)
{
	(void)snprintf(buf, size, "%s_%u", egress_hook ? "policy_in" : "policy_out", ifindex);
}

static int attach_clsact(int prog_fd, uint32_t ifindex, bool egress_hook, struct rast_err *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .handle = FILTER_HANDLE,
		    .priority = FILTER_PRIORITY, .flags = BPF_TC_F_REPLACE);
	int r;

	/* libbpf would print that the qdisc is there already. */
	rast_libbpf_log_begin();
	r = bpf_tc_hook_create(&hook);
	if (r < 0 && r != -EEXIST)
		return rast_err_sys(err, -r, "clsact on interface %u", ifindex);
	hook.attach_point = egress_hook ? BPF_TC_EGRESS : BPF_TC_INGRESS;
	r = bpf_tc_attach(&hook, &opts);
	if (r < 0)
		return rast_err_sys(err, -r, "policy filter on interface %u", ifindex);
	return 0;
}

/* None there, or no such interface: nothing to do. */
static void detach_clsact(uint32_t ifindex, bool egress_hook)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = egress_hook ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	rast_libbpf_log_begin();
	(void)bpf_tc_detach(&hook, &opts);
}

static int attach_one(const struct rast_instance *in, const char *prog, uint32_t ifindex,
		      bool egress_hook, struct rast_err *err)
{
	_cleanup_close_ int fd = rast_loader_prog_fd(in, prog, err);
	struct rast_err tried = {0};
	char name[64];
	int r;

	if (fd < 0)
		return fd;
	link_name(name, sizeof(name), egress_hook, ifindex);
	if (want(RAST_POLICY_TCX_ENV)) {
		r = rast_loader_attach_tcx(in, fd, ifindex, egress_hook, name, &tried);
		if (r != -EOPNOTSUPP) {
			if (r < 0 && err && !err->code)
				*err = tried;
			return r;
		}
	}
	return attach_clsact(fd, ifindex, egress_hook, err);
}

static int attach_both(const struct rast_instance *in, uint32_t ifindex, struct rast_err *err)
{
	int r = attach_one(in, "policy_out", ifindex, false, err);

	return r < 0 ? r : attach_one(in, "policy_in", ifindex, true, err);
}

/* *ret points to the one entry of an mmapable array; unmapped by the caller. */
static int map_entry(const struct rast_instance *in, const char *map, size_t size, void **ret,
		     struct rast_err *err)
{
	_cleanup_close_ int fd = rast_loader_map_fd(in, map, err);
	void *p;

	if (fd < 0)
		return fd;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return rast_err_sys(err, errno, "mapping %s", map);
	*ret = p;
	return 0;
}

/* Of a pod whose network another program made. */
static int set_foreign_address(const struct rast_instance *in, const struct rast_addr *addr,
			       uint32_t identity, struct rast_err *err)
{
	_cleanup_close_ int map = -1;
	int r;

	/* A link without an address: what it sends is refused, and nobody can mean it. */
	if (!addr->w[3] && !addr->w[0])
		return 0;
	map = rast_loader_map_fd(in, "identity_by_foreign", err);
	if (map < 0)
		return map;
	r = identity == RAST_IDENTITY_WORLD ? bpf_map_delete_elem(map, addr)
					    : bpf_map_update_elem(map, addr, &identity, BPF_ANY);
	if (!r || (identity == RAST_IDENTITY_WORLD && errno == ENOENT))
		return 0;
	if (errno == E2BIG)
		return rast_err_set(err, ENOSPC, "all %u addresses outside the pod range are taken",
				    RAST_MAX_FOREIGN_ADDRS);
	return rast_err_sys(err, errno, "identity_by_foreign");
}

/* What is known by address: who it is, and (0: none) on which link. */
static int set_address4(const struct rast_instance *in, uint32_t addr4, uint32_t identity,
			uint32_t ifindex, struct rast_err *err)
{
	const struct rast_addr mapped = {{0, 0, htonl(0xffff), addr4}};
	uint32_t i = ntohl(addr4) - in->pod_cidr;
	struct rast_link_table *links;
	struct rast_addr_table *t;
	void *p;
	int r;

	if (i >= 1u << (32 - in->pod_prefix) || i >= RAST_MAX_POD_ADDRS)
		return set_foreign_address(in, &mapped, identity, err);
	r = map_entry(in, "ifindex_by_addr", sizeof(*links), &p, err);
	if (r < 0)
		return r;
	links = p;
	__atomic_store_n(&links->ifindex[i], ifindex, __ATOMIC_RELEASE);
	(void)munmap(p, sizeof(*links));
	r = map_entry(in, "identity_by_addr", sizeof(*t), &p, err);
	if (r < 0)
		return r;
	t = p;
	__atomic_store_n(&t->identity[i], (uint16_t)identity, __ATOMIC_RELEASE);
	(void)munmap(p, sizeof(*t));
	return 0;
}

/* A pod's IPv6 address of the range shares its IPv4 one's places in the tables. */
static int set_addresses(const struct rast_instance *in, const struct rast_endpoint *ep,
			 uint32_t identity, uint32_t ifindex, struct rast_err *err)
{
	struct rast_addr addr6;
	int r = set_address4(in, ep->addr4, identity, ifindex, err);

	memcpy(&addr6, ep->addr6, sizeof(addr6));
	if (r < 0 || (in->pod6[0] && !memcmp(&addr6, in->pod6, 14)))
		return r;
	return set_foreign_address(in, &addr6, identity, err);
}

/*
 * After another build was loaded: every link runs the new programs and is known by its address. A link
 * that is gone is skipped.
 */
static int reattach_all(const struct rast_instance *in, struct rast_err *err)
{
	_cleanup_close_ int map = rast_loader_map_fd(in, "endpoint_by_ifindex", err);
	uint32_t key, *prev = NULL;
	char name[IF_NAMESIZE];
	struct rast_endpoint e;
	int r;

	if (map < 0)
		return map;
	while (!bpf_map_get_next_key(map, prev, &key)) {
		prev = &key;
		if (!if_indextoname(key, name) || bpf_map_lookup_elem(map, &key, &e))
			continue;
		r = attach_both(in, key, err);
		if (!r)
			r = set_addresses(in, &e, e.identity, key, err);
		if (r < 0)
			return r;
	}
	return 0;
}

bool rast_policy_bpf_is_loaded(const struct rast_instance *in)
{
	_cleanup_close_ int map = rast_loader_map_fd(in, "policy_build", NULL);
	uint32_t zero = 0;
	uint64_t build;

	return map >= 0 && !bpf_map_lookup_elem(map, &zero, &build) && build;
}

int rast_policy_bpf_load(const struct rast_instance *in, struct rast_err *err)
{
	/* What a new build may forget: nothing here allows a packet, but a reply may be cut off. */
	static const char *const reset[] = {"flow_by_tuple",
					    "deny_by_tuple",
					    "time_by_fragment",
					    "names_by_addr",
					    "time_by_question",
					    "refused_by_name",
					    "names_budget",
					    "names_scratch",
					    "dns_counters",
					    "pattern_in_use",
					    NULL};
	const struct rast_loader_opts opts = {.reset_maps = reset};
	_cleanup_(skel_destroyp) struct policy_bpf *skel = NULL;
	uint64_t build = fingerprint(in);
	int r;

	if (already_loaded(in, build))
		return 0;
	r = rast_policy_bpf_supported(err);
	if (r < 0)
		return r;
	r = rast_bpffs_prepare(in, err);
	if (r < 0)
		return r;
	skel = policy_bpf__open();
	if (!skel)
		return rast_err_sys(err, errno, "policy programs");
	skel->rodata->pod_base = in->pod_cidr;
	skel->rodata->pod_count = 1u << (32 - in->pod_prefix);
	memcpy((void *)skel->rodata->pod6_net, in->pod6, sizeof(in->pod6));
	if (getrandom(&skel->rodata->dns_seed, sizeof(skel->rodata->dns_seed), 0) < 0)
		return rast_err_sys(err, errno, "random numbers");
	skel->rodata->short_cut = want(RAST_POLICY_SHORT_CUT_ENV);
	r = rast_loader_load_opts(in, skel->obj, "policy", &opts, err);
	if (r < 0)
		return r;
	/* The gateway is the node's own address on the pod network. */
	r = set_address4(in, htonl(in->pod_cidr + 1), RAST_IDENTITY_HOST, 0, err);
	if (r < 0)
		return r;
	r = reattach_all(in, err);
	if (!r)
		r = rast_loader_attach(in, skel->progs.flow_socket, err);
	if (r < 0)
		return r;
	/* Last: only now is this build what runs everywhere. */
	return rast_loader_note_build(in, "policy_build", build, err);
}

/*
 * By its network namespace: whose sockets tell of flows. Observation: a failure costs the byte counts of its
 * TCP flows, not the pod.
 */
static void set_netns(const struct rast_instance *in, uint32_t netns, uint32_t ifindex)
{
	_cleanup_close_ int map = netns ? rast_loader_map_fd(in, "ifindex_by_netns", NULL) : -1;

	if (map < 0)
		return;
	if (ifindex)
		(void)bpf_map_update_elem(map, &netns, &ifindex, BPF_ANY);
	else
		(void)bpf_map_delete_elem(map, &netns);
}

int rast_policy_bpf_endpoint_add(const struct rast_instance *in, uint32_t ifindex,
				 const struct rast_endpoint *ep, struct rast_err *err)
{
	_cleanup_close_ int map = rast_loader_map_fd(in, "endpoint_by_ifindex", err);
	struct rast_endpoint e = *ep;
	struct timespec now;
	int r;

	if (map < 0)
		return map;
	if (ep->identity < RAST_IDENTITY_FIRST || ep->identity >= RAST_MAX_IDENTITIES)
		return rast_err_set(err, EINVAL, "identity %u of interface %u is out of range",
				    ep->identity, ifindex);
	r = attach_both(in, ifindex, err);
	if (r < 0)
		return r;
	/* The clock of the programs: they read it coarse, a finer one would be ahead of them. */
	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	e.since_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (bpf_map_update_elem(map, &ifindex, &e, BPF_ANY)) {
		if (errno == E2BIG)
			return rast_err_set(
				err, ENOSPC,
				"interface %u stays closed: all %u links are taken, take a "
				"pod down first",
				ifindex, RAST_MAX_LINKS);
		return rast_err_sys(err, errno, "endpoint of interface %u", ifindex);
	}
	r = set_addresses(in, ep, ep->identity, ifindex, err);
	if (r < 0)
		(void)bpf_map_delete_elem(map, &ifindex);
	else
		set_netns(in, ep->netns, ifindex);
	return r;
}

static void set_down(uint32_t ifindex)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {0};

	if (fd < 0 || !if_indextoname(ifindex, ifr.ifr_name) || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		return;
	ifr.ifr_flags &= (short)~IFF_UP;
	(void)ioctl(fd, SIOCSIFFLAGS, &ifr);
}

static int forget(const struct rast_instance *in, uint32_t ifindex, uint32_t addr4, bool down,
		  struct rast_err *err)
{
	_cleanup_close_ int map = rast_loader_map_fd(in, "endpoint_by_ifindex", NULL);
	struct rast_endpoint e, old = {.addr4 = addr4};
	char name[64];
	int r = 0;

	if (map < 0)
		return map == -ENOENT ? 0 : rast_err_sys(err, -map, "endpoint_by_ifindex");
	/* The index may be another container's by now. */
	if (!bpf_map_lookup_elem(map, &ifindex, &e)) {
		if (e.addr4 != addr4)
			ifindex = 0;
		else
			old = e;
	}
	r = set_addresses(in, &old, RAST_IDENTITY_WORLD, 0, err);
	if (!ifindex)
		return r;
	if (!bpf_map_lookup_elem(map, &ifindex, &e))
		set_netns(in, e.netns, 0);
	rast_connect_bpf_link_forget(in, ifindex);
	if (bpf_map_delete_elem(map, &ifindex) && errno != ENOENT && !r)
		r = rast_err_sys(err, errno, "endpoint of interface %u", ifindex);
	if (down)
		set_down(ifindex);
	link_name(name, sizeof(name), false, ifindex);
	(void)rast_loader_detach(in, name);
	link_name(name, sizeof(name), true, ifindex);
	(void)rast_loader_detach(in, name);
	detach_clsact(ifindex, false);
	detach_clsact(ifindex, true);
	return r;
}

int rast_policy_bpf_endpoint_del(const struct rast_instance *in, uint32_t ifindex, uint32_t addr4,
				 struct rast_err *err)
{
	return forget(in, ifindex, addr4, true, err);
}

int rast_policy_bpf_endpoint_release(const struct rast_instance *in, uint32_t ifindex,
				     uint32_t addr4, struct rast_err *err)
{
	return forget(in, ifindex, addr4, false, err);
}

int rast_policy_bpf_endpoint_del_name(const struct rast_instance *in, const char *ifname,
				      uint32_t addr4, struct rast_err *err)
{
	uint32_t ifindex = if_nametoindex(ifname), key, *prev = NULL;
	_cleanup_close_ int map = -1;
	struct rast_endpoint e;

	if (ifindex)
		return rast_policy_bpf_endpoint_del(in, ifindex, addr4, err);
	/* The link is gone, its entry and pins may not be. */
	map = rast_loader_map_fd(in, "endpoint_by_ifindex", NULL);
	if (map < 0)
		return map == -ENOENT ? 0 : rast_err_sys(err, -map, "endpoint_by_ifindex");
	while (!bpf_map_get_next_key(map, prev, &key)) {
		prev = &key;
		if (!bpf_map_lookup_elem(map, &key, &e) && e.addr4 == addr4)
			return rast_policy_bpf_endpoint_del(in, key, addr4, err);
	}
	return set_address4(in, addr4, RAST_IDENTITY_WORLD, 0, err);
}
