// SPDX-License-Identifier: BSD-2-Clause
/* "mounts" of config.json: every option word, destinations, id-mapped mounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci_doc.h"

#include <linux/mount.h>

#define A(x) MOUNT_ATTR_##x

static struct rast_oci_spec *with_options(const char *type, const char *options)
{
	json_t *doc = json_loads(small, 0, NULL);
	char buf[1024], *text;
	struct rast_oci_spec *s;

	(void)snprintf(buf, sizeof(buf),
		       "[{\"destination\": \"/d\", \"type\": \"%s\", \"source\": \"/s\", "
		       "\"options\": [%s]}]",
		       type, options);
	set_path(doc, "mounts", buf);
	set_path(doc, "linux.namespaces", "[{\"type\": \"mount\"}, {\"type\": \"user\"}]");
	text = json_dumps(doc, 0);
	s = must_parse(text);
	free(text);
	json_decref(doc);
	return s;
}

/* What one word does; all that is not named stays 0. */
static const struct word {
	const char *name;
	uint64_t set, clear, tree_set, tree_clear, sb_set, sb_clear;
	uint32_t flags, propagation;
} words[] = {
	{.name = "async", .sb_clear = MS_SYNCHRONOUS},
	{.name = "atime", .clear = A(_ATIME)},
	{.name = "bind", .flags = RAST_OCI_MOUNT_BIND},
	{.name = "copy-symlink", .flags = RAST_OCI_MOUNT_COPY_SYMLINK},
	{.name = "defaults"},
	{.name = "dest-nofollow", .flags = RAST_OCI_MOUNT_DST_NOFOLLOW},
	{.name = "dev", .clear = A(NODEV)},
	{.name = "diratime", .clear = A(NODIRATIME)},
	{.name = "dirsync", .sb_set = MS_DIRSYNC},
	{.name = "exec", .clear = A(NOEXEC)},
	{.name = "iversion", .sb_set = MS_I_VERSION},
	{.name = "lazytime", .sb_set = MS_LAZYTIME},
	{.name = "loud", .sb_clear = MS_SILENT},
	{.name = "mand", .sb_set = MS_MANDLOCK},
	{.name = "noatime", .set = A(NOATIME), .clear = A(_ATIME)},
	{.name = "nodev", .set = A(NODEV)},
	{.name = "nodiratime", .set = A(NODIRATIME)},
	{.name = "noexec", .set = A(NOEXEC)},
	{.name = "noiversion", .sb_clear = MS_I_VERSION},
	{.name = "nolazytime", .sb_clear = MS_LAZYTIME},
	{.name = "nomand", .sb_clear = MS_MANDLOCK},
	{.name = "norelatime"},
	{.name = "nostrictatime"},
	{.name = "nosuid", .set = A(NOSUID)},
	{.name = "nosymfollow", .set = A(NOSYMFOLLOW)},
	{.name = "private", .propagation = MS_PRIVATE},
	{.name = "rasync", .sb_clear = MS_SYNCHRONOUS},
	{.name = "ratime", .tree_clear = A(_ATIME)},
	{.name = "rbind", .flags = RAST_OCI_MOUNT_BIND | RAST_OCI_MOUNT_RBIND},
	{.name = "rdev", .tree_clear = A(NODEV)},
	{.name = "rdiratime", .tree_clear = A(NODIRATIME)},
	{.name = "rdirsync", .sb_set = MS_DIRSYNC},
	{.name = "relatime", .clear = A(_ATIME)},
	{.name = "remount", .flags = RAST_OCI_MOUNT_REMOUNT},
	{.name = "rexec", .tree_clear = A(NOEXEC)},
	{.name = "rmand", .sb_set = MS_MANDLOCK},
	{.name = "rnoatime", .tree_set = A(NOATIME), .tree_clear = A(_ATIME)},
	{.name = "rnodev", .tree_set = A(NODEV)},
	{.name = "rnodiratime", .tree_set = A(NODIRATIME)},
	{.name = "rnoexec", .tree_set = A(NOEXEC)},
	{.name = "rnomand", .sb_clear = MS_MANDLOCK},
	{.name = "rnorelatime"},
	{.name = "rnostrictatime"},
	{.name = "rnosuid", .tree_set = A(NOSUID)},
	{.name = "rnosymfollow", .tree_set = A(NOSYMFOLLOW)},
	{.name = "ro", .set = A(RDONLY), .sb_set = MS_RDONLY},
	{.name = "rprivate", .propagation = MS_REC | MS_PRIVATE},
	{.name = "rrelatime", .tree_clear = A(_ATIME)},
	{.name = "rro", .tree_set = A(RDONLY)},
	{.name = "rrw", .tree_clear = A(RDONLY)},
	{.name = "rshared", .propagation = MS_REC | MS_SHARED},
	{.name = "rslave", .propagation = MS_REC | MS_SLAVE},
	{.name = "rstrictatime", .tree_set = A(STRICTATIME), .tree_clear = A(_ATIME)},
	{.name = "rsuid", .tree_clear = A(NOSUID)},
	{.name = "rsymfollow", .tree_clear = A(NOSYMFOLLOW)},
	{.name = "rsync", .sb_set = MS_SYNCHRONOUS},
	{.name = "runbindable", .propagation = MS_REC | MS_UNBINDABLE},
	{.name = "rw", .clear = A(RDONLY), .sb_clear = MS_RDONLY},
	{.name = "shared", .propagation = MS_SHARED},
	{.name = "silent", .sb_set = MS_SILENT},
	{.name = "slave", .propagation = MS_SLAVE},
	{.name = "src-nofollow", .flags = RAST_OCI_MOUNT_SRC_NOFOLLOW},
	{.name = "strictatime", .set = A(STRICTATIME), .clear = A(_ATIME)},
	{.name = "suid", .clear = A(NOSUID)},
	{.name = "symfollow", .clear = A(NOSYMFOLLOW)},
	{.name = "sync", .sb_set = MS_SYNCHRONOUS},
	{.name = "tmpcopyup", .flags = RAST_OCI_MOUNT_TMPCOPYUP},
	{.name = "unbindable", .propagation = MS_UNBINDABLE},
};

