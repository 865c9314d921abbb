// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's part of the pod network: see network.h. All instances of one host take turns under
 * /run/rast-network.lock when they change it, because ip_forward belongs to all of them: who leaves first
 * hands the old value over to one that stays.
 */
#include "network/network.h"

#include "base/fd.h"
#include "network/ipam.h"
#include "network/ipv6.h"
#include "network/network_link.h"
#include "network/nft.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK "/run/rast-network.lock"
#define IP_FORWARD "/proc/sys/net/ipv4/ip_forward"
#define IP6_FORWARD "/proc/sys/net/ipv6/conf/all/forwarding"

/* <run_dir>/network.json. Fields: netns (inode of the host's), sysctl {path: old value}, nft (table
 * made), forward (rules in iptables' table), ipv6 (the pods' range, "" when they have none), nft6,
 * warning, done. */
static void state_path(const struct rast_instance *in, char path[96])
{
	(void)snprintf(path, 96, "%s/network.json", in->run_dir);
}

static json_int_t this_netns(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) < 0 ? 0 : (json_int_t)st.st_ino;
}

/* A state of another network namespace (a test's, or that before a reboot) is not ours. */
static json_t *load_state(const struct rast_instance *in)
{
	json_t *s = NULL;
	char path[96];

	state_path(in, path);
	if (rast_json_load(AT_FDCWD, path, &s, NULL) < 0)
		return NULL;
	if (!json_is_object(s) || rast_json_int(s, "netns") != this_netns()) {
		json_decref(s);
		return NULL;
	}
	return s;
}

static int store_state(const struct rast_instance *in, const json_t *state, struct rast_err *err)
{
	char path[96];
	int r;

	r = rast_mkdir_p(in->run_dir, 0755);
	state_path(in, path);
	if (!r)
		r = rast_json_store(AT_FDCWD, path, state, 0);
	return r < 0 ? rast_err_sys(err, -r, "%s", path) : 0;
}

static bool forwarding(const char *path)
{
	uint64_t v = 0;

	return rast_read_u64(AT_FDCWD, path, &v) == 0 && v == 1;
}

/* The pods' IPv6 range as text; "" when they get none. */
static const char *range6(const struct rast_instance *in, char buf[46])
{
	bool asked;

	if (*rast_ipv6_why_not(in, &asked) || !asked)
		buf[0] = '\0';
	else
		(void)rast_ipv6_format(in->pod6, buf);
	return buf;
}

bool rast_network_addr6(const struct rast_instance *in, uint32_t addr, uint8_t ret[16])
{
	_cleanup_json_ json_t *s = load_state(in);
	char text[46];

	/* What the bridge was made with, or its own address would not fit. */
	if (!s || !*rast_json_str(s, "ipv6") || strcmp(rast_json_str(s, "ipv6"), range6(in, text)))
		return false;
	rast_ipv6_of(in, addr, ret);
	return true;
}

static bool is_prepared(const struct rast_instance *in, struct rast_nl *nl)
{
	_cleanup_json_ json_t *s = load_state(in);
	struct rast_link br;
	char text[46];

	if (!s || !rast_json_bool(s, "done") || !forwarding(IP_FORWARD) ||
	    strcmp(rast_json_str(s, "ipv6"), range6(in, text)) ||
	    rast_link_get(nl, in->bridge, &br, NULL) < 0)
		return false;
	if (!br.index || !(br.flags & IFF_UP) || strcmp(br.kind, "bridge"))
		return false;
	/* `nft flush ruleset`, or a restart of nftables.service, takes the table away. */
	return (!rast_json_bool(s, "nft") || rast_nft_table_exists(in, false)) &&
	       (!rast_json_bool(s, "nft6") || rast_nft_table_exists(in, true));
}

static int set_forwarding(const struct rast_instance *in, json_t *state, const char *path,
			  struct rast_err *err)
{
	json_t *sysctl = json_object_get(state, "sysctl");
	int r;

	if (forwarding(path))
		return 0;
	/* The record first: a killed process must not leave a change that nobody knows of. */
	if (!json_object_get(sysctl, path)) {
		if (json_object_set_new(sysctl, path, json_string("0")))
			return rast_err_set(err, ENOMEM, "out of memory");
		r = store_state(in, state, err);
		if (r < 0)
			return r;
	}
	r = rast_write_file(AT_FDCWD, path, "1");
	return r < 0 ? rast_err_sys(err, -r, "%s", path) : 0;
}

static void warn(json_t *state, const char *text)
{
	const char *old = rast_json_str(state, "warning");
	char both[1024];

	(void)snprintf(both, sizeof(both), "%s%s%s", old, *old ? "; " : "", text);
	rast_json_set_str(state, "warning", both);
}

