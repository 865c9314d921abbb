// SPDX-License-Identifier: BSD-2-Clause
/*
 * Events as audit records: every type byte for byte, and whatever a container can put into one. The
 * expected texts are the schema of docs/audit.md: a change here is a change there.
 */
#include "audit/audit.h"

#include "audit/cgroup_names.h"
#include "base/mem.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define NOW 1767323045678901000ull /* 2026-01-02T03:04:05.678901Z */

/* Takes json. */
static void same(json_t *json, const char *want)
{
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);

	json_decref(json);
	assert_non_null(text);
	assert_string_equal(text, want);
}

static json_t *json_of(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);

	assert_non_null(json);
	return json;
}

static struct rast_event header(uint16_t type, enum rast_ring ring)
{
	struct rast_event ev = {.type = type,
				.ring = (uint8_t)ring,
				.cpu = 1,
				.seq = 9,
				.cgroup_id = 4242,
				.slot = 3,
				.identity = 7,
				.pid = 100,
				.tid = 100,
				.uid = 33,
				.comm = "nginx"};

	return ev;
}

/* What the controller has put there before a feature is asked. */
static json_t *described(void)
{
	return json_of("{\"time\":\"2026-01-02T03:04:05.678901Z\",\"namespace\":\"shop\","
		       "\"pod\":\"web\",\"container\":\"main\",\"labels\":{\"app\":\"web\"},"
		       "\"slot\":3,\"identity\":7,\"seq\":9,\"cpu\":1,\"pid\":100,\"tid\":100,"
		       "\"uid\":33,\"comm\":\"nginx\"}");
}

static void event_is(const void *ev, size_t size, const char *want)
{
	json_t *json = described();

	assert_true(rast_audit_from_event(ev, size, json));
	same(json, want);
}

#define CONTAINER                                                                       \
	"\"container\":{\"identity\":7,\"labels\":{\"app\":\"web\"},\"name\":\"main\"," \
	"\"namespace\":\"shop\",\"pod\":\"web\",\"slot\":3},"
#define WHEN "{\"@timestamp\":\"2026-01-02T03:04:05.678901Z\","

static struct rast_event_exec an_exec(const char *args, size_t len)
{
	struct rast_event_exec ev = {
		.hdr = header(RAST_EVENT_EXEC, RAST_RING_PRIORITY),
		.ppid = 99,
		.gid = 34,
		.inode = 555,
		.dev = 66305,
		.file_len = 15,
		.args_len = (uint16_t)len,
		.n_ancestors = 2,
		.ancestors = {{.pid = 99, .comm = "sh"}, {.pid = 1, .comm = "init"}},
		.file = "/usr/sbin/nginx"};

	memcpy(ev.args, args, len);
	return ev;
}

static size_t exec_size(const struct rast_event_exec *ev)
{
	return offsetof(struct rast_event_exec, args) + ev->args_len;
}

static void an_exec_has_file_arguments_and_ancestors(void **state)
{
	static const char args[] = "nginx\0-g\0daemon off;";
	struct rast_event_exec ev = an_exec(args, sizeof(args));

	event_is(&ev, exec_size(&ev),
		 WHEN CONTAINER
		 "\"event\":{\"action\":\"exec\",\"category\":[\"process\"],\"kind\":\"event\","
		 "\"sequence\":9,\"type\":[\"start\"]},"
		 "\"file\":{\"device\":66305,\"inode\":555},\"group\":{\"id\":34},"
		 "\"process\":{\"ancestors\":[{\"name\":\"sh\",\"pid\":99},"
		 "{\"name\":\"init\",\"pid\":1}],\"args\":[\"nginx\",\"-g\",\"daemon off;\"],"
		 "\"args_count\":3,\"executable\":\"/usr/sbin/nginx\",\"name\":\"nginx\","
		 "\"parent\":{\"pid\":99},\"pid\":100},"
		 "\"rast\":{\"cgroup_id\":4242,\"cpu\":1,\"ring\":\"priority\"},"
		 "\"user\":{\"id\":33}}");
}

