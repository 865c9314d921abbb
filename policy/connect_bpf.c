// SPDX-License-Identifier: BSD-2-Clause
/* See connect_bpf.h. The maps of policy are those that policy_bpf.c has pinned: this comes after it. */
#include "policy/connect_bpf.h"

#include "base/fd.h"
#include "bpf/policy.h"
#include "connect.skel.h"
#include "loader/loader.h"
#include "network/netns.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE /* 5.14 */
#define SO_NETNS_COOKIE 71
#endif

static const char *const programs[] = {"policy_conn4", "policy_conn6", "policy_send4",
				       "policy_send6"};

static void skel_destroyp(struct connect_bpf **skel)
{
	connect_bpf__destroy(*skel);
}

/* FNV-1a over the object and what is put into its read-only data: equal only for the same program. */
static uint64_t fingerprint(const struct rast_instance *in)
{
	const uint32_t config[6] = {in->pod_cidr, in->pod_prefix, in->pod6[0],
				    in->pod6[1],  in->pod6[2],    in->pod6[3]};
	uint64_t h = 0xcbf29ce484222325ull;
	const unsigned char *p;
	size_t size, i;

	p = connect_bpf__elf_bytes(&size);
	for (i = 0; i < size; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	p = (const unsigned char *)config;
	for (i = 0; i < sizeof(config); i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

bool rast_connect_bpf_is_attached(const struct rast_instance *in)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		_cleanup_close_ int fd = rast_loader_link_fd(in, programs[i], NULL);

		if (fd < 0)
			return false;
	}
	return true;
}

static bool already_loaded(const struct rast_instance *in, uint64_t build)
{
	return rast_loader_is_build(in, "connect_build", build) && rast_connect_bpf_is_attached(in);
}

static int load(const struct rast_instance *in, struct rast_err *err)
{
	_cleanup_(skel_destroyp) struct connect_bpf *skel = connect_bpf__open();

	if (!skel)
		return rast_err_sys(err, errno, "programs for verdicts at connect");
	skel->rodata->pod_base = in->pod_cidr;
	skel->rodata->pod_count = 1u << (32 - in->pod_prefix);
	memcpy((void *)skel->rodata->pod6_net, in->pod6, sizeof(in->pod6));
	return rast_loader_start(in, skel->obj, "connect", err);
}

int rast_connect_bpf_load(const struct rast_instance *in, struct rast_err *err)
{
	const uint64_t build = fingerprint(in);
	int r;

	if (already_loaded(in, build))
		return 0;
	r = load(in, err);
	for (size_t i = 0; r < 0 && i < ARRAY_SIZE(programs); i++)
		(void)rast_loader_detach(in, programs[i]);
	return r < 0 ? r : rast_loader_note_build(in, "connect_build", build, err);
}

int rast_connect_bpf_netns_set(const struct rast_instance *in, int netns_fd,
			       const uint32_t *ifindex, size_t n, struct rast_err *err)
{
	_cleanup_close_ int map = rast_loader_map_fd(in, "links_by_netns", NULL), sock = -1;
	struct rast_netns_links links = {0};
	uint64_t cookie;
	socklen_t len = sizeof(cookie);

	if (map < 0)
		return 0;
	if (n > RAST_NETNS_LINKS)
		return rast_err_set(err, E2BIG, "more than %u links", RAST_NETNS_LINKS);
	sock = rast_netns_socket(netns_fd, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return rast_err_sys(err, -sock, "socket in a network namespace");
	if (getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		return rast_err_sys(err, errno, "cookie of a network namespace");
	for (size_t i = 0; i < n; i++)
		links.ifindex[i] = ifindex[i];
	if (n ? bpf_map_update_elem(map, &cookie, &links, BPF_ANY)
	      : bpf_map_delete_elem(map, &cookie) && errno != ENOENT)
		return rast_err_sys(err, errno, "links_by_netns");
	return 0;
}

void rast_connect_bpf_link_forget(const struct rast_instance *in, uint32_t ifindex)
{
	_cleanup_close_ int map = rast_loader_map_fd(in, "links_by_netns", NULL);
	struct rast_netns_links links;
	uint64_t key, next;
	bool more;

	if (map < 0)
		return;
	more = !bpf_map_get_next_key(map, NULL, &next);
	while (more) {
		key = next;
		more = !bpf_map_get_next_key(map, &key, &next);
		if (bpf_map_lookup_elem(map, &key, &links))
			continue;
		for (size_t i = 0; i < RAST_NETNS_LINKS && links.ifindex[i]; i++)
			if (links.ifindex[i] == ifindex) {
				(void)bpf_map_delete_elem(map, &key);
				break;
			}
	}
}