/* Egress is a convenience, pods are not: what fails here is a warning. */
static int open_egress(const struct rast_instance *in, json_t *state, struct rast_err *err)
{
	struct rast_err e = {0};
	char rest[256], text[900];
	bool changed = false;
	int r;

	/* Said before it is done, for the same reason as above; removing what is not there is fine. */
	(void)json_object_set_new(state, "nft", json_true());
	(void)json_object_set_new(state, "forward", json_true());
	r = store_state(in, state, err);
	if (r < 0)
		return r;
	(void)rast_nft_close_forward(in, NULL);
	r = rast_nft_masquerade(in, &e);
	if (!r)
		r = rast_nft_open_forward(in, *rast_json_str(state, "ipv6"), &changed, rest,
					  sizeof(rest), &e);
	(void)json_object_set_new(state, "nft", json_boolean(!r));
	(void)json_object_set_new(state, "forward", json_boolean(changed));
	if (r < 0) {
		(void)snprintf(text, sizeof(text), "pods cannot reach the outside: %s", e.text);
		warn(state, text);
	} else if (*rest) {
		(void)snprintf(text, sizeof(text),
			       "forwarded packets are dropped by chain %s: let interface %s pass "
			       "there, or pods cannot reach the outside",
			       rest, in->bridge);
		warn(state, text);
	}
	return 0;
}

/*
 * The way outside in IPv6: only on a host that has one itself, and that forwarding does not take away. Between
 * pods and to the node nothing is forwarded.
 */
static int open_egress6(const struct rast_instance *in, struct rast_nl *nl, json_t *state,
			struct rast_err *err)
{
	enum rast_ipv6_outside way = rast_ipv6_way_outside(nl);
	struct rast_err e = {0};
	char text[900];
	int r;

	if (way == RAST_IPV6_NOWHERE)
		return 0;
	if (way == RAST_IPV6_ADVERTISED && !forwarding(IP6_FORWARD)) {
		warn(state, "pods cannot reach the outside in IPv6: this host learns its router by "
			    "advertisements, which it would no longer hear when it forwards; set "
			    "accept_ra to 2 on that interface");
		return 0;
	}
	r = set_forwarding(in, state, IP6_FORWARD, err);
	if (r < 0)
		return r;
	(void)json_object_set_new(state, "nft6", json_true());
	r = store_state(in, state, err);
	if (r < 0)
		return r;
	r = rast_nft_masquerade6(in, &e);
	(void)json_object_set_new(state, "nft6", json_boolean(!r));
	if (r < 0) {
		(void)snprintf(text, sizeof(text), "pods cannot reach the outside in IPv6: %s",
			       e.text);
		warn(state, text);
	}
	return 0;
}

static int prepare_ipv6(const struct rast_instance *in, struct rast_nl *nl, json_t *state,
			struct rast_err *err)
{
	char text[900];
	const char *why;
	bool asked;

	why = rast_ipv6_why_not(in, &asked);
	if (!asked)
		return 0;
	if (!*why)
		return open_egress6(in, nl, state, err);
	(void)snprintf(text, sizeof(text), "pods have IPv4 alone: %s", why);
	warn(state, text);
	return 0;
}

static int teardown_locked(const struct rast_instance *in, struct rast_nl *nl,
			   struct rast_err *err);

static int prepare_locked(const struct rast_instance *in, struct rast_nl *nl, struct rast_err *err)
{
	_cleanup_json_ json_t *state = load_state(in);
	struct rast_link br;
	char cidr6[46];
	int r;

	(void)range6(in, cidr6);
	r = rast_link_get(nl, in->bridge, &br, err);
	if (r < 0)
		return r;
	if (br.index && strcmp(br.kind, "bridge"))
		return rast_err_set(err, EEXIST, "interface %s exists and is no bridge",
				    in->bridge);
	r = rast_link_check_range(nl, in, br.index, err);
	if (!r && *cidr6)
		r = rast_ipv6_check_range(nl, in, br.index, err);
	if (r < 0)
		return r;
	/* What an earlier prepare wrote about the host as it was stays true. */
	if (!state || !json_is_object(json_object_get(state, "sysctl"))) {
		json_decref(state);
		state = json_pack("{s:s,s:I,s:{}}", "instance", in->name, "netns", this_netns(),
				  "sysctl");
		if (!state)
			return rast_err_set(err, ENOMEM, "out of memory");
	}
	(void)json_object_del(state, "warning");
	(void)json_object_del(state, "done");
	rast_json_set_str(state, "ipv6", cidr6);
	r = store_state(in, state, err);
	if (!r)
		r = rast_link_make_bridge(nl, in, rast_link_outside_mtu(nl), *cidr6, err);
	if (!r)
		r = set_forwarding(in, state, IP_FORWARD, err);
	if (!r)
		r = open_egress(in, state, err);
	if (!r)
		r = prepare_ipv6(in, nl, state, err);
	if (!r) {
		(void)json_object_set_new(state, "done", json_true());
		r = store_state(in, state, err);
	}
	/* Pods that run on an existing bridge are worth more than a clean failure. */
	if (r < 0 && !br.index)
		(void)teardown_locked(in, nl, NULL);
	return r;
}

