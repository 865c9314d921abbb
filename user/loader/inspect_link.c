// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is attached where: pinned links, and clsact filters that run a program of ours. `attach` says
 * how, in the words of a program's section; `target` what it hangs on. The two go together.
 */
#include "loader/inspect_bpf.h"

#include "base/fd.h"
#include "container/cgroup.h"
#include "loader/inspect_priv.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Newer than the headers that we may be built with. */
#define LINK_TYPE_TCX 11
#define TCX_INGRESS 46
#define FILEID_KERNFS 0xfe

union info {
	struct bpf_link_info info;
	struct {
		__u32 type, id, prog_id, pad;
		__u32 ifindex, attach_type;
	} tcx;
	char space[256];
};

struct walk {
	const struct rast_pins *progs;
	const char *name; /* only this one; NULL: all */
	json_t *rows;
};

static const char *prog_name(const struct rast_pins *progs, uint32_t id, char *buf, size_t size,
			     uint32_t *ret_type, uint32_t *ret_btf_id)
{
	const struct rast_pinned *pin = rast_pins_by_id(progs, id);
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	if (fd >= 0)
		(void)bpf_obj_get_info_by_fd(fd, &info, &len);
	*ret_type = info.type;
	*ret_btf_id = info.attach_btf_id;
	(void)snprintf(buf, size, "%s", pin ? pin->name : info.name);
	return buf;
}

