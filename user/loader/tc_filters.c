// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which programs sit at clsact hooks: asked of the kernel, one netlink dump an interface and
 * direction, since such filters are pinned nowhere. An interface without clsact has none.
 */
#include "loader/inspect_priv.h"

#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

struct walk {
	void (*fn)(void *arg, const struct rast_tc_filter *f);
	void *arg;
	unsigned int ifindex;
	int egress;
};

static int on_filter(struct nl_msg *msg, void *arg)
{
	struct walk *w = arg;
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct tcmsg *tc = nlmsg_data(h);
	struct nlattr *attrs[TCA_MAX + 1], *opts[TCA_BPF_MAX + 1];
	struct rast_tc_filter f = {.ifindex = w->ifindex, .egress = w->egress};

	if (h->nlmsg_type != RTM_NEWTFILTER ||
	    nlmsg_parse(h, sizeof(*tc), attrs, TCA_MAX, NULL) < 0 || !attrs[TCA_OPTIONS] ||
	    !attrs[TCA_KIND] || nla_strcmp(attrs[TCA_KIND], "bpf") ||
	    nla_parse_nested(opts, TCA_BPF_MAX, attrs[TCA_OPTIONS], NULL) < 0 || !opts[TCA_BPF_ID])
		return NL_OK;
	f.prog_id = nla_get_u32(opts[TCA_BPF_ID]);
	f.priority = TC_H_MAJ(tc->tcm_info) >> 16;
	f.handle = tc->tcm_handle;
	w->fn(w->arg, &f);
	return NL_OK;
}

static int dump(struct nl_sock *s, struct walk *w)
{
	struct tcmsg tc = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)w->ifindex,
		.tcm_parent =
			TC_H_MAKE(TC_H_CLSACT, w->egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS),
	};
	int r = nl_send_simple(s, RTM_GETTFILTER, NLM_F_DUMP, &tc, sizeof(tc));

	return r < 0 ? r : nl_recvmsgs_default(s);
}

int rast_tc_filters(void (*fn)(void *arg, const struct rast_tc_filter *f), void *arg)
{
	struct walk w = {.fn = fn, .arg = arg};
	struct if_nameindex *list;
	struct nl_sock *s = nl_socket_alloc();

	if (!s)
		return -ENOMEM;
	if (nl_connect(s, NETLINK_ROUTE) < 0) {
		nl_socket_free(s);
		return -EIO;
	}
	(void)nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, on_filter, &w);
	list = if_nameindex();
	for (struct if_nameindex *i = list; i && i->if_index; i++)
		for (w.ifindex = i->if_index, w.egress = 0; w.egress < 2; w.egress++)
			(void)dump(s, &w); /* the interface may be gone by now */
	if (list)
		if_freenameindex(list);
	nl_socket_free(s);
	return 0;
}
