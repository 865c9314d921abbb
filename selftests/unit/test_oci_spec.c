// SPDX-License-Identifier: BSD-2-Clause
/*
 * config.json: what comes out of it, and that every field of a document with all fields refuses every
 * wrong type by its name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "container/seccomp_profile.h"
#include "oci_doc.h"
#include "oci_spec_full.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- every field, every wrong type ---- */

struct mutation {
	json_t *doc;
	size_t n;
};

static void mutate_one(struct mutation *m, json_t *parent, const char *key, size_t index,
		       const char *path)
{
	static const char *const wrong[] = {"{}", "[]", "\"x\"", "true", "7", "1.5"};
	json_t *old = key ? json_object_get(parent, key) : json_array_get(parent, index);

	json_incref(old);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_t *v = json_loads(wrong[i], JSON_DECODE_ANY, NULL);
		struct rast_oci_spec *spec = NULL;
		struct rast_err err = {0};
		char *text;
		int r;

		if (json_typeof(v) == json_typeof(old) ||
		    (json_is_boolean(v) && json_is_boolean(old)) ||
		    /* 18446744073709551615 is kept as a fraction in this test's document. */
		    (json_is_real(old) && json_is_integer(v))) {
			json_decref(v);
			continue;
		}
		r = key ? json_object_set_new(parent, key, v)
			: json_array_set_new(parent, index, v);
		assert_int_equal(r, 0);
		text = json_dumps(m->doc, 0);
		r = parse(text, &spec, &err);
		if (r != -EINVAL)
			fail_msg("%s = %s is taken", path, wrong[i]);
		if (strcmp(err.field, path) != 0 || !strstr(err.text, "want "))
			fail_msg("%s = %s: the error is %s: %s", path, wrong[i], err.field,
				 err.text);
		free(text);
		m->n++;
	}
	if (key)
		json_object_set_new(parent, key, old);
	else
		json_array_set_new(parent, index, old);
}

static void mutate(struct mutation *m, json_t *v, const char *path)
{
	const char *key;
	char child[256];
	json_t *one;
	size_t i;

	if (json_is_object(v)) {
		json_t *keys = json_array(), *k;

		json_object_foreach(v, key, one) {
			json_array_append_new(keys, json_string(key));
		}
		json_array_foreach(keys, i, k) {
			key = json_string_value(k);
			(void)snprintf(child, sizeof(child), "%s%s%s", path, *path ? "." : "", key);
			mutate_one(m, v, key, 0, child);
			mutate(m, json_object_get(v, key), child);
		}
		json_decref(keys);
	} else if (json_is_array(v)) {
		for (i = 0; i < json_array_size(v); i++) {
			(void)snprintf(child, sizeof(child), "%s[%zu]", path, i);
			mutate_one(m, v, NULL, i, child);
			mutate(m, json_array_get(v, i), child);
		}
	}
}

static void test_every_field_refuses_every_wrong_type_by_its_name(void **state)
{
	struct mutation m = {0};
	struct rast_oci_spec *spec;
	char *text = strdup(oci_spec_full), *p;

	(void)state;
	/* The test's own document has to be one that jansson reads. */
	for (const char *big = "18446744073709551615"; (p = strstr(text, big));)
		memcpy(p, "9223372036854775807 ", strlen(big));
	for (const char *big = "10000000000000000000"; (p = strstr(text, big));)
		memcpy(p, "9223372036854775807 ", strlen(big));
	m.doc = json_loads(text, 0, NULL);
	assert_non_null(m.doc);
	spec = must_parse(text);
	rast_oci_spec_destroy(spec);
	mutate(&m, m.doc, "");
	assert_true(m.n > 1000);
	json_decref(m.doc);
	free(text);
}

static void test_null_is_as_good_as_absent(void **state)
{
	json_t *doc = json_loads(small, 0, NULL), *v;
	static const char *const keys[] = {"process", "mounts",   "hooks",     "annotations",
					   "linux",   "hostname", "domainname"};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char *text;

		v = json_deep_copy(doc);
		json_object_set_new(v, keys[i], json_null());
		text = json_dumps(v, 0);
		rast_oci_spec_destroy(must_parse(text));
		free(text);
		json_decref(v);
	}
	json_decref(doc);
}

/* ---- what comes out ---- */