int rast_network_prepare(const struct rast_instance *in, struct rast_err *err)
{
	_cleanup_nl_ struct rast_nl nl;
	_cleanup_close_ int lock = -1;
	int r;

	r = rast_nl_open(&nl, NETLINK_ROUTE, -1, err);
	if (r < 0)
		return r;
	if (is_prepared(in, &nl))
		return 0;
	r = rast_lock_file(LOCK, 1, &lock);
	if (r < 0)
		return rast_err_sys(err, -r, LOCK);
	if (is_prepared(in, &nl)) /* somebody else did it meanwhile */
		return 0;
	r = prepare_locked(in, &nl, err);
	return r < 0 ? rast_err_prefix(err, "pod network") : 0;
}

const char *rast_network_warning(const struct rast_instance *in, char *buf, size_t size)
{
	_cleanup_json_ json_t *s = load_state(in);

	(void)snprintf(buf, size, "%s", rast_json_str(s, "warning"));
	return buf;
}

/* Another instance that runs in this network namespace; its state and where it lies. */
static json_t *other_state(const struct rast_instance *in, char path[96])
{
	json_t *found = NULL;
	glob_t g = {0};
	char own[96];

	state_path(in, own);
	if (glob("/run/*/network.json", 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc && !found; i++) {
			json_t *s = NULL;

			if (!strcmp(g.gl_pathv[i], own) || strlen(g.gl_pathv[i]) >= 96 ||
			    rast_json_load(AT_FDCWD, g.gl_pathv[i], &s, NULL) < 0)
				continue;
			if (json_is_object(json_object_get(s, "sysctl")) &&
			    rast_json_int(s, "netns") == this_netns()) {
				(void)snprintf(path, 96, "%s", g.gl_pathv[i]);
				found = s;
			} else {
				json_decref(s);
			}
		}
	}
	globfree(&g);
	return found;
}

static int restore_sysctls(const struct rast_instance *in, const json_t *state,
			   struct rast_err *err)
{
	json_t *mine = json_object_get(state, "sysctl"), *value;
	_cleanup_json_ json_t *other = NULL;
	const char *key;
	char path[96];
	int r = 0;

	if (!json_object_size(mine))
		return 0;
	other = other_state(in, path);
	if (other) {
		if (json_object_update_missing(json_object_get(other, "sysctl"), mine) < 0)
			return rast_err_set(err, ENOMEM, "out of memory");
		r = rast_json_store(AT_FDCWD, path, other, 0);
		return r < 0 ? rast_err_sys(err, -r, "%s", path) : 0;
	}
	json_object_foreach(mine, key, value) {
		/* The file could be anybody's idea of a path: only what we write is written back. */
		if ((strcmp(key, IP_FORWARD) && strcmp(key, IP6_FORWARD)) || !json_is_string(value))
			continue;
		r = rast_write_file(AT_FDCWD, key, json_string_value(value));
		if (r < 0)
			return rast_err_sys(err, -r, "%s", key);
	}
	return 0;
}

static int teardown_locked(const struct rast_instance *in, struct rast_nl *nl, struct rast_err *err)
{
	_cleanup_json_ json_t *state = load_state(in);
	char path[96];
	int r, one;

	r = rast_link_remove_bridge(nl, in, err);
	one = rast_nft_remove(in, err);
	r = r ? r : one;
	if (rast_json_bool(state, "forward")) {
		one = rast_nft_close_forward(in, err);
		r = r ? r : one;
	}
	one = restore_sysctls(in, state, err);
	r = r ? r : one;
	state_path(in, path);
	/* Kept when something failed, so that a second try knows what to do. */
	if (!r && unlink(path) < 0 && errno != ENOENT)
		r = rast_err_sys(err, errno, "%s", path);
	return r;
}

int rast_network_teardown(const struct rast_instance *in, struct rast_err *err)
{
	_cleanup_nl_ struct rast_nl nl;
	_cleanup_close_ int lock = -1;
	int r;

	r = rast_nl_open(&nl, NETLINK_ROUTE, -1, err);
	if (r < 0)
		return r;
	r = rast_lock_file(LOCK, 1, &lock);
	if (r < 0)
		return rast_err_sys(err, -r, LOCK);
	r = teardown_locked(in, &nl, err);
	return r < 0 ? rast_err_prefix(err, "pod network") : 0;
}
