// SPDX-License-Identifier: BSD-2-Clause
/*
 * See device_rules.h. bpf(2) is called directly: this is on the launch path. Rules are walked from the
 * last to the first; r3 holds the kinds of access that nothing has decided yet.
 */
#include "container/device_rules.h"

#include "base/fd.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROG_NAME "rast_devices"
#define MAX_INSNS (RAST_DEVICE_MAX_RULES * 9 + 8)

const struct rast_device_rule rast_device_defaults[] = {
	{true, 'c', -1, -1, RAST_DEVICE_MKNOD}, {true, 'b', -1, -1, RAST_DEVICE_MKNOD},
	{true, 'c', 1, 3, RAST_DEVICE_ALL},    /* null */
	{true, 'c', 1, 5, RAST_DEVICE_ALL},    /* zero */
	{true, 'c', 1, 7, RAST_DEVICE_ALL},    /* full */
	{true, 'c', 1, 8, RAST_DEVICE_ALL},    /* random */
	{true, 'c', 1, 9, RAST_DEVICE_ALL},    /* urandom */
	{true, 'c', 5, 0, RAST_DEVICE_ALL},    /* tty */
	{true, 'c', 5, 2, RAST_DEVICE_ALL},    /* ptmx */
	{true, 'c', 136, -1, RAST_DEVICE_ALL}, /* pts */
};
const size_t rast_device_n_defaults = ARRAY_SIZE(rast_device_defaults);

struct code {
	struct bpf_insn *insns;
	size_t n, max;
};

static void emit(struct code *c, int op, int dst, int src, int off, int imm)
{
	if (c->n < c->max)
		c->insns[c->n] = (struct bpf_insn){.code = (__u8)op,
						   .dst_reg = (__u8)(dst & 15),
						   .src_reg = (__u8)(src & 15),
						   .off = (__s16)off,
						   .imm = imm};
	c->n++;
}

static void leave(struct code *c, int value)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, value);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void one_rule(struct code *c, const struct rast_device_rule *r)
{
	/* What follows the comparisons: two for the access, then two to deny or four to allow. */
	int body = r->allow ? 7 : 5, left = (r->type != 'a') + (r->major >= 0) + (r->minor >= 0);

	if (r->type != 'a')
		emit(c, BPF_JMP | BPF_JNE | BPF_K, 2, 0, --left + body,
		     r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (r->major >= 0)
		emit(c, BPF_JMP | BPF_JNE | BPF_K, 4, 0, --left + body, (int)r->major);
	if (r->minor >= 0)
		emit(c, BPF_JMP | BPF_JNE | BPF_K, 5, 0, --left + body, (int)r->minor);
	emit(c, BPF_ALU64 | BPF_MOV | BPF_X, 0, 3, 0, 0);
	emit(c, BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, (int)r->access);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, body - 3, 0);
	if (r->allow) {
		emit(c, BPF_ALU64 | BPF_AND | BPF_K, 3, 0, 0, (int)(~r->access & RAST_DEVICE_ALL));
		emit(c, BPF_JMP | BPF_JNE | BPF_K, 3, 0, 2, 0);
	}
	leave(c, r->allow);
}

int rast_device_rules_compile(const struct rast_device_rule *rules, size_t n,
			      struct bpf_insn *insns, size_t max)
{
	struct code c = {insns, 0, max};

	emit(&c, BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0); /* access_type */
	emit(&c, BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0);
	emit(&c, BPF_ALU64 | BPF_RSH | BPF_K, 3, 0, 0, 16);
	emit(&c, BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	emit(&c, BPF_LDX | BPF_MEM | BPF_W, 4, 1, 4, 0); /* major */
	emit(&c, BPF_LDX | BPF_MEM | BPF_W, 5, 1, 8, 0); /* minor */
	while (n--)
		one_rule(&c, &rules[n]);
	leave(&c, 0);
	return c.n > max ? -E2BIG : (int)c.n;
}

static int bpf(int cmd, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static int load(const struct bpf_insn *insns, int n)
{
	union bpf_attr attr = {0};

	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.expected_attach_type = BPF_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)insns;
	attr.insn_cnt = (__u32)n;
	attr.license = (uint64_t)(uintptr_t) "Dual BSD/GPL";
	(void)strcpy(attr.prog_name, PROG_NAME);
	return bpf(BPF_PROG_LOAD, &attr);
}

/* The program of ours that is there, by its name; -ENOENT. */
static int find_own(int cgroup_fd)
{
	union bpf_attr attr = {0};
	uint32_t ids[64];
	uint32_t i, n;
	int r;

	attr.query.target_fd = (__u32)cgroup_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = ARRAY_SIZE(ids);
	r = bpf(BPF_PROG_QUERY, &attr);
	if (r < 0)
		return r;
	n = attr.query.prog_cnt;
	for (i = 0; i < n; i++) {
		struct bpf_prog_info info = {0};
		int fd;

		memset(&attr, 0, sizeof(attr));
		attr.prog_id = ids[i];
		fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
		if (fd < 0)
			continue;
		memset(&attr, 0, sizeof(attr));
		attr.info.bpf_fd = (__u32)fd;
		attr.info.info_len = sizeof(info);
		attr.info.info = (uint64_t)(uintptr_t)&info;
		if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 && !strcmp(info.name, PROG_NAME))
			return fd;
		(void)close(fd);
	}
	return -ENOENT;
}

int rast_device_rules_attach(int cgroup_fd, const struct rast_device_rule *rules, size_t n,
			     struct rast_err *err)
{
	_cleanup_free_ struct bpf_insn *insns = calloc(MAX_INSNS, sizeof(*insns));
	_cleanup_close_ int prog = -1, old = -1;
	union bpf_attr attr = {0};
	int len, r;

	if (!insns)
		return rast_err_sys(err, ENOMEM, "device rules");
	len = n > RAST_DEVICE_MAX_RULES ? -E2BIG
					: rast_device_rules_compile(rules, n, insns, MAX_INSNS);
	if (len < 0)
		return rast_err_set(err, E2BIG, "more than %d device rules", RAST_DEVICE_MAX_RULES);
	prog = load(insns, len);
	if (prog < 0)
		return rast_err_sys(err, -prog, "loading the device program");
	old = find_own(cgroup_fd);
	attr.target_fd = (__u32)cgroup_fd;
	attr.attach_bpf_fd = (__u32)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (old >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (__u32)old;
	}
	r = bpf(BPF_PROG_ATTACH, &attr);
	return r < 0 ? rast_err_sys(err, -r, "attaching the device program to the cgroup") : 0;
}