static void test_the_full_document_becomes_a_structure(void **state)
{
	struct rast_oci_spec *s = must_parse(oci_spec_full);
	const struct rast_oci_process *p = &s->process;
	const struct rast_oci_resources *r = &s->resources;
	char *text;

	(void)state;
	assert_string_equal(s->version, "1.2.1");
	assert_string_equal(s->root_path, "rootfs");
	assert_true(s->root_readonly && s->has_process && p->terminal && p->no_new_privs);
	assert_int_equal(p->rows, 25);
	assert_int_equal(p->cols, 80);
	assert_int_equal(p->uid, 1000);
	assert_int_equal(p->gid, 100);
	assert_true(p->umask.set && p->umask.v == 022);
	assert_int_equal(p->n_groups, 2);
	assert_int_equal(p->groups[1], 6);
	assert_int_equal(p->n_args, 3);
	assert_string_equal(p->args[2], "true");
	assert_null(p->args[3]);
	assert_string_equal(p->env[1], "TERM=xterm");
	assert_true(p->has_caps);
	assert_true(p->caps.bounding == (1ull << 5 | 1ull << 39));
	assert_true(p->caps.effective == 1ull << 5 && p->caps.permitted == 1ull << 5);
	assert_true(p->caps.inheritable == 1 && p->caps.ambient == 1ull << 40);
	assert_int_equal(p->n_rlimits, 2);
	assert_int_equal(p->rlimits[0].resource, RLIMIT_NOFILE);
	assert_true(p->rlimits[0].soft == 512 && p->rlimits[0].hard == 1024);
	assert_int_equal(p->rlimits[1].resource, RLIMIT_MEMLOCK);
	assert_true(p->rlimits[1].soft == UINT64_MAX && p->rlimits[1].hard == UINT64_MAX);
	assert_true(p->oom_score_adj.set && p->oom_score_adj.v == -500);
	assert_true(p->has_scheduler && p->scheduler.policy == 6 && p->scheduler.nice == -5);
	assert_true(p->scheduler.flags == 3 && p->scheduler.period == 30);
	assert_true(p->has_io_priority && p->io_class == 2 && p->io_priority == 4);
	assert_string_equal(p->cpu_initial, "0-3,7");
	assert_string_equal(p->apparmor_profile, "ap");
	assert_string_equal(p->selinux_label, "u:r:t");

	assert_int_equal(s->n_mounts, 3);
	assert_string_equal(s->mounts[1].destination, "/dev/shm");
	assert_int_equal(s->mounts[1].n_data, 2);
	assert_string_equal(s->mounts[1].data[1], "size=65536k");
	assert_int_equal(s->mounts[2].uid_maps[0].host_id, 1000);
	for (int i = 0; i < RAST_OCI_HOOK_POINTS; i++) {
		assert_int_equal(s->hooks[i].n, 1);
		assert_true(s->hooks[i].v[0].timeout_s.set &&
			    s->hooks[i].v[0].timeout_s.v == i + 1);
	}
	assert_string_equal(s->hooks[RAST_OCI_POSTSTOP].v[0].path, "/bin/poststop");
	assert_string_equal(rast_oci_annotation(s, "com.example.key"), "value");
	assert_string_equal(rast_oci_annotation(s, "empty"), "");
	assert_null(rast_oci_annotation(s, "none"));
	text = rast_oci_annotations_dump(s);
	assert_string_equal(text, "{\"com.example.key\":\"value\",\"empty\":\"\"}");
	free(text);

	assert_true(s->ns_join == CLONE_NEWPID);
	assert_true(s->ns_new == (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS |
				  CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWTIME));
	assert_string_equal(s->ns_path[RAST_OCI_NS_PID], "/proc/1234/ns/pid");
	assert_null(s->ns_path[RAST_OCI_NS_USER]);
	assert_int_equal(s->n_ns, 8);
	assert_int_equal(s->ns_order[0], RAST_OCI_NS_PID);
	assert_string_equal(s->sysctls[1].key, "net.ipv4.conf.eno2/100.rp_filter");
	assert_true(s->monotonic.secs == 172800 && s->boottime.secs == -604800);
	assert_string_equal(s->cgroups_path, "/myRuntime/myContainer");
	assert_true(s->devices[0].mode.v == 0666 && s->devices[0].major == 10 &&
		    s->devices[0].minor == 229);
	assert_true(s->devices[1].type == 'p' && !s->devices[1].uid.set);
	assert_string_equal(s->net_devices[0].host_name, "eth1");
	assert_string_equal(s->net_devices[0].name, "c1");
	assert_null(s->net_devices[1].name);
	assert_true(s->personality.set && s->personality.v == 8);
	assert_true(s->memory_policy.set && s->memory_policy.mode == (2 | 1 << 15));
	assert_true(s->intel_rdt.set && s->intel_rdt.enable_monitoring);

	assert_int_equal(s->seccomp->default_action, SECCOMP_RET_ERRNO | 38);
	assert_int_equal(s->seccomp->n_archs, 2);
	assert_int_equal(s->seccomp->flags, SECCOMP_FILTER_FLAG_LOG);
	assert_string_equal(s->seccomp->listener_path, "/run/l");
	assert_int_equal(s->seccomp->n_calls, 3);
	assert_string_equal(s->seccomp->calls[0].names[1], "write");
	assert_int_equal(s->seccomp->calls[0].action, SECCOMP_RET_ALLOW);
	assert_int_equal(s->seccomp->calls[1].action, SECCOMP_RET_ERRNO | 1);
	assert_int_equal(s->seccomp->calls[1].args[0].op, RAST_SECCOMP_MASKED_EQ);
	assert_int_equal(s->seccomp->calls[1].args[0].value, 2114060288);
	assert_int_equal(s->seccomp->calls[2].action, SECCOMP_RET_USER_NOTIF);

	assert_true(s->has_resources);
	assert_int_equal(r->n_devices, 3);
	assert_true(!r->devices[0].allow && r->devices[0].type == 'a' &&
		    r->devices[0].major == -1 && r->devices[0].access == 7);
	assert_true(r->devices[1].type == 'c' && r->devices[1].major == 10 &&
		    r->devices[1].minor == 229 && r->devices[1].access == 3);
	assert_true(r->devices[2].minor == -1 && r->devices[2].major == 8);
	assert_true(r->memory.limit.v == 536870912 && r->memory.swap.v == -1);
	assert_true(r->memory.swappiness.set && !r->memory.swappiness.v);
	assert_true(r->memory.disable_oom_killer.set && !r->memory.disable_oom_killer.v);
	assert_true(r->cpu.quota.v == 100000 && r->cpu.idle.set && !r->cpu.idle.v);
	assert_true(r->pids_limit.set && r->pids_limit.v == 32771);
	assert_true(r->block_io.weight_devices[0].leaf_weight.v == 300);
	assert_true(!r->block_io.weight_devices[1].leaf_weight.set);
	assert_true(r->block_io.read_bps[0].rate == 600 && r->block_io.write_bps[0].rate == 601 &&
		    r->block_io.read_iops[0].rate == 602 && r->block_io.write_iops[0].rate == 300);
	assert_true(r->hugepages[1].limit == 10000000000000000000ull);
	assert_true(r->class_id.v == 1048577 && r->net_prios[0].priority == 500);
	assert_string_equal(r->rdma[0].device, "mlx5_1");
	assert_true(r->rdma[0].hca_objects.v == 10000);
	assert_string_equal(r->unified[1].value, "8:0 rbps=1");
	assert_int_equal(s->n_warnings, 0);
	rast_oci_spec_destroy(s);
}