/* A cgroup's number is its file handle. "" when it is gone. */
static void cgroup_path(uint64_t id, char *buf, size_t size)
{
	union {
		struct file_handle h;
		char space[sizeof(struct file_handle) + sizeof(uint64_t)];
	} u = {.h = {.handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS}};
	struct rast_cgroup_layout layout;
	_cleanup_close_ int fd = -1;
	char link[48];
	ssize_t n;

	buf[0] = '\0';
	if (rast_cgroup_layout_init(&layout, NULL) < 0)
		return;
	memcpy(u.h.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(layout.v2_fd, &u.h, O_PATH | O_CLOEXEC);
	rast_cgroup_layout_finish(&layout);
	if (fd < 0)
		return;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
}

static void set_cgroup(json_t *o, uint64_t id)
{
	char path[512];

	cgroup_path(id, path, sizeof(path));
	(void)json_object_set_new(o, "cgroup_id", json_integer((json_int_t)id));
	(void)json_object_set_new(o, "cgroup", json_string(path));
	(void)json_object_set_new(o, "target", json_string(*path ? path : "(cgroup is gone)"));
}

static void set_interface(json_t *o, unsigned int ifindex, bool egress)
{
	char name[IF_NAMESIZE] = "";

	(void)if_indextoname(ifindex, name);
	(void)json_object_set_new(o, "ifindex", json_integer(ifindex));
	(void)json_object_set_new(o, "interface", json_string(name));
	(void)json_object_set_new(o, "direction", json_string(egress ? "egress" : "ingress"));
	(void)json_object_set_new(o, "target", json_string(*name ? name : "(interface is gone)"));
}

static void set_attach(json_t *o, const char *lead, const char *rest)
{
	char text[192];

	(void)snprintf(text, sizeof(text), "%s/%s", lead, rest);
	(void)json_object_set_new(o, "attach", json_string(text));
}

static void set_tracing(json_t *o, const struct bpf_link_info *info, uint32_t btf_id)
{
	const char *how =
		libbpf_bpf_attach_type_str((enum bpf_attach_type)info->tracing.attach_type);
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *t = btf ? btf__type_by_id(btf, btf_id) : NULL;
	const char *name = t ? btf__name_by_offset(btf, t->name_off) : NULL;

	(void)json_object_set_new(o, "attach", json_string(how ? how : "tracing"));
	(void)json_object_set_new(o, "target", json_string(name ? name : ""));
	btf__free(btf);
}

/* Names come back through a pointer in the info: asked for a second time. */
static void set_named(json_t *o, int fd, uint32_t type, uint32_t prog_type)
{
	union info u = {0};
	uint32_t len = sizeof(u.info);
	char name[128] = "";

	if (type == BPF_LINK_TYPE_ITER) {
		u.info.iter.target_name = (uintptr_t)name;
		u.info.iter.target_name_len = sizeof(name);
	} else {
		u.info.raw_tracepoint.tp_name = (uintptr_t)name;
		u.info.raw_tracepoint.tp_name_len = sizeof(name);
	}
	if (bpf_obj_get_info_by_fd(fd, &u, &len) < 0)
		name[0] = '\0';
	if (type != BPF_LINK_TYPE_ITER) {
		set_attach(o, prog_type == BPF_PROG_TYPE_TRACING ? "tp_btf" : "raw_tp", name);
		(void)json_object_set_new(o, "target", json_string(name));
		rast_json_set_str(o, "tracepoint", name);
		return;
	}
	set_attach(o, "iter", name);
	(void)json_object_set_new(o, "target", json_string(name));
	rast_json_set_str(o, "iterator", name);
	if (!strcmp(name, "cgroup") && u.info.iter.cgroup.cgroup_id)
		set_cgroup(o, u.info.iter.cgroup.cgroup_id);
}

static void set_target(json_t *o, int fd, const union info *u, uint32_t prog_type, uint32_t btf_id)
{
	const char *how;

	switch (u->info.type) {
	case BPF_LINK_TYPE_RAW_TRACEPOINT:
	case BPF_LINK_TYPE_ITER:
		set_named(o, fd, u->info.type, prog_type);
		return;
	case BPF_LINK_TYPE_TRACING:
		set_tracing(o, &u->info, btf_id);
		return;
	case BPF_LINK_TYPE_CGROUP:
		how = libbpf_bpf_attach_type_str((enum bpf_attach_type)u->info.cgroup.attach_type);
		(void)json_object_set_new(o, "attach", json_string(how ? how : "cgroup"));
		set_cgroup(o, u->info.cgroup.cgroup_id);
		return;
	case LINK_TYPE_TCX:
		set_attach(o, "tcx", u->tcx.attach_type == TCX_INGRESS ? "ingress" : "egress");
		set_interface(o, u->tcx.ifindex, u->tcx.attach_type != TCX_INGRESS);
		return;
	default:
		(void)json_object_set_new(o, "attach", json_string(""));
		(void)json_object_set_new(o, "target", json_string(""));
	}
}

static void add_link(struct walk *w, const struct rast_pinned *pin)
{
	union info u = {0};
	uint32_t len = sizeof(u.info), prog_type, btf_id;
	const char *type;
	char name[144];
	json_t *o;

	if ((w->name && strcmp(w->name, pin->name) != 0) ||
	    bpf_obj_get_info_by_fd(pin->fd, &u, &len) < 0)
		return;
	type = u.info.type == LINK_TYPE_TCX
		       ? "tcx"
		       : libbpf_bpf_link_type_str((enum bpf_link_type)u.info.type);
	o = json_pack("{s:s, s:I, s:s, s:s, s:I}", "name", pin->name, "id", (json_int_t)pin->id,
		      "type", type ? type : "unknown", "program",
		      prog_name(w->progs, u.info.prog_id, name, sizeof(name), &prog_type, &btf_id),
		      "program_id", (json_int_t)u.info.prog_id);
	set_target(o, pin->fd, &u, prog_type, btf_id);
	(void)json_object_set_new(o, "pin", json_string(pin->path));
	(void)json_array_append_new(w->rows, o);
}

/* Named as its tcx link would be. */
static void on_filter(void *arg, const struct rast_tc_filter *f)
{
	struct walk *w = arg;
	const struct rast_pinned *pin = rast_pins_by_id(w->progs, f->prog_id);
	char name[160];
	json_t *o;

	if (!pin)
		return;
	(void)snprintf(name, sizeof(name), "%s_%u", pin->name, f->ifindex);
	if (w->name && strcmp(w->name, name) != 0)
		return;
	o = json_pack("{s:s, s:n, s:s, s:s, s:I}", "name", name, "id", "type", "clsact", "program",
		      pin->name, "program_id", (json_int_t)f->prog_id);
	set_attach(o, "clsact", f->egress ? "egress" : "ingress");
	set_interface(o, f->ifindex, f->egress);
	(void)json_object_set_new(o, "priority", json_integer(f->priority));
	(void)json_object_set_new(o, "handle", json_integer(f->handle));
	(void)json_array_append_new(w->rows, o);
}

int rast_inspect_links(const struct rast_instance *in, const char *name, json_t **ret,
		       struct rast_err *err)
{
	_cleanup_pins_ struct rast_pins progs = {0}, links = {0};
	_cleanup_json_ json_t *rows = json_array();
	struct walk w = {.progs = &progs, .name = name, .rows = rows};
	int r;

	r = rast_pins_open(in, "link", &links, err);
	if (!r)
		r = rast_pins_open(in, "prog", &progs, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < links.n; i++)
		add_link(&w, &links.v[i]);
	if (progs.n)
		r = rast_tc_filters(on_filter, &w);
	if (r < 0)
		return rast_err_sys(err, -r, "filters of interfaces");
	if (name && !json_array_size(rows))
		return rast_err_set(err, ENOENT,
				    "no link \"%.128s\" is pinned here; see rastbpf link show",
				    name);
	*ret = TAKE_PTR(rows);
	return 0;
}