static void test_every_option_word_does_its_one_thing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const struct word *w = &words[i];
		struct rast_oci_spec *s;
		const struct rast_oci_mount *m;
		char quoted[64];

		(void)snprintf(quoted, sizeof(quoted), "\"%s\"", w->name);
		s = with_options("tmpfs", quoted);
		m = &s->mounts[0];
		if (m->attr.set != w->set || m->attr.clear != w->clear ||
		    m->tree.set != w->tree_set || m->tree.clear != w->tree_clear ||
		    m->sb.set != w->sb_set || m->sb.clear != w->sb_clear || m->flags != w->flags)
			fail_msg("%s does something else", w->name);
		assert_int_equal(m->n_propagation, w->propagation ? 1 : 0);
		assert_int_equal(m->propagation[0], w->propagation);
		assert_int_equal(m->n_data, 0);
		rast_oci_spec_destroy(s);
	}
}

static void test_the_list_of_option_words_is_whole_and_sorted(void **state)
{
	size_t i, k, n = 0;

	(void)state;
	for (i = 0; rast_oci_mount_option_name(i); i++) {
		const char *name = rast_oci_mount_option_name(i);

		if (i)
			assert_true(strcmp(rast_oci_mount_option_name(i - 1), name) < 0);
		for (k = 0; k < sizeof(words) / sizeof(words[0]); k++)
			n += !strcmp(words[k].name, name);
		/* These two need a bind mount: a test of their own. */
		n += !strcmp(name, "idmap") || !strcmp(name, "ridmap");
	}
	assert_int_equal(n, i);
	assert_int_equal(i, sizeof(words) / sizeof(words[0]) + 2);
}

static void test_the_last_word_wins_and_the_rest_is_for_the_file_system(void **state)
{
	struct rast_oci_spec *s = with_options(
		"tmpfs", "\"ro\", \"mode=755\", \"rw\", \"noatime\", \"strictatime\", \"\", "
			 "\"context=\\\"a,b\\\"\", \"nosuid\", \"suid\", \"slave\", \"shared\"");
	const struct rast_oci_mount *m = &s->mounts[0];

	(void)state;
	assert_true(m->attr.set == A(STRICTATIME));
	assert_true(m->attr.clear == (A(RDONLY) | A(NOSUID) | A(_ATIME)));
	assert_true(!m->sb.set && m->sb.clear == MS_RDONLY);
	assert_int_equal(m->n_data, 2);
	assert_string_equal(m->data[0], "mode=755");
	assert_string_equal(m->data[1], "context=\"a,b\"");
	assert_null(m->data[2]);
	assert_int_equal(m->n_propagation, 2);
	assert_int_equal(m->propagation[0], MS_SLAVE);
	assert_int_equal(m->propagation[1], MS_SHARED);
	rast_oci_spec_destroy(s);
	s = with_options("tmpfs", "\"strictatime\", \"nostrictatime\"");
	assert_true(!s->mounts[0].attr.set && s->mounts[0].attr.clear == A(_ATIME));
	rast_oci_spec_destroy(s);
	s = with_options("bind", "");
	assert_int_equal(s->mounts[0].flags, RAST_OCI_MOUNT_BIND);
	rast_oci_spec_destroy(s);
}