static void a_fork_names_the_child(void **state)
{
	struct rast_event_fork ev = {.hdr = header(RAST_EVENT_FORK, RAST_RING_ORDINARY),
				     .child_pid = 101,
				     .child_tid = 101};

	ev.hdr.tid = 102;
	event_is(&ev, sizeof(ev),
		 WHEN CONTAINER
		 "\"event\":{\"action\":\"fork\",\"category\":[\"process\"],\"kind\":\"event\","
		 "\"sequence\":9,\"type\":[\"start\"]},"
		 "\"process\":{\"child\":{\"pid\":101},\"name\":\"nginx\",\"pid\":100,"
		 "\"thread\":{\"id\":102}},"
		 "\"rast\":{\"cgroup_id\":4242,\"cpu\":1,\"ring\":\"ordinary\"},"
		 "\"user\":{\"id\":33}}");
}

#define EXIT(action, process, ring)                                                               \
	WHEN CONTAINER "\"event\":{\"action\":\"" action "\",\"category\":[\"process\"],"         \
		       "\"duration\":1500,\"kind\":\"event\",\"sequence\":9,\"type\":[\"end\"]}," \
		       "\"process\":{" process ",\"name\":\"nginx\",\"pid\":100" ring             \
		       "\"},\"user\":{\"id\":33}}"

static void an_exit_has_code_or_signal(void **state)
{
	struct rast_event_exit ev = {.hdr = header(RAST_EVENT_EXIT, RAST_RING_ORDINARY),
				     .exit_code = 42 << 8,
				     .age_ns = 1500};

	event_is(&ev, sizeof(ev),
		 EXIT("exit", "\"exit_code\":42",
		      "},\"rast\":{\"cgroup_id\":4242,\"cpu\":1,\"ring\":\"ordinary"));
	ev.is_init = 1;
	ev.hdr.ring = RAST_RING_PRIORITY;
	ev.exit_code = 11 | 0x80; /* and dumped core */
	event_is(
		&ev, sizeof(ev),
		EXIT("container-exited", "\"exit_code\":139",
		     ",\"signal\":11},\"rast\":{\"cgroup_id\":4242,\"cpu\":1,\"ring\":\"priority"));
}

static void connects_have_their_destination(void **state)
{
	struct rast_event_connect ev = {.hdr = header(RAST_EVENT_CONNECT, RAST_RING_ORDINARY),
					.family = AF_INET,
					.protocol = IPPROTO_TCP,
					.allowed = 1,
					.port = 6379,
					.addr = {10, 77, 0, 3}};
	static const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

	event_is(&ev, sizeof(ev),
		 WHEN CONTAINER
		 "\"destination\":{\"ip\":\"10.77.0.3\",\"port\":6379},"
		 "\"event\":{\"action\":\"connect\",\"category\":[\"network\"],\"kind\":\"event\","
		 "\"outcome\":\"success\",\"sequence\":9,\"type\":[\"connection\"]},"
		 "\"network\":{\"transport\":\"tcp\",\"type\":\"ipv4\"},"
		 "\"process\":{\"name\":\"nginx\",\"pid\":100},"
		 "\"rast\":{\"cgroup_id\":4242,\"cpu\":1,\"ring\":\"ordinary\"},"
		 "\"user\":{\"id\":33}}");
	ev.family = AF_INET6;
	ev.protocol = 200;
	ev.allowed = 0;
	memcpy(ev.addr, six, sizeof(six));
	event_is(&ev, sizeof(ev),
		 WHEN CONTAINER
		 "\"destination\":{\"ip\":\"2001:db8::1\",\"port\":6379},"
		 "\"event\":{\"action\":\"connect\",\"category\":[\"network\"],\"kind\":\"event\","
		 "\"outcome\":\"failure\",\"sequence\":9,\"type\":[\"connection\"]},"
		 "\"network\":{\"transport\":\"200\",\"type\":\"ipv6\"},"
		 "\"process\":{\"name\":\"nginx\",\"pid\":100},"
		 "\"rast\":{\"cgroup_id\":4242,\"cpu\":1,\"ring\":\"ordinary\"},"
		 "\"user\":{\"id\":33}}");
}

