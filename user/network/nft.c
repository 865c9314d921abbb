// SPDX-License-Identifier: BSD-2-Clause
/*
 * nftables; see nft.h. Rules in iptables' tables are kept to what iptables-nft can read back (interface,
 * verdict, comment): with anything else in its table every later iptables command would fail.
 */
#include "network/nft.h"

#include "network/ipam.h"
#include "network/ipv6.h"
#include "network/netlink.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

/* The part of libnftables.h that is used; its ABI is stable since 0.9. */
#define OUTPUT_HANDLE (1 << 3)
#define OUTPUT_JSON (1 << 4)
struct nft_ctx;

struct nft {
	void *lib;
	struct nft_ctx *(*ctx_new)(uint32_t flags);
	void (*ctx_free)(struct nft_ctx *ctx);
	int (*buffer_output)(struct nft_ctx *ctx);
	int (*buffer_error)(struct nft_ctx *ctx);
	const char *(*output)(struct nft_ctx *ctx);
	const char *(*error)(struct nft_ctx *ctx);
	void (*set_flags)(struct nft_ctx *ctx, unsigned int flags);
	int (*run)(struct nft_ctx *ctx, const char *buf);
};

static int load(struct nft *n, struct rast_err *err)
{
	const struct {
		const char *name;
		void **to;
	} sym[] = {
		{"nft_ctx_new", (void **)&n->ctx_new},
		{"nft_ctx_free", (void **)&n->ctx_free},
		{"nft_ctx_buffer_output", (void **)&n->buffer_output},
		{"nft_ctx_buffer_error", (void **)&n->buffer_error},
		{"nft_ctx_get_output_buffer", (void **)&n->output},
		{"nft_ctx_get_error_buffer", (void **)&n->error},
		{"nft_ctx_output_set_flags", (void **)&n->set_flags},
		{"nft_run_cmd_from_buffer", (void **)&n->run},
	};

	/* Stays loaded: its libraries register exit handlers, and a second use is then free. */
	n->lib = dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!n->lib)
		return rast_err_set(err, EOPNOTSUPP, "libnftables.so.1 is not installed");
	for (size_t i = 0; i < ARRAY_SIZE(sym); i++) {
		*sym[i].to = dlsym(n->lib, sym[i].name);
		if (!*sym[i].to)
			return rast_err_set(err, EOPNOTSUPP, "libnftables.so.1 has no %s",
					    sym[i].name);
	}
	return 0;
}

int rast_nft_run(const char *commands, json_t **ret_json, struct rast_err *err)
{
	struct nft n = {0};
	struct nft_ctx *ctx;
	json_error_t je;
	int r;

	r = load(&n, err);
	if (r < 0)
		return r;
	ctx = n.ctx_new(0);
	if (!ctx)
		return rast_err_set(err, ENOMEM, "libnftables gave no context");
	(void)n.buffer_output(ctx);
	(void)n.buffer_error(ctx);
	if (ret_json)
		n.set_flags(ctx, OUTPUT_JSON | OUTPUT_HANDLE);
	errno = 0;
	if (n.run(ctx, commands)) {
		char text[256];

		(void)snprintf(text, sizeof(text), "%s", n.error(ctx));
		text[strcspn(text, "\n")] = '\0';
		r = rast_err_set(err, EOPNOTSUPP, "nftables: %s", *text ? text : strerror(errno));
	} else if (ret_json) {
		*ret_json = json_loads(n.output(ctx), 0, &je);
		if (!*ret_json)
			r = rast_err_set(err, EPROTO, "nftables answered no JSON: %s", je.text);
	}
	n.ctx_free(ctx);
	return r;
}

int rast_nft_masquerade(const struct rast_instance *in, struct rast_err *err)
{
	char text[768], cidr[16];

	(void)rast_ipam_format(in->pod_cidr, cidr);
	/* "add" before "delete" so that there is something to delete; all in one transaction. */
	(void)snprintf(text, sizeof(text),
		       "add table ip rast_%s\n"
		       "delete table ip rast_%s\n"
		       "add table ip rast_%s\n"
		       "add chain ip rast_%s postrouting "
		       "{ type nat hook postrouting priority 100; policy accept; }\n"
		       "add rule ip rast_%s postrouting ip saddr %s/%u ip daddr != %s/%u "
		       "ip daddr != 224.0.0.0/4 oifname != \"%s\" masquerade\n",
		       in->name, in->name, in->name, in->name, in->name, cidr, in->pod_prefix, cidr,
		       in->pod_prefix, in->bridge);
	return rast_nft_run(text, NULL, err);
}

int rast_nft_masquerade6(const struct rast_instance *in, struct rast_err *err)
{
	char text[768], cidr[46];

	(void)rast_ipv6_format(in->pod6, cidr);
	(void)snprintf(text, sizeof(text),
		       "add table ip6 rast_%s\n"
		       "delete table ip6 rast_%s\n"
		       "add table ip6 rast_%s\n"
		       "add chain ip6 rast_%s postrouting "
		       "{ type nat hook postrouting priority 100; policy accept; }\n"
		       "add rule ip6 rast_%s postrouting ip6 saddr %s/112 ip6 daddr != %s/112 "
		       "ip6 daddr != ff00::/8 oifname != \"%s\" masquerade\n",
		       in->name, in->name, in->name, in->name, in->name, cidr, cidr, in->bridge);
	return rast_nft_run(text, NULL, err);
}