static void test_destinations_are_made_clean(void **state)
{
	static const char *const t[][2] = {
		{"/", "/"},
		{"//", "/"},
		{"/a/", "/a"},
		{"/a//b/./c", "/a/b/c"},
		{"/a/../b", "/b"},
		{"/../../a", "/a"},
		{"a", "/a"},
		{"..", "/"},
		{"./a/b/..", "/a"},
		{"/a/b/../../c", "/c"},
		{"/..a/...", "/..a/..."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct rast_oci_spec *s;
		char text[256];

		(void)snprintf(text, sizeof(text),
			       "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"mounts\":"
			       "[{\"destination\":\"%s\",\"type\":\"tmpfs\"}]}",
			       t[i][0]);
		s = must_parse(text);
		assert_string_equal(s->mounts[0].destination, t[i][1]);
		assert_int_equal(s->n_warnings, t[i][0][0] != '/');
		rast_oci_spec_destroy(s);
	}
}

static void test_wrong_mounts_are_refused(void **state)
{
	static const struct row t[] = {
#define MOUNT(fields) "mounts", "[{\"destination\": \"/d\"" fields "}]"
#define ONE(c, h, s) "[{\"containerID\": " #c ", \"hostID\": " #h ", \"size\": " #s "}]"
		{"mounts", "[{}]", "mounts[0]: field \"destination\" is missing", NULL, NULL},
		{"mounts", "[{\"destination\": \"\"}]", "mounts[0].destination: is empty", NULL,
		 NULL},
		{MOUNT(""), "mounts[0]: neither a type nor a bind mount", NULL, NULL},
		{MOUNT(", \"options\": [\"rprivate\"]"), NULL, NULL, NULL},
		{MOUNT(", \"options\": [\"remount\", \"ro\"]"), NULL, NULL, NULL},
		{MOUNT(", \"type\": \"tmpfs\""), NULL, NULL, NULL},
		{MOUNT(", \"type\": \"bind\""), "mounts[0]: a bind mount needs a source", NULL,
		 NULL},
		{MOUNT(", \"options\": [\"rbind\"]"), "mounts[0]: a bind mount needs a source",
		 NULL, NULL},
		{MOUNT(", \"source\": \"s\", \"options\": [\"bind\"]"), NULL, NULL, NULL},
		{MOUNT(", \"options\": [\"bind\", \"remount\", \"ro\"]"), NULL, NULL, NULL},
		{MOUNT(", \"type\": \"tmpfs\", \"options\": [1]"),
		 "mounts[0].options[0]: want a string, got a number", NULL, NULL},
		{MOUNT(", \"type\": \"tmpfs\", \"options\": [\"shared\", \"shared\", \"slave\", \"slave\", \"private\"]"),
		 "mounts[0].options[4]: \"private\": more than 4 kinds of propagation", NULL, NULL},
		{MOUNT(", \"type\": \"proc\", \"options\": [\"tmpcopyup\"]"),
		 "mounts[0]: tmpcopyup is only for tmpfs", NULL, NULL},
		{MOUNT(", \"type\": \"tmpfs\", \"options\": [\"idmap\"]"),
		 "mounts[0]: an id-mapped mount has to be a bind mount", NULL, NULL},
		{MOUNT(", \"source\": \"/s\", \"options\": [\"bind\", \"idmap\"]"),
		 "mounts[0]: idmap without mappings needs a namespace of type user in linux.namespaces",
		 NULL, NULL},
		{MOUNT(", \"source\": \"/s\", \"options\": [\"bind\", \"ridmap\"]"), NULL,
		 "linux.namespaces", "[{\"type\": \"user\"}]"},
		{MOUNT(", \"source\": \"/s\", \"options\": [\"bind\"], \"uidMappings\": " ONE(0, 1,
											      1)),
		 "mounts[0]: has mappings of only one kind: want uidMappings and gidMappings", NULL,
		 NULL},
		{MOUNT(", \"source\": \"/s\", \"options\": [\"bind\"], \"uidMappings\": " ONE(
			 0, 1, 1) ", \"gidMappings\": " ONE(0, 1, 1)),
		 NULL, NULL, NULL},
		{MOUNT(", \"source\": \"/s\", \"options\": [\"bind\"], \"uidMappings\": " ONE(
			 0, 1, 0) ", \"gidMappings\": " ONE(0, 1, 1)),
		 "mounts[0].uidMappings[0].size: 0: want a number from 1 to 4294967295", NULL,
		 NULL},
#define IDMAP(text) MOUNT(", \"source\": \"/s\", \"options\": [\"bind\", \"" text "\"]")
#define UIDS(n)                             \
	"mounts[0].options[1]: mapping " #n \
	" of uids: want FIRST-HOST-LENGTH, more of them after \"#\""
		{IDMAP("idmap=uids=0-1-1;gids=0-1-1"), NULL, NULL, NULL},
		{IDMAP("ridmap=gids=0-1-1#1-2-1;uids=0-1-1"), NULL, NULL, NULL},
		{IDMAP("idmap=uids=0-1-1;"),
		 "mounts[0]: has mappings of only one kind: want uidMappings and gidMappings", NULL,
		 NULL},
		{IDMAP("idmap=x"), "mounts[0].options[1]: want idmap=uids=LIST;gids=LIST", NULL,
		 NULL},
		{IDMAP("idmap=uids=0-1-1;uids=0-1-1"),
		 "mounts[0].options[1]: want idmap=uids=LIST;gids=LIST", NULL, NULL},
		{IDMAP("idmap=uids="), UIDS(1), NULL, NULL},
		{IDMAP("idmap=uids=0-1"), UIDS(1), NULL, NULL},
		{IDMAP("idmap=uids=0-1-0;gids=0-1-1"), UIDS(1), NULL, NULL},
		{IDMAP("idmap=uids=0-1-1#"), UIDS(2), NULL, NULL},
		{IDMAP("idmap=uids=0-1-1#2-3-4x"), UIDS(2), NULL, NULL},
		{IDMAP("idmap=uids=0-1-4294967296"), UIDS(1), NULL, NULL},
		{IDMAP("idmap=uids=0-4294967290-6"), UIDS(1), NULL, NULL},
		{IDMAP("idmap=uids=-0-1-1"), UIDS(1), NULL, NULL},
		{IDMAP("idmap=uids=0--1-1"), UIDS(1), NULL, NULL},
		{IDMAP("idmap=uids=0-1-5#4-9-1;gids=0-1-1"),
		 "mounts[0].uidMappings[1]: overlaps with [0]", NULL, NULL},
		{IDMAP("idmap=uids=@0-1-1;gids=0-1-1"),
		 "mounts[0]: idmap of uids: 0-1-1 is not within one mapping of the user namespace",
		 NULL, NULL},
	};

	(void)state;
	CHECK_ROWS(t);
}

static void test_relative_mappings_go_through_the_user_namespace(void **state)
{
	json_t *doc = json_loads(small, 0, NULL);
	struct rast_oci_spec *s;
	char *text;

	(void)state;
	set_path(doc, "linux.namespaces", "[{\"type\": \"mount\"}, {\"type\": \"user\"}]");
	set_path(doc, "linux.uidMappings", ONE(0, 100000, 1000));
	set_path(doc, "linux.gidMappings",
		 "[{\"containerID\": 0, \"hostID\": 5000, \"size\": 10}, "
		 "{\"containerID\": 10, \"hostID\": 7000, \"size\": 10}]");
	set_path(doc, "mounts",
		 "[{\"destination\": \"/d\", \"source\": \"/s\", \"options\": "
		 "[\"bind\", \"idmap=uids=@0-10-5#50-60-1;gids=1-2-3#@20-12-8\"]}]");
	text = json_dumps(doc, 0);
	s = must_parse(text);
	assert_int_equal(s->mounts[0].n_uid_maps, 2);
	assert_int_equal(s->mounts[0].uid_maps[0].container_id, 0);
	assert_int_equal(s->mounts[0].uid_maps[0].host_id, 100010);
	assert_int_equal(s->mounts[0].uid_maps[0].size, 5);
	assert_int_equal(s->mounts[0].uid_maps[1].host_id, 60);
	assert_int_equal(s->mounts[0].gid_maps[0].host_id, 2);
	assert_int_equal(s->mounts[0].gid_maps[1].container_id, 20);
	assert_int_equal(s->mounts[0].gid_maps[1].host_id, 7002);
	rast_oci_spec_destroy(s);
	free(text);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_option_word_does_its_one_thing),
		cmocka_unit_test(test_the_list_of_option_words_is_whole_and_sorted),
		cmocka_unit_test(test_the_last_word_wins_and_the_rest_is_for_the_file_system),
		cmocka_unit_test(test_destinations_are_made_clean),
		cmocka_unit_test(test_wrong_mounts_are_refused),
		cmocka_unit_test(test_relative_mappings_go_through_the_user_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