static void a_kill_for_memory_tells_how_much_the_victim_had(void **state)
{
	struct rast_event_oom ev = {.hdr = header(RAST_EVENT_OOM, RAST_RING_PRIORITY),
				    .rss_bytes = 67108864};

	event_is(&ev, sizeof(ev),
		 WHEN CONTAINER
		 "\"event\":{\"action\":\"oom-kill\",\"category\":[\"process\"],\"kind\":\"event\","
		 "\"sequence\":9,\"type\":[\"end\"]},"
		 "\"process\":{\"name\":\"nginx\",\"pid\":100,\"rss_bytes\":67108864},"
		 "\"rast\":{\"cgroup_id\":4242,\"cpu\":1,\"ring\":\"priority\"},"
		 "\"user\":{\"id\":33}}");
}

static void events_of_no_container_have_no_container(void **state)
{
	struct rast_event_fork ev = {.hdr = header(RAST_EVENT_FORK, RAST_RING_ORDINARY)};
	json_t *json = json_of("{\"time\":\"t\",\"seq\":1}");

	assert_true(rast_audit_from_event(&ev.hdr, sizeof(ev), json));
	assert_null(json_object_get(json, "container"));
	json_decref(json);
}

static void a_record_shorter_than_its_type_is_not_taken(void **state)
{
	static const uint16_t types[] = {RAST_EVENT_EXEC, RAST_EVENT_FORK, RAST_EVENT_EXIT,
					 RAST_EVENT_OOM, RAST_EVENT_CONNECT};
	static const size_t sizes[] = {
		offsetof(struct rast_event_exec, args), sizeof(struct rast_event_fork),
		sizeof(struct rast_event_exit), sizeof(struct rast_event_oom),
		sizeof(struct rast_event_connect)};
	union {
		struct rast_event hdr;
		struct rast_event_exec exec;
	} ev;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		json_t *json = described(), *before = described();

		memset(&ev, 0, sizeof(ev));
		ev.hdr = header(types[i], RAST_RING_ORDINARY);
		assert_false(rast_audit_from_event(&ev.hdr, sizes[i] - 1, json));
		assert_true(json_equal(json, before));
		assert_true(rast_audit_from_event(&ev.hdr, sizes[i], json));
		json_decref(json);
		json_decref(before);
	}
}

static void lengths_that_lie_are_not_believed(void **state)
{
	struct rast_event_exec ev = an_exec("x", 2);
	json_t *json = described();
	size_t size = exec_size(&ev);

	ev.args_len = 3;
	assert_false(rast_audit_from_event(&ev.hdr, size, json));
	ev.args_len = 2;
	ev.file_len = sizeof(ev.file);
	assert_false(rast_audit_from_event(&ev.hdr, size, json));
	ev.file_len = 1;
	ev.n_ancestors = RAST_ANCESTORS + 1;
	assert_false(rast_audit_from_event(&ev.hdr, size, json));
	ev.n_ancestors = 0;
	ev.hdr.type = RAST_EVENT_FLOW;
	assert_false(rast_audit_from_event(&ev.hdr, size, json));
	ev.hdr.type = RAST_EVENT_EXEC;
	assert_true(rast_audit_from_event(&ev.hdr, size, json));
	json_decref(json);
}

static void bytes_is(const char *bytes, size_t len, const char *want)
{
	json_t *s = rast_audit_string(bytes, len);

	assert_non_null(s);
	assert_string_equal(json_string_value(s), want);
	json_decref(s);
}

