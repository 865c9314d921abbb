// SPDX-License-Identifier: BSD-2-Clause
/* Events as audit records; see audit.h. */
#include "audit/audit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Bytes of the UTF-8 character at p, 0 when it is none. */
static size_t utf8(const unsigned char *p, size_t n)
{
	uint32_t c;
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4, i;

	if (!len || len > n || p[0] > 0xf4 || !p[0])
		return 0;
	if (len == 1)
		return 1;
	c = p[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if ((len == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
	    (len == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	return len;
}

json_t *rast_audit_string(const char *bytes, size_t len)
{
	_cleanup_free_ char *out = malloc(len * 4 + 1);
	size_t i = 0, n = 0, step;

	if (!out)
		return NULL;
	while (i < len) {
		step = utf8((const unsigned char *)bytes + i, len - i);
		if (step) {
			memcpy(out + n, bytes + i, step);
			n += step;
			i += step;
		} else {
			n += (size_t)sprintf(out + n, "\\x%02x", (unsigned char)bytes[i++]);
		}
	}
	return json_stringn(out, n);
}

static json_t *fixed(const char *s, size_t size)
{
	return rast_audit_string(s, strnlen(s, size));
}

static void set(json_t *obj, const char *key, json_t *value)
{
	(void)json_object_set_new(obj, key, value);
}

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *event_object(const char *kind, const char *category, const char *type,
			    const char *action)
{
	return json_pack("{s:s,s:[s],s:[s],s:s}", "kind", kind, "category", category, "type", type,
			 "action", action);
}

/* "container" and "rast" of a record, from flat members that may be absent. */
static void add_container(json_t *rec, const json_t *flat)
{
	json_t *c = json_object(), *v;

	rast_json_set_str(c, "namespace", rast_json_str(flat, "namespace"));
	rast_json_set_str(c, "pod", rast_json_str(flat, "pod"));
	rast_json_set_str(c, "name", rast_json_str(flat, "container"));
	v = json_object_get(flat, "labels");
	if (json_is_object(v))
		(void)json_object_set(c, "labels", v);
	v = json_object_get(flat, "identity");
	if (v)
		(void)json_object_set(c, "identity", v);
	v = json_object_get(flat, "slot");
	if (v)
		(void)json_object_set(c, "slot", v);
	if (json_object_size(c))
		set(rec, "container", c);
	else
		json_decref(c);
}

/* NUL-separated, as /proc/PID/cmdline has it. */
static json_t *arguments(const char *args, size_t len)
{
	json_t *list = json_array();
	size_t n;

	while (len) {
		n = strnlen(args, len);
		(void)json_array_append_new(list, rast_audit_string(args, n));
		n += n < len;
		args += n;
		len -= n;
	}
	return list;
}

static bool add_exec(const struct rast_event_exec *ev, size_t size, json_t *rec, json_t *proc)
{
	json_t *list;
	int i;

	if (size < offsetof(struct rast_event_exec, args) + ev->args_len ||
	    ev->file_len >= sizeof(ev->file) || ev->n_ancestors > RAST_ANCESTORS)
		return false;
	set(rec, "event", event_object("event", "process", "start", "exec"));
	set(proc, "executable", rast_audit_string(ev->file, ev->file_len));
	list = arguments(ev->args, ev->args_len);
	set(proc, "args_count", number(json_array_size(list)));
	set(proc, "args", list);
	if (ev->args_truncated)
		set(proc, "args_truncated", json_true());
	list = json_array();
	for (i = 0; i < ev->n_ancestors; i++)
		(void)json_array_append_new(
			list, json_pack("{s:I,s:o}", "pid", (json_int_t)ev->ancestors[i].pid,
					"name", fixed(ev->ancestors[i].comm, 16)));
	set(proc, "parent", json_pack("{s:I}", "pid", (json_int_t)ev->ppid));
	set(proc, "ancestors", list);
	set(rec, "file",
	    json_pack("{s:I,s:I}", "inode", (json_int_t)ev->inode, "device", (json_int_t)ev->dev));
	set(rec, "group", json_pack("{s:I}", "id", (json_int_t)ev->gid));
	return true;
}

static void add_exit(const struct rast_event_exit *ev, json_t *rec, json_t *proc)
{
	int status = ev->exit_code;

	set(rec, "event",
	    event_object("event", "process", "end", ev->is_init ? "container-exited" : "exit"));
	set(json_object_get(rec, "event"), "duration", number(ev->age_ns));
	if (status & 0x7f) {
		set(proc, "signal", number((uint64_t)(status & 0x7f)));
		set(proc, "exit_code", number(128u + (uint64_t)(status & 0x7f)));
	} else {
		set(proc, "exit_code", number((uint64_t)(status >> 8 & 0xff)));
	}
}

static void add_connect(const struct rast_event_connect *ev, json_t *rec)
{
	char addr[INET6_ADDRSTRLEN] = "", proto[12];
	bool six = ev->family == AF_INET6;

	(void)inet_ntop(six ? AF_INET6 : AF_INET, ev->addr, addr, sizeof(addr));
	(void)snprintf(proto, sizeof(proto), "%u", ev->protocol);
	set(rec, "event", event_object("event", "network", "connection", "connect"));
	rast_json_set_str(json_object_get(rec, "event"), "outcome",
			  ev->allowed ? "success" : "failure");
	set(rec, "destination", json_pack("{s:s,s:i}", "ip", addr, "port", (int)ev->port));
	set(rec, "network",
	    json_pack("{s:s,s:s}", "transport",
		      ev->protocol == IPPROTO_TCP    ? "tcp"
		      : ev->protocol == IPPROTO_UDP  ? "udp"
		      : ev->protocol == IPPROTO_SCTP ? "sctp"
						     : proto,
		      "type", six ? "ipv6" : "ipv4"));
}

static size_t least_size(uint16_t type)
{
	switch (type) {
	case RAST_EVENT_EXEC:
		return offsetof(struct rast_event_exec, args);
	case RAST_EVENT_FORK:
		return sizeof(struct rast_event_fork);
	case RAST_EVENT_EXIT:
		return sizeof(struct rast_event_exit);
	case RAST_EVENT_CONNECT:
		return sizeof(struct rast_event_connect);
	case RAST_EVENT_OOM:
		return sizeof(struct rast_event_oom);
	default:
		return SIZE_MAX;
	}
}

bool rast_audit_from_event(const struct rast_event *ev, size_t size, json_t *json)
{
	_cleanup_json_ json_t *rec = json_object();
	json_t *proc = json_object(), *event;

	set(rec, "@timestamp", json_incref(json_object_get(json, "time")));
	set(rec, "process", proc);
	if (size < least_size(ev->type))
		return false;
	set(proc, "pid", number(ev->pid));
	if (ev->tid != ev->pid)
		set(proc, "thread", json_pack("{s:I}", "id", (json_int_t)ev->tid));
	set(proc, "name", fixed(ev->comm, sizeof(ev->comm)));
	switch (ev->type) {
	case RAST_EVENT_EXEC:
		if (!add_exec((const void *)ev, size, rec, proc))
			return false;
		break;
	case RAST_EVENT_FORK:
		set(rec, "event", event_object("event", "process", "start", "fork"));
		set(proc, "child",
		    json_pack("{s:I}", "pid",
			      (json_int_t)((const struct rast_event_fork *)ev)->child_pid));
		break;
	case RAST_EVENT_EXIT:
		add_exit((const void *)ev, rec, proc);
		break;
	case RAST_EVENT_CONNECT:
		add_connect((const void *)ev, rec);
		break;
	default:
		set(rec, "event", event_object("event", "process", "end", "oom-kill"));
		set(proc, "rss_bytes", number(((const struct rast_event_oom *)ev)->rss_bytes));
	}
	event = json_object_get(rec, "event");
	set(event, "sequence", number(ev->seq));
	set(rec, "user", json_pack("{s:I}", "id", (json_int_t)ev->uid));
	add_container(rec, json);
	set(rec, "rast",
	    json_pack("{s:i,s:s,s:I}", "cpu", (int)ev->cpu, "ring",
		      ev->ring == RAST_RING_PRIORITY ? "priority" : "ordinary", "cgroup_id",
		      (json_int_t)ev->cgroup_id));
	(void)json_object_clear(json);
	(void)json_object_update(json, rec);
	return true;
}

/* Members that have a place of their own; the rest goes below "rast". */
static void add_rest(json_t *rec, const json_t *flat, const char *const *placed)
{
	json_t *rest = json_object(), *v;
	const char *key;
	size_t i;

	json_object_foreach((json_t *)flat, key, v) {
		for (i = 0; placed[i] && strcmp(key, placed[i]) != 0; i++)
			;
		if (!placed[i])
			(void)json_object_set(rest, key, v);
	}
	if (json_object_size(rest))
		set(rec, "rast", rest);
	else
		json_decref(rest);
}

static void add_time(json_t *rec, const json_t *flat, uint64_t realtime_ns)
{
	json_t *v = json_object_get(flat, "time");

	set(rec, "@timestamp", v ? json_incref(v) : rast_json_time(realtime_ns));
}

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

/* ECS event.type of an administrative action. */
static const char *type_of_action(const char *action)
{
	static const char *const ends[][2] = {
		{"-started", "start"},    {"-created", "creation"}, {"-stopped", "end"},
		{"-exited", "end"},       {"-killed", "end"},       {"-deleted", "deletion"},
		{"-removed", "deletion"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends_with(action, ends[i][0]))
			return ends[i][1];
	return "change";
}

/* "ns/pod" or "ns/pod/container" → members of `container` that are not there yet. */
static void add_name(json_t *container, const char *name)
{
	static const char *const keys[] = {"namespace", "pod", "name"};
	size_t n = 1, i, len;
	const char *p;

	for (p = name; *p; p++)
		n += *p == '/';
	if (n < 2 || n > 3)
		return;
	for (p = name, i = 0; i < n; i++, p += len + 1) {
		len = strcspn(p, "/");
		if (len && !json_object_get(container, keys[i]))
			set(container, keys[i], rast_audit_string(p, len));
	}
}

json_t *rast_audit_from_record(const json_t *args, uint64_t realtime_ns)
{
	static const char *const placed[] = {"action",   "namespace", "pod",  "container",
					     "labels",   "slot",      "time", "message",
					     "identity", "outcome",   NULL};
	const char *action = rast_json_str(args, "action"), *kind = rast_json_str(args, "kind");
	bool of_container = starts_with(action, "container-") || starts_with(action, "pod-") ||
			    !strcmp(kind, "Pod") || !strcmp(kind, "Container");
	json_t *rec, *c;

	if (!*action)
		return NULL;
	rec = json_object();
	add_time(rec, args, realtime_ns);
	set(rec, "event",
	    event_object("event", of_container ? "process" : "configuration",
			 type_of_action(action), action));
	rast_json_set_str(json_object_get(rec, "event"), "outcome", rast_json_str(args, "outcome"));
	rast_json_set_str(rec, "message", rast_json_str(args, "message"));
	add_container(rec, args);
	if (of_container) {
		c = json_object_get(rec, "container");
		c = c ? json_incref(c) : json_object();
		add_name(c, rast_json_str(args, "name"));
		if (json_object_size(c))
			(void)json_object_set(rec, "container", c);
		json_decref(c);
	}
	add_rest(rec, args, placed);
	return rec;
}

void rast_audit_set_actor(json_t *record, uint32_t uid, int32_t pid)
{
	set(record, "user", json_pack("{s:I}", "id", (json_int_t)uid));
	set(record, "process", json_pack("{s:I}", "pid", (json_int_t)pid));
}

/* One end of a flow; nothing when the packet was too short to tell. */
static void add_end(json_t *rec, const char *key, const json_t *flow, const char *address,
		    const char *port)
{
	const char *ip = rast_json_str(flow, address);
	json_t *end, *v = json_object_get(flow, port);

	if (!*ip)
		return;
	end = json_pack("{s:s,s:s}", "address", ip, "ip", ip);
	if (v)
		(void)json_object_set(end, "port", v);
	set(rec, key, end);
}

/* Who is at the other end, by name. */
static void add_peer(json_t *rec, const json_t *flow)
{
	static const char *const keys[][2] = {{"peer_namespace", "namespace"},
					      {"peer_pod", "pod"},
					      {"peer_labels", "labels"},
					      {"peer_entity", "entity"},
					      {"peer_identity", "identity"}};
	json_t *peer = json_object(), *v, *rast = json_object_get(rec, "rast");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		v = json_object_get(flow, keys[i][0]);
		if (v)
			(void)json_object_set(peer, keys[i][1], v);
	}
	if (json_object_size(peer) && rast)
		(void)json_object_set(rast, "peer", peer);
	else if (json_object_size(peer))
		set(rec, "rast", json_pack("{s:O}", "peer", peer));
	json_decref(peer);
}

json_t *rast_audit_from_flow(const json_t *flow, uint64_t realtime_ns)
{
	static const char *const placed[] = {
		"type",        "time",        "verdict",       "reason",    "src",
		"dst",         "src_port",    "dst_port",      "protocol",  "direction",
		"packets",     "rule",        "pod",           "namespace", "container",
		"labels",      "slot",        "identity",      "peer_pod",  "peer_namespace",
		"peer_labels", "peer_entity", "peer_identity", NULL};
	const char *src = rast_json_str(flow, "src"), *p;
	json_t *rec, *net, *v;
	char proto[16];
	size_t i;

	if (strcmp(rast_json_str(flow, "verdict"), "deny") != 0)
		return NULL;
	rec = json_object();
	add_time(rec, flow, realtime_ns);
	set(rec, "event", event_object("event", "network", "denied", "flow-denied"));
	rast_json_set_str(json_object_get(rec, "event"), "outcome", "failure");
	rast_json_set_str(json_object_get(rec, "event"), "reason", rast_json_str(flow, "reason"));
	add_container(rec, flow);
	add_end(rec, "source", flow, "src", "src_port");
	add_end(rec, "destination", flow, "dst", "dst_port");
	net = json_object();
	for (i = 0, p = rast_json_str(flow, "protocol"); p[i] && i + 1 < sizeof(proto); i++)
		proto[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] + ('a' - 'A') : p[i]);
	proto[i] = '\0';
	rast_json_set_str(net, "transport", proto);
	rast_json_set_str(net, "type", !*src ? NULL : strchr(src, ':') ? "ipv6" : "ipv4");
	rast_json_set_str(net, "direction", rast_json_str(flow, "direction"));
	v = json_object_get(flow, "packets");
	if (v)
		(void)json_object_set(net, "packets", v);
	set(rec, "network", net);
	/* As policy describes it: id, name, policy, namespace, file, line. */
	v = json_object_get(flow, "rule");
	if (json_is_object(v))
		(void)json_object_set(rec, "rule", v);
	add_rest(rec, flow, placed);
	add_peer(rec, flow);
	return rec;
}

json_t *rast_audit_from_anomaly(const json_t *finding, uint64_t realtime_ns)
{
	json_t *rec = json_object();

	add_time(rec, finding, realtime_ns);
	set(rec, "event", event_object("alert", "intrusion_detection", "info", "anomaly"));
	rast_json_set_str(rec, "message", rast_json_str(finding, "finding"));
	add_container(rec, finding);
	set(rec, "rast", json_copy((json_t *)finding));
	return rec;
}

json_t *rast_audit_loss(enum rast_ring ring, uint64_t lost, uint64_t total, uint64_t realtime_ns)
{
	json_t *rec = json_object();

	set(rec, "@timestamp", rast_json_time(realtime_ns));
	set(rec, "event", event_object("pipeline_error", "process", "info", "loss"));
	set(rec, "rast",
	    json_pack("{s:s,s:I,s:I}", "ring", ring == RAST_RING_PRIORITY ? "priority" : "ordinary",
		      "lost", (json_int_t)lost, "lost_total", (json_int_t)total));
	return rec;
}

/* ---- for people ---- */

static void append(char *buf, size_t size, const char *text)
{
	size_t n = strlen(buf);

	(void)snprintf(buf + n, size - n, "%s", text);
}

const char *rast_audit_line(const json_t *record, char *buf, size_t size)
{
	const json_t *c = json_object_get(record, "container"),
		     *p = json_object_get(record, "process"),
		     *d = json_object_get(record, "destination"),
		     *r = json_object_get(record, "rast"), *args = json_object_get(p, "args"), *v;
	const char *when = rast_json_str(record, "@timestamp");
	char part[600];
	size_t i;

	/* 2026-01-02T03:04:05.678901Z: the time of day to the millisecond. */
	(void)snprintf(buf, size, "%.12s  %-16s", strlen(when) > 23 ? when + 11 : "-",
		       rast_json_str(json_object_get(record, "event"), "action"));
	if (c) {
		(void)snprintf(part, sizeof(part), "  %s/%s%s%s", rast_json_str(c, "namespace"),
			       rast_json_str(c, "pod"), *rast_json_str(c, "name") ? "/" : "",
			       rast_json_str(c, "name"));
		append(buf, size, part);
	}
	if (p && *rast_json_str(p, "name")) {
		(void)snprintf(part, sizeof(part), "  %s[%lld]", rast_json_str(p, "name"),
			       (long long)rast_json_int(p, "pid"));
		append(buf, size, part);
	} else if (p) {
		/* Somebody asked for it: who. */
		(void)snprintf(part, sizeof(part), "  uid %lld pid %lld",
			       (long long)rast_json_int(json_object_get(record, "user"), "id"),
			       (long long)rast_json_int(p, "pid"));
		append(buf, size, part);
	}
	if (args)
		append(buf, size, " ");
	json_array_foreach(args, i, v) {
		append(buf, size, " ");
		append(buf, size, json_string_value(v) ? json_string_value(v) : "");
	}
	if (json_object_get(p, "exit_code")) {
		(void)snprintf(part, sizeof(part), "  exit code %lld",
			       (long long)rast_json_int(p, "exit_code"));
		append(buf, size, part);
	}
	if (d) {
		const char *from = rast_json_str(json_object_get(record, "source"), "ip");

		(void)snprintf(part, sizeof(part), "  %s%s-> %s", from, *from ? " " : "",
			       rast_json_str(d, "ip"));
		append(buf, size, part);
		if (json_object_get(d, "port")) {
			(void)snprintf(part, sizeof(part), ":%lld",
				       (long long)rast_json_int(d, "port"));
			append(buf, size, part);
		}
	}
	if (*rast_json_str(json_object_get(record, "rule"), "name")) {
		append(buf, size, "  by ");
		append(buf, size, rast_json_str(json_object_get(record, "rule"), "name"));
	} else if (*rast_json_str(json_object_get(record, "event"), "reason")) {
		append(buf, size, "  ");
		append(buf, size, rast_json_str(json_object_get(record, "event"), "reason"));
	}
	if (*rast_json_str(record, "message")) {
		append(buf, size, "  ");
		append(buf, size, rast_json_str(record, "message"));
	} else if (*rast_json_str(r, "name")) {
		append(buf, size, "  ");
		append(buf, size, rast_json_str(r, "name"));
	}
	if (json_object_get(r, "lost")) {
		(void)snprintf(part, sizeof(part), "  %lld events of the %s ring",
			       (long long)rast_json_int(r, "lost"), rast_json_str(r, "ring"));
		append(buf, size, part);
	}
	return buf;
}