static void test_what_is_not_there_is_not_set(void **state)
{
	struct rast_oci_spec *s =
		must_parse("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"}}");
	char *text = rast_oci_annotations_dump(s);

	(void)state;
	assert_false(s->has_process || s->has_resources || s->process.oom_score_adj.set ||
		     s->process.umask.set || s->personality.set || s->resources.pids_limit.set);
	assert_null(s->hostname);
	assert_int_equal(s->n_mounts, 0);
	assert_true(!s->ns_new && !s->ns_join && !s->rootfs_propagation);
	assert_string_equal(text, "{}");
	free(text);
	rast_oci_spec_destroy(s);
}

static void test_numbers_up_to_uint64_are_exact(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} t[] = {
		{"0", 0},
		{"9223372036854775807", INT64_MAX},
		{"9223372036854775808", (uint64_t)INT64_MAX + 1},
		{"9999999999999999999", 9999999999999999999ull},
		{"18446744073709551614", UINT64_MAX - 1},
		{"18446744073709551615", UINT64_MAX},
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		for (int pad = 0; pad < 40; pad++) {
			struct rast_oci_spec *s;

			/* Wherever it stands, and beside the same digits in a string. */
			(void)snprintf(text, sizeof(text),
				       "{\"ociVersion\":\"1.0.0\",%*s\"root\":{\"path\":"
				       "\"\\\"18446744073709551615,\"},\"linux\":{\"resources\":"
				       "{\"cpu\":{\"shares\":%s,\"period\":%s}}}}",
				       pad, "", t[i].text, t[i].text);
			s = must_parse(text);
			assert_true(s->resources.cpu.shares.v == t[i].value);
			assert_true(s->resources.cpu.period.v == t[i].value);
			assert_string_equal(s->root_path, "\"18446744073709551615,");
			rast_oci_spec_destroy(s);
		}
}