static void bytes_that_are_no_utf8_become_hex(void **state)
{
	bytes_is("", 0, "");
	bytes_is("plain", 5, "plain");
	bytes_is("a\0b", 3, "a\\x00b");
	bytes_is("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "ä€😀");
	bytes_is("\xff\xfe", 2, "\\xff\\xfe");
	bytes_is("\xc3", 1, "\\xc3");                            /* cut short */
	bytes_is("\xe2\x82", 2, "\\xe2\\x82");                   /* cut short */
	bytes_is("\xc0\xaf", 2, "\\xc0\\xaf");                   /* a long "/" */
	bytes_is("\xe0\x80\xaf", 3, "\\xe0\\x80\\xaf");          /* a longer one */
	bytes_is("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");          /* half a surrogate pair */
	bytes_is("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"); /* past Unicode */
	bytes_is("\x80x", 2, "\\x80x");
}

static void every_byte_in_an_argument_gives_json_that_parses(void **state)
{
	char args[257];
	struct rast_event_exec ev;
	json_t *json, *back;
	char *text;
	int i;

	for (i = 0; i < 256; i++)
		args[i] = (char)(255 - i); /* NUL last: one argument */
	args[256] = '\0';
	ev = an_exec(args, 256);
	json = described();
	assert_true(rast_audit_from_event(&ev.hdr, exec_size(&ev), json));
	text = json_dumps(json, JSON_COMPACT);
	assert_null(strchr(text, '\n')); /* one record, one line */
	back = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_equal(json, back));
	json_decref(back);
	json_decref(json);
	free(text);
}

static void empty_arguments_are_kept(void **state)
{
	static const char args[] = "a\0\0\0b";
	struct rast_event_exec ev = an_exec(args, sizeof(args));
	json_t *json = described();

	assert_true(rast_audit_from_event(&ev.hdr, exec_size(&ev), json));
	same(json_incref(json_object_get(json_object_get(json, "process"), "args")),
	     "[\"a\",\"\",\"\",\"b\"]");
	json_decref(json);
}

static void cut_arguments_are_marked(void **state)
{
	struct rast_event_exec ev = an_exec("abc", 3);
	json_t *json = described();

	ev.args_truncated = 1;
	assert_true(rast_audit_from_event(&ev.hdr, exec_size(&ev), json));
	assert_true(rast_json_bool(json_object_get(json, "process"), "args_truncated"));
	json_decref(json);
}

/* As policy publishes it. */
#define FLOW                                                                                   \
	"{\"time\":\"2026-01-02T03:04:05.678901Z\",\"namespace\":\"shop\",\"pod\":\"web\","    \
	"\"labels\":{\"app\":\"web\"},\"slot\":3,\"identity\":7,\"seq\":9,\"cpu\":1,"          \
	"\"type\":\"flow\",\"verdict\":\"%s\",\"reason\":\"policy\",\"direction\":\"egress\"," \
	"\"protocol\":\"TCP\",\"src\":\"10.77.0.2\",\"dst\":\"10.77.0.3\",\"src_port\":40000," \
	"\"dst_port\":6379,\"tcp_flags\":2,\"peer_identity\":8,\"peer_pod\":\"db\","           \
	"\"peer_namespace\":\"shop\",\"packets\":1,\"ifindex\":12,\"generation\":5,"           \
	"\"rule\":{\"id\":4,\"name\":\"shop/web egress 0\",\"policy\":\"web\","                \
	"\"namespace\":\"shop\",\"file\":\"shop.yaml\",\"line\":31}}"

static json_t *flow_record(const char *verdict)
{
	char text[1024];
	json_t *flow, *rec;

	(void)snprintf(text, sizeof(text), FLOW, verdict);
	flow = json_of(text);
	rec = rast_audit_from_flow(flow, NOW);
	json_decref(flow);
	return rec;
}