int rast_nft_remove(const struct rast_instance *in, struct rast_err *err)
{
	char text[128] = "";
	int n = 0;

	if (rast_nft_table_exists(in, false))
		n = snprintf(text, sizeof(text), "delete table ip rast_%s\n", in->name);
	if (rast_nft_table_exists(in, true))
		(void)snprintf(text + n, sizeof(text) - (size_t)n, "delete table ip6 rast_%s\n",
			       in->name);
	return *text ? rast_nft_run(text, NULL, err) : 0;
}

bool rast_nft_table_exists(const struct rast_instance *in, bool ipv6)
{
	const struct nfgenmsg g = {.nfgen_family = ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4,
				   .version = NFNETLINK_V0};
	_cleanup_nl_ struct rast_nl nl;
	struct nl_msg *m;
	char name[32];

	if (rast_nl_open(&nl, NETLINK_NETFILTER, -1, NULL) < 0)
		return false;
	(void)snprintf(name, sizeof(name), "rast_%s", in->name);
	m = rast_nl_add(&nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, 0, &g, sizeof(g), name);
	rast_nl_put_str(&nl, m, NFTA_TABLE_NAME, name);
	return rast_nl_commit(&nl, NULL, NULL, NULL) == 0;
}

static const char *const families[] = {"ip", "ip6"};

static bool is_dropping_forward(const json_t *chain)
{
	const char *family = rast_json_str(chain, "family");

	return !strcmp(rast_json_str(chain, "hook"), "forward") &&
	       !strcmp(rast_json_str(chain, "policy"), "drop") &&
	       (!strcmp(family, "ip") || !strcmp(family, "ip6") || !strcmp(family, "inet"));
}

/* iptables' table of one family, as other programs have left it. */
struct forward {
	bool drops, docker;
};

static void look_at_chain(const json_t *c, struct forward f[2], char *rest, size_t size)
{
	const char *family = rast_json_str(c, "family"), *table = rast_json_str(c, "table");
	const char *name = rast_json_str(c, "name");
	size_t len = strlen(rest);

	for (size_t k = 0; k < ARRAY_SIZE(families); k++) {
		if (strcmp(family, families[k]) != 0 || strcmp(table, "filter") != 0)
			continue;
		f[k].docker |= !strcmp(name, "DOCKER-USER");
		if (!strcmp(name, "FORWARD")) {
			f[k].drops = is_dropping_forward(c);
			return;
		}
	}
	if (is_dropping_forward(c))
		(void)snprintf(rest + len, size - len, "%s%s %s %s", len ? ", " : "", family, table,
			       name);
}

int rast_nft_open_forward(const struct rast_instance *in, bool ipv6, bool *ret_changed, char *rest,
			  size_t rest_size, struct rast_err *err)
{
	_cleanup_json_ json_t *out = NULL;
	struct forward f[2] = {0};
	const json_t *item;
	char text[1024] = "";
	size_t i;
	int r;

	*ret_changed = false;
	*rest = '\0';
	r = rast_nft_run("list chains\n", &out, err);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(out, "nftables"), i, item) {
		const json_t *c = json_object_get(item, "chain");

		/* A firewall of IPv6 alone is no matter of pods that have none. */
		if (c && (ipv6 || strcmp(rast_json_str(c, "family"), "ip6") != 0))
			look_at_chain(c, f, rest, rest_size);
	}
	for (size_t k = 0; k < ARRAY_SIZE(families); k++) {
		const char *chain = f[k].docker ? "DOCKER-USER" : "FORWARD";
		size_t len = strlen(text);

		if (f[k].drops)
			(void)snprintf(text + len, sizeof(text) - len,
				       "insert rule %s filter %s oifname \"%s\" counter accept "
				       "comment \"rast_%s\"\n"
				       "insert rule %s filter %s iifname \"%s\" counter accept "
				       "comment \"rast_%s\"\n",
				       families[k], chain, in->bridge, in->name, families[k], chain,
				       in->bridge, in->name);
	}
	if (!*text)
		return 0;
	r = rast_nft_run(text, NULL, err);
	if (!r)
		*ret_changed = true;
	return r;
}

static int close_family(const struct rast_instance *in, const char *family, struct rast_err *err)
{
	_cleanup_json_ json_t *out = NULL;
	char mark[32], text[1024];
	const json_t *item;
	size_t i, len = 0;
	int r;

	(void)snprintf(text, sizeof(text), "list table %s filter\n", family);
	r = rast_nft_run(text, &out, NULL);
	if (r < 0)
		return 0; /* the table is gone, and our rules with it */
	(void)snprintf(mark, sizeof(mark), "rast_%s", in->name);
	json_array_foreach(json_object_get(out, "nftables"), i, item) {
		const json_t *rule = json_object_get(item, "rule");

		if (strcmp(rast_json_str(rule, "comment"), mark) || len > sizeof(text) - 128)
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"delete rule %s filter %.40s handle %lld\n", family,
					rast_json_str(rule, "chain"),
					(long long)rast_json_int(rule, "handle"));
	}
	return len ? rast_nft_run(text, NULL, err) : 0;
}

int rast_nft_close_forward(const struct rast_instance *in, struct rast_err *err)
{
	int r = 0;

	for (size_t k = 0; k < ARRAY_SIZE(families); k++) {
		int one = close_family(in, families[k], err);

		r = r ? r : one;
	}
	return r;
}