static void test_text_that_is_no_document_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *error;
	} t[] = {
		{"", "config.json:1:0: '[' or '{' expected near end of file"},
		{"[]", "config.json: want an object, got a list"},
		{"{\n\"a\": 1,\n}", "config.json:3:1: string or '}' expected near '}'"},
		{"{\"a\": 1,\n \"a\": 2}", "config.json:2:4: duplicate object key near '\"a\"'"},
		{"{\"a\": \"x\\u0000y\"}",
		 "config.json:1:16: \\u0000 is in a string near '\"x\\u0000y\"'"},
		{"{\"a\\u0000\": 1}",
		 "config.json:1:10: \\u0000 is in a string near '\"a\\u0000\"'"},
		{"{\"a\": 18446744073709551616}",
		 "config.json:1:26: too big integer near '18446744073709551616'"},
		{"{\"a\": -9223372036854775809}",
		 "config.json:1:26: too big negative integer near '-9223372036854775809'"},
		{"{\"a\": 1} x", "config.json:1:10: end of file expected near 'x'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct rast_oci_spec *spec = NULL;
		struct rast_err err = {0};
		char buf[1024];

		assert_int_equal(parse(t[i].text, &spec, &err), -EINVAL);
		assert_null(spec);
		if (strcmp(rast_err_format(&err, buf, sizeof(buf)), t[i].error) != 0)
			fail_msg("got:  %s\nwant: %s", buf, t[i].error);
	}
}

static void test_sizes_and_depths_have_limits(void **state)
{
	struct rast_oci_spec *spec = NULL;
	size_t len = RAST_OCI_MAX_TEXT + 1, i;
	struct rast_err err = {0};
	char *text = malloc(len + 1);

	(void)state;
	assert_non_null(text);
	memset(text, ' ', len);
	text[len] = '\0';
	assert_int_equal(rast_oci_spec_parse("config.json", text, len, &spec, &err), -EFBIG);
	for (i = 0; i < 100000; i++)
		text[i] = '[';
	memset(&err, 0, sizeof(err));
	assert_int_equal(rast_oci_spec_parse("config.json", text, 100000, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.text, "depth"));
	free(text);
	assert_null(spec);
}

static void test_oddities_that_are_taken_leave_a_warning(void **state)
{
	struct rast_oci_spec *s = must_parse(
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},"
		"\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"capabilities\":{\"bounding\":"
		"[\"CAP_KILL\",\"CAP_FOO\\n\"]}},"
		"\"mounts\":[{\"destination\":\"a/../b\",\"type\":\"tmpfs\"}],"
		"\"linux\":{\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"x\"]}}}");

	(void)state;
	assert_int_equal(s->n_warnings, 3);
	assert_string_equal(
		s->warnings[0],
		"process.capabilities.bounding[1]: unknown capability CAP_FOO\n, ignored");
	assert_string_equal(
		s->warnings[1],
		"mounts[0].destination: \"a/../b\" is not an absolute path; it is taken "
		"from \"/\"");
	assert_string_equal(s->warnings[2],
			    "linux.personality.flags: flags of a personality are not "
			    "supported, ignored");
	assert_null(s->warnings[3]);
	assert_string_equal(s->mounts[0].destination, "/b");
	assert_true(s->process.caps.bounding == 1 << 5);
	rast_oci_spec_destroy(s);
}

static void test_the_default_document_is_read_back(void **state)
{
	(void)state;
	for (int rootless = 0; rootless < 2; rootless++) {
		char *text = rast_oci_spec_default(rootless, 1000, 100);
		struct rast_oci_spec *s = must_parse(text);

		assert_string_equal(s->version, RAST_OCI_SPEC_VERSION);
		assert_string_equal(s->process.args[0], "sh");
		assert_int_equal(s->n_mounts, 7);
		assert_int_equal(s->n_warnings, 0);
		assert_true(s->process.caps.bounding == (1ull << 5 | 1ull << 10 | 1ull << 29));
		assert_true((s->ns_new & (CLONE_NEWUSER | CLONE_NEWNET)) ==
			    (rootless ? CLONE_NEWUSER : CLONE_NEWNET));
		assert_int_equal(s->n_uid_maps, rootless);
		assert_true(s->has_resources == !rootless);
		if (rootless) {
			assert_int_equal(s->uid_maps[0].host_id, 1000);
			assert_int_equal(s->gid_maps[0].host_id, 100);
		}
		rast_oci_spec_destroy(s);
		free(text);
	}
}