static void a_denied_flow_has_both_ends_and_the_rule(void **state)
{
	same(flow_record("deny"),
	     WHEN "\"container\":{\"identity\":7,\"labels\":{\"app\":\"web\"},"
		  "\"namespace\":\"shop\",\"pod\":\"web\",\"slot\":3},"
		  "\"destination\":{\"address\":\"10.77.0.3\",\"ip\":\"10.77.0.3\",\"port\":6379},"
		  "\"event\":{\"action\":\"flow-denied\",\"category\":[\"network\"],"
		  "\"kind\":\"event\",\"outcome\":\"failure\",\"reason\":\"policy\","
		  "\"type\":[\"denied\"]},"
		  "\"network\":{\"direction\":\"egress\",\"packets\":1,\"transport\":\"tcp\","
		  "\"type\":\"ipv4\"},"
		  "\"rast\":{\"cpu\":1,\"generation\":5,\"ifindex\":12,"
		  "\"peer\":{\"identity\":8,\"namespace\":\"shop\",\"pod\":\"db\"},\"seq\":9,"
		  "\"tcp_flags\":2},"
		  "\"rule\":{\"file\":\"shop.yaml\",\"id\":4,\"line\":31,"
		  "\"name\":\"shop/web egress 0\",\"namespace\":\"shop\",\"policy\":\"web\"},"
		  "\"source\":{\"address\":\"10.77.0.2\",\"ip\":\"10.77.0.2\",\"port\":40000}}");
}

static void flows_that_were_allowed_are_no_records(void **state)
{
	assert_null(flow_record("allow"));
	assert_null(flow_record("allow_reply"));
	assert_null(flow_record(""));
}

static void a_packet_too_short_for_addresses_still_is_a_record(void **state)
{
	json_t *flow = json_of("{\"verdict\":\"deny\",\"reason\":\"malformed\","
			       "\"protocol\":\"0\",\"peer_entity\":\"world\"}");

	same(rast_audit_from_flow(flow, NOW),
	     WHEN "\"event\":{\"action\":\"flow-denied\",\"category\":[\"network\"],"
		  "\"kind\":\"event\",\"outcome\":\"failure\",\"reason\":\"malformed\","
		  "\"type\":[\"denied\"]},\"network\":{\"transport\":\"0\"},"
		  "\"rast\":{\"peer\":{\"entity\":\"world\"}}}");
	json_decref(flow);
}

static void record_is(const char *args, const char *want)
{
	json_t *json = json_of(args), *rec = rast_audit_from_record(json, NOW);

	rast_audit_set_actor(rec, 1000, 77);
	same(rec, want);
	json_decref(json);
}

static void what_was_done_to_a_pod_names_pod_and_actor(void **state)
{
	record_is("{\"action\":\"pod-started\",\"kind\":\"Pod\",\"name\":\"shop/web\"}",
		  WHEN "\"container\":{\"namespace\":\"shop\",\"pod\":\"web\"},"
		       "\"event\":{\"action\":\"pod-started\",\"category\":[\"process\"],"
		       "\"kind\":\"event\",\"type\":[\"start\"]},\"process\":{\"pid\":77},"
		       "\"rast\":{\"kind\":\"Pod\",\"name\":\"shop/web\"},\"user\":{\"id\":1000}}");
	record_is("{\"action\":\"container-started\",\"name\":\"shop/web/main\","
		  "\"identity\":7,\"outcome\":\"success\",\"message\":\"m\"}",
		  WHEN "\"container\":{\"identity\":7,\"name\":\"main\",\"namespace\":\"shop\","
		       "\"pod\":\"web\"},"
		       "\"event\":{\"action\":\"container-started\",\"category\":[\"process\"],"
		       "\"kind\":\"event\",\"outcome\":\"success\",\"type\":[\"start\"]},"
		       "\"message\":\"m\",\"process\":{\"pid\":77},"
		       "\"rast\":{\"name\":\"shop/web/main\"},\"user\":{\"id\":1000}}");
	record_is("{\"action\":\"pod-stopped\",\"pod\":\"web\",\"namespace\":\"shop\"}",
		  WHEN "\"container\":{\"namespace\":\"shop\",\"pod\":\"web\"},"
		       "\"event\":{\"action\":\"pod-stopped\",\"category\":[\"process\"],"
		       "\"kind\":\"event\",\"type\":[\"end\"]},\"process\":{\"pid\":77},"
		       "\"user\":{\"id\":1000}}");
}

