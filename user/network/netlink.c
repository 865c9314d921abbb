// SPDX-License-Identifier: BSD-2-Clause
/* Batches of netlink messages; see netlink.h. */
#include "network/netlink.h"

#include "base/fd.h"
#include "network/netns.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Longest datagram of a dump the kernel makes (NLMSG_GOODSIZE grows to the reader's buffer). */
#define REPLY_BYTES 32768

int rast_nl_open(struct rast_nl *nl, int protocol, int netns_fd, struct rast_err *err)
{
	const int on = 1;
	int fd;

	memset(nl, 0, sizeof(*nl));
	nl->fd = -1;
	fd = rast_netns_socket(netns_fd, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return rast_err_sys(err, -fd, "netlink socket");
	/* Both are old; without them only the texts of errors are poorer. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	nl->fd = fd;
	return 0;
}

static void empty(struct rast_nl *nl)
{
	for (int i = 0; i < nl->n; i++)
		nlmsg_free(nl->item[i].msg);
	memset(nl->item, 0, sizeof(nl->item));
	nl->n = 0;
	nl->oom = false;
}

void rast_nl_close(struct rast_nl *nl)
{
	empty(nl);
	rast_closep(&nl->fd);
	nl->fd = -1;
}

struct nl_msg *rast_nl_add(struct rast_nl *nl, int type, int flags, const void *hdr, size_t len,
			   const char *what)
{
	struct nl_msg *msg;

	if (nl->n == RAST_NL_BATCH) {
		nl->oom = true;
		return NULL;
	}
	msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);
	if (!msg || nlmsg_append(msg, (void *)(uintptr_t)hdr, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		nl->oom = true;
		return NULL;
	}
	nl->item[nl->n].msg = msg;
	nl->item[nl->n].what = what;
	nl->item[nl->n++].tolerate = 0;
	return msg;
}

void rast_nl_tolerate(struct rast_nl *nl, int errno_value)
{
	if (nl->n)
		nl->item[nl->n - 1].tolerate = errno_value;
}

void rast_nl_put(struct rast_nl *nl, struct nl_msg *msg, int attr, const void *data, size_t len)
{
	if (msg && nla_put(msg, attr, (int)len, data) < 0)
		nl->oom = true;
}

void rast_nl_put_u8(struct rast_nl *nl, struct nl_msg *msg, int attr, uint8_t v)
{
	rast_nl_put(nl, msg, attr, &v, sizeof(v));
}

void rast_nl_put_u32(struct rast_nl *nl, struct nl_msg *msg, int attr, uint32_t v)
{
	rast_nl_put(nl, msg, attr, &v, sizeof(v));
}

void rast_nl_put_str(struct rast_nl *nl, struct nl_msg *msg, int attr, const char *s)
{
	rast_nl_put(nl, msg, attr, s, strlen(s) + 1);
}

struct nlattr *rast_nl_nest(struct rast_nl *nl, struct nl_msg *msg, int attr)
{
	struct nlattr *nest = msg ? nla_nest_start(msg, attr) : NULL;

	if (!nest)
		nl->oom = true;
	return nest;
}

void rast_nl_nest_end(struct nl_msg *msg, struct nlattr *nest)
{
	if (msg && nest)
		(void)nla_nest_end(msg, nest);
}

/* The kernel's explanation of an error answer; NULL when it gave none. */
static const char *extack_text(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	size_t skip = NLMSG_HDRLEN + sizeof(*e);
	const struct nlattr *a;
	int rem;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - NLMSG_HDRLEN;
	if (h->nlmsg_len <= skip)
		return NULL;
	rem = (int)(h->nlmsg_len - skip);
	for (a = (const void *)((const char *)h + skip); nla_ok(a, rem); a = nla_next(a, &rem))
		if (nla_type(a) == NLMSGERR_ATTR_MSG && nla_len(a) > 0 &&
		    !((const char *)nla_data(a))[nla_len(a) - 1])
			return nla_data(a);
	return NULL;
}

struct answers {
	uint32_t first, last; /* sequence numbers of the batch */
	bool done;
	int r; /* first failure */
};

static void take_error(const struct rast_nl *nl, const struct nlmsghdr *h, struct answers *a,
		       struct rast_err *err)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	uint32_t i = h->nlmsg_seq - a->first;
	const char *text;

	if (h->nlmsg_seq == a->last)
		a->done = true;
	if (!e->error || a->r || -e->error == nl->item[i].tolerate)
		return;
	a->r = e->error;
	text = extack_text(h);
	if (text)
		(void)rast_err_sys(err, -e->error, "%s: %s", nl->item[i].what, text);
	else
		(void)rast_err_sys(err, -e->error, "%s", nl->item[i].what);
}

static int send_all(struct rast_nl *nl, struct answers *a)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct iovec iov[RAST_NL_BATCH];
	struct msghdr mh = {.msg_name = &kernel,
			    .msg_namelen = sizeof(kernel),
			    .msg_iov = iov,
			    .msg_iovlen = (size_t)nl->n};

	if (!nl->seq)
		nl->seq = (uint32_t)time(NULL);
	a->first = nl->seq + 1;
	for (int i = 0; i < nl->n; i++) {
		struct nlmsghdr *h = nlmsg_hdr(nl->item[i].msg);

		h->nlmsg_seq = ++nl->seq;
		/* Failures are always answered; only the last needs to say that it is through. */
		if (i == nl->n - 1 && (h->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
			h->nlmsg_flags |= NLM_F_ACK;
		iov[i] = (struct iovec){h, NLMSG_ALIGN(h->nlmsg_len)};
	}
	a->last = nl->seq;
	while (sendmsg(nl->fd, &mh, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int rast_nl_commit(struct rast_nl *nl, int (*reply)(const struct nlmsghdr *msg, void *arg),
		   void *arg, struct rast_err *err)
{
	_cleanup_free_ char *buf = NULL;
	struct answers a = {0};
	int r = 0, reply_r = 0;

	if (nl->oom || !nl->n || !(buf = malloc(REPLY_BYTES))) {
		r = nl->oom || nl->n ? rast_err_set(err, ENOMEM, "out of memory") : 0;
		empty(nl);
		return r;
	}
	r = send_all(nl, &a);
	if (r < 0) {
		(void)rast_err_sys(err, -r, "%s", nl->item[0].what);
		a.done = true;
	}
	while (!a.done) {
		ssize_t n = recv(nl->fd, buf, REPLY_BYTES, 0);
		int rem = (int)n;

		if (n < 0) {
			if (errno == EINTR)
				continue;
			r = -errno;
			(void)rast_err_sys(err, -r, "netlink answer");
			break;
		}
		for (struct nlmsghdr *h = (void *)buf; nlmsg_ok(h, rem); h = nlmsg_next(h, &rem)) {
			if (h->nlmsg_seq < a.first || h->nlmsg_seq > a.last)
				continue;
			if (h->nlmsg_type == NLMSG_ERROR)
				take_error(nl, h, &a, err);
			else if (h->nlmsg_type == NLMSG_DONE)
				a.done |= h->nlmsg_seq == a.last;
			else if (reply && !reply_r)
				reply_r = reply(h, arg);
		}
	}
	empty(nl);
	if (r < 0)
		return r;
	return a.r ? a.r : reply_r;
}