static void test_parts_stand_alone(void **state)
{
	char resources[] = "{\"pids\": {\"limit\": 5}}",
	     process[] = "{\"cwd\": \"/\", \"args\": [\"x\"]}";
	char bad[] = "{\"pids\": {\"limit\": true}}";
	struct rast_oci_spec *s = NULL;
	struct rast_err err = {0};
	char buf[1024];

	(void)state;
	assert_int_equal(rast_oci_resources_parse("r", resources, strlen(resources), &s, &err), 0);
	assert_true(s->has_resources && !s->has_process && s->resources.pids_limit.v == 5);
	rast_oci_spec_destroy(s);
	assert_int_equal(rast_oci_process_parse("p", process, strlen(process), &s, &err), 0);
	assert_true(s->has_process && !s->has_resources);
	assert_string_equal(s->process.args[0], "x");
	rast_oci_spec_destroy(s);
	assert_int_equal(rast_oci_resources_parse("r", bad, strlen(bad), &s, &err), -EINVAL);
	assert_string_equal(rast_err_format(&err, buf, sizeof(buf)),
			    "r: pids.limit: want a whole number, got true or false");
}

static void test_files_are_loaded_and_named_in_errors(void **state)
{
	char dir[] = "/tmp/test_oci_spec.XXXXXX", path[64], buf[1024];
	struct rast_oci_spec *s = NULL;
	struct rast_err err = {0};
	int dirfd;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/config.json", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(small, f);
	assert_int_equal(fclose(f), 0);
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(rast_oci_spec_load(dirfd, "config.json", &s, &err), 0);
	rast_oci_spec_destroy(s);
	assert_int_equal(rast_oci_process_load(AT_FDCWD, path, &s, &err), -EINVAL);
	assert_string_equal(rast_err_format(&err, buf, sizeof(buf)),
			    "config.json: field \"args\" is missing");
	assert_int_equal(unlink(path), 0);
	memset(&err, 0, sizeof(err));
	assert_int_equal(rast_oci_spec_load(dirfd, "config.json", &s, &err), -ENOENT);
	assert_string_equal(err.text, "config.json: No such file or directory");
	(void)close(dirfd);
	assert_int_equal(rmdir(dir), 0);
}

static void test_names_and_numbers_of_capabilities_and_limits_agree(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; rast_oci_cap_name(i); i++) {
		assert_int_equal(rast_oci_cap_number(rast_oci_cap_name(i)), i);
		assert_int_equal(rast_oci_cap_number(rast_oci_cap_name(i) + 4), i);
	}
	assert_int_equal(i, 41);
	assert_int_equal(rast_oci_cap_number("cap_sys_admin"), 21);
	assert_int_equal(rast_oci_cap_number("CAP_"), -1);
	assert_int_equal(rast_oci_cap_number(""), -1);
	assert_int_equal(rast_oci_rlimit_number("RLIMIT_STACK"), RLIMIT_STACK);
	assert_int_equal(rast_oci_rlimit_number("NOFILE"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_refuses_every_wrong_type_by_its_name),
		cmocka_unit_test(test_null_is_as_good_as_absent),
		cmocka_unit_test(test_the_full_document_becomes_a_structure),
		cmocka_unit_test(test_what_is_not_there_is_not_set),
		cmocka_unit_test(test_numbers_up_to_uint64_are_exact),
		cmocka_unit_test(test_text_that_is_no_document_is_refused_with_its_place),
		cmocka_unit_test(test_sizes_and_depths_have_limits),
		cmocka_unit_test(test_oddities_that_are_taken_leave_a_warning),
		cmocka_unit_test(test_the_default_document_is_read_back),
		cmocka_unit_test(test_parts_stand_alone),
		cmocka_unit_test(test_files_are_loaded_and_named_in_errors),
		cmocka_unit_test(test_names_and_numbers_of_capabilities_and_limits_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