static void what_was_done_to_something_else_is_configuration(void **state)
{
	record_is("{\"action\":\"policy-applied\",\"kind\":\"NetworkPolicy\","
		  "\"name\":\"a/b\",\"message\":\"up -f a.yaml\"}",
		  WHEN "\"event\":{\"action\":\"policy-applied\",\"category\":[\"configuration\"],"
		       "\"kind\":\"event\",\"type\":[\"change\"]},\"message\":\"up -f a.yaml\","
		       "\"process\":{\"pid\":77},"
		       "\"rast\":{\"kind\":\"NetworkPolicy\",\"name\":\"a/b\"},"
		       "\"user\":{\"id\":1000}}");
}

static void names_that_are_none_are_not_taken_apart(void **state)
{
	static const char *const names[] = {"", "web", "a/b/c/d", "/", "//"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		json_t *args = json_pack("{s:s,s:s}", "action", "pod-started", "name", names[i]);
		json_t *rec = rast_audit_from_record(args, NOW);

		assert_null(json_object_get(rec, "container"));
		json_decref(rec);
		json_decref(args);
	}
}

static void a_client_cannot_say_that_it_is_somebody_else(void **state)
{
	record_is("{\"action\":\"x\",\"user\":{\"id\":0},\"process\":{\"pid\":1}}",
		  WHEN "\"event\":{\"action\":\"x\",\"category\":[\"configuration\"],"
		       "\"kind\":\"event\",\"type\":[\"change\"]},\"process\":{\"pid\":77},"
		       "\"rast\":{\"process\":{\"pid\":1},\"user\":{\"id\":0}},"
		       "\"user\":{\"id\":1000}}");
}

static void a_record_without_an_action_is_refused(void **state)
{
	json_t *args = json_of("{\"kind\":\"Pod\",\"action\":7}");

	assert_null(rast_audit_from_record(args, NOW));
	json_decref(args);
}

static void losses_say_which_ring_and_how_many(void **state)
{
	same(rast_audit_loss(RAST_RING_ORDINARY, 5, 12, NOW),
	     WHEN "\"event\":{\"action\":\"loss\",\"category\":[\"process\"],"
		  "\"kind\":\"pipeline_error\",\"type\":[\"info\"]},"
		  "\"rast\":{\"lost\":5,\"lost_total\":12,\"ring\":\"ordinary\"}}");
}

static void line_is(json_t *rec, const char *want)
{
	char buf[400];

	assert_non_null(rec);
	assert_string_equal(rast_audit_line(rec, buf, sizeof(buf)), want);
	json_decref(rec);
}

static void a_line_for_people_says_who_what_and_where(void **state)
{
	static const char args[] = "nginx\0-g\0daemon off;";
	struct rast_event_exec ev = an_exec(args, sizeof(args));
	json_t *json = described(), *rec;

	assert_true(rast_audit_from_event(&ev.hdr, exec_size(&ev), json));
	line_is(json,
		"03:04:05.678  exec              shop/web/main  nginx[100]  nginx -g daemon off;");
	line_is(flow_record("deny"), "03:04:05.678  flow-denied       shop/web  10.77.0.2 -> "
				     "10.77.0.3:6379  by shop/web egress 0");
	line_is(rast_audit_loss(RAST_RING_PRIORITY, 5, 12, NOW),
		"03:04:05.678  loss              5 events of the priority ring");
	json = json_of("{\"action\":\"pod-started\",\"name\":\"shop/web\"}");
	rec = rast_audit_from_record(json, NOW);
	rast_audit_set_actor(rec, 0, 77);
	json_decref(json);
	line_is(rec, "03:04:05.678  pod-started       shop/web  uid 0 pid 77  shop/web");
}

static void a_line_is_cut_at_its_buffer(void **state)
{
	json_t *rec = flow_record("deny");
	char buf[64];
	size_t n;

	for (n = 1; n <= sizeof(buf); n++) {
		memset(buf, 'Z', sizeof(buf));
		(void)rast_audit_line(rec, buf, n);
		assert_true(strlen(buf) < n);
		assert_true(n == sizeof(buf) || buf[n] == 'Z');
	}
	json_decref(rec);
}

static void cgroup_paths_are_parsed_into_names(void **state)
{
	struct rast_cgroup_name n = {0};
	char buf[400];

	assert_true(rast_cgroup_name_parse("rastos", "/rastos/shop_web-1/main", &n));
	assert_string_equal(rast_cgroup_name_format(&n, buf, sizeof(buf)), "shop/web-1/main");
	assert_true(rast_cgroup_name_parse("rastos", "/rastos/shop_web/main/below/it", &n));
	assert_string_equal(n.container, "main");
	assert_false(rast_cgroup_name_parse("rastos", "/rastosx/shop_web/main", &n));
	assert_false(rast_cgroup_name_parse("rastos", "/rastos/shop_web", &n));
	assert_false(rast_cgroup_name_parse("rastos", "/rastos/shopweb/ma_in", &n));
	assert_false(rast_cgroup_name_parse("rastos", "/rastos/_web/main", &n));
	assert_false(rast_cgroup_name_parse("rastos", "/user.slice", &n));
}

static void a_container_is_meant_by_any_of_its_names(void **state)
{
	static const struct rast_cgroup_name n = {1, "shop", "web", "main"};
	static const char *const yes[] = {"web", "main", "shop/web", "web/main", "shop/web/main"};
	static const char *const no[] = {"", "shop", "shop/", "we", "shop/main", "shop/web/main/"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(rast_cgroup_name_match(&n, yes[i]));
	for (i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(rast_cgroup_name_match(&n, no[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exec_has_file_arguments_and_ancestors),
		cmocka_unit_test(a_fork_names_the_child),
		cmocka_unit_test(an_exit_has_code_or_signal),
		cmocka_unit_test(connects_have_their_destination),
		cmocka_unit_test(a_kill_for_memory_tells_how_much_the_victim_had),
		cmocka_unit_test(events_of_no_container_have_no_container),
		cmocka_unit_test(a_record_shorter_than_its_type_is_not_taken),
		cmocka_unit_test(lengths_that_lie_are_not_believed),
		cmocka_unit_test(bytes_that_are_no_utf8_become_hex),
		cmocka_unit_test(every_byte_in_an_argument_gives_json_that_parses),
		cmocka_unit_test(empty_arguments_are_kept),
		cmocka_unit_test(cut_arguments_are_marked),
		cmocka_unit_test(a_denied_flow_has_both_ends_and_the_rule),
		cmocka_unit_test(flows_that_were_allowed_are_no_records),
		cmocka_unit_test(a_packet_too_short_for_addresses_still_is_a_record),
		cmocka_unit_test(what_was_done_to_a_pod_names_pod_and_actor),
		cmocka_unit_test(what_was_done_to_something_else_is_configuration),
		cmocka_unit_test(names_that_are_none_are_not_taken_apart),
		cmocka_unit_test(a_client_cannot_say_that_it_is_somebody_else),
		cmocka_unit_test(a_record_without_an_action_is_refused),
		cmocka_unit_test(losses_say_which_ring_and_how_many),
		cmocka_unit_test(a_line_for_people_says_who_what_and_where),
		cmocka_unit_test(a_line_is_cut_at_its_buffer),
		cmocka_unit_test(cgroup_paths_are_parsed_into_names),
		cmocka_unit_test(a_container_is_meant_by_any_of_its_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
