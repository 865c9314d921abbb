// SPDX-License-Identifier: BSD-2-Clause
/* Image manifests, and packages that want to write where they should not. */
#include "base/fd.h"
#include "base/sha256.h"
#include "image/image_spec.h"
#include "image/rootfs.h"
#include "image/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "apiVersion: rast.os/v1\nkind: Image\nmetadata: {name: t}\nspec:\n"

static int parse(const char *text, struct rast_yaml **y, struct rast_image_spec **s,
		 struct rast_err *err)
{
	int r = rast_yaml_parse("t.yaml", text, strlen(text), y, err);

	return r < 0 ? r : rast_image_spec_parse(rast_yaml_root(*y, 0), NULL, 0, s, err);
}

static void test_a_manifest_becomes_paths_owners_and_defaults(void **state)
{
	_cleanup_yaml_ struct rast_yaml *y = NULL;
	struct rast_image_spec *s = NULL;
	struct rast_err err = {0};

	assert_int_equal(parse(HEAD
			       "  packages: [a1, b2=1:2-3~x]\n"
			       "  users: [{name: redis, uid: 999}]\n"
			       "  files: [{path: /bin//x, mode: 0755, content: hi, owner: redis}]\n"
			       "  directories: [{path: /data/, mode: '1777', owner: 5:6}]\n"
			       "  command: [x, y]\n  user: redis\n  ports: [80]\n"
			       "  env: [{name: A, value: b}]\n",
			       &y, &s, &err),
			 0);
	assert_int_equal(s->n_packages, 2);
	assert_string_equal(s->files[0].path, "usr/bin/x");
	assert_int_equal(s->files[0].mode, 0755);
	assert_int_equal(s->files[0].uid, 999);
	assert_string_equal(s->dirs[0].path, "data");
	assert_int_equal(s->dirs[0].mode, 01777);
	assert_int_equal(s->dirs[0].gid, 6);
	assert_string_equal(rast_json_str(s->config, "user"), "999:999");
	assert_string_equal(json_string_value(json_array_get(json_object_get(s->config, "env"), 0)),
			    "A=b");
	rast_image_spec_destroy(s);
}

static void test_a_wrong_manifest_is_refused_at_its_line(void **state)
{
	static const struct {
		const char *spec, *want;
	} bad[] = {
		{"  packages: [-oX=y]\n", "t.yaml:5:14: spec.packages[0]: \"-oX=y\" is no Debian"},
		{"  packages: [a1, nginx-]\n", "t.yaml:5:18: spec.packages[1]: \"nginx-\" ends"},
		{"  packages: ['a;b']\n", "is no Debian package name"},
		{"  package: [a1]\n", "unknown field"},
		{"  packages: a1\n", "spec.packages: "},
		{"  packages: []\n", "an image needs packages or files"},
		{"  packages: [a1]\n  user: joe\n", "t.yaml:6:3: spec.user: no user \"joe\""},
		{"  files: [{path: /../etc/x, content: a}]\n",
		 "spec.files[0].path: want an absolute"},
		{"  files: [{path: etc/x, content: a}]\n", "spec.files[0].path: want an absolute"},
		{"  files: [{path: /, content: a}]\n", "spec.files[0].path: want an absolute"},
		{"  files: [{path: /x, mode: 4755, content: a}]\n",
		 "spec.files[0].mode: want an octal"},
		{"  files: [{path: /x, mode: 9, content: a}]\n",
		 "spec.files[0].mode: want an octal"},
		{"  files: [{path: /x}]\n", "want either content or source"},
		{"  files: [{path: /x, content: a, source: b}]\n", "want either content or source"},
		{"  files: [{path: /x, source: not-there}]\n", "spec.files[0].source: no file"},
		{"  packages: [a1]\n  users: [{name: root, uid: 1}]\n",
		 "user root is there already"},
		{"  packages: [a1]\n  users: [{name: 'a:b', uid: 1}]\n", "want a user name"},
		{"  packages: [a1]\n  ports: [0]\n", "spec.ports[0]: want a port"},
		{"  packages: [a1]\n  remove: [usr]\n", "spec.remove[0]: want a pattern"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_yaml_ struct rast_yaml *y = NULL;
		struct rast_image_spec *s = NULL;
		struct rast_err err = {0};
		char text[1024], got[1024];

		(void)snprintf(text, sizeof(text), HEAD "%s", bad[i].spec);
		assert_int_equal(parse(text, &y, &s, &err), -EINVAL);
		(void)rast_err_format(&err, got, sizeof(got));
		if (!strstr(got, bad[i].want))
			fail_msg("%s\ngot:  %s\nwant: %s", text, got, bad[i].want);
	}
}

static void test_paths_are_clean_and_merged_below_usr(void **state)
{
	char p[RAST_IMAGE_PATH_MAX], deep[3000];

	assert_int_equal(rast_image_path_clean("./lib/x86_64/./a//b/", false, p), 0);
	assert_string_equal(p, "usr/lib/x86_64/a/b");
	assert_int_equal(rast_image_path_clean("./usr/lib/a", false, p), 0);
	assert_string_equal(p, "usr/lib/a");
	assert_int_equal(rast_image_path_clean("/opt/bin/x", true, p), 0);
	assert_string_equal(p, "opt/bin/x");
	assert_int_equal(rast_image_path_clean("a/../../b", false, p), -EINVAL);
	assert_int_equal(rast_image_path_clean("/etc/x", false, p), -EINVAL);
	assert_int_equal(rast_image_path_clean("./", false, p), -EINVAL);
	memset(deep, 'a', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(rast_image_path_clean(deep, false, p), -ENAMETOOLONG);
}

static void test_documentation_is_left_out_but_copyright_stays(void **state)
{
	assert_true(rast_unpack_skips("usr/share/man/man1/x.1.gz"));
	assert_true(rast_unpack_skips("usr/share/doc/x/changelog.gz"));
	assert_false(rast_unpack_skips("usr/share/doc/x/copyright"));
	assert_false(rast_unpack_skips("usr/share/nmap/nmap-services"));
}

static void test_sha256_of_the_standards_examples(void **state)
{
	struct rast_sha256 s;
	char hex[65], million[1000];

	rast_sha256_init(&s);
	rast_sha256_add(&s, "abc", 3);
	rast_sha256_hex(&s, hex);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	rast_sha256_init(&s);
	rast_sha256_hex(&s, hex);
	assert_string_equal(hex,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	memset(million, 'a', sizeof(million));
	rast_sha256_init(&s);
	for (int i = 0; i < 1000; i++)
		rast_sha256_add(&s, million, sizeof(million));
	rast_sha256_hex(&s, hex);
	assert_string_equal(hex,
			    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* A folder with an empty root in it, and beside it a place that nobody may write to. */
static char dir[64];

static int setup(void **state)
{
	char path[128];

	(void)snprintf(dir, sizeof(dir), "/tmp/rast-image.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/root", dir);
	if (mkdir(path, 0755))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/outside", dir);
	return mkdir(path, 0755);
}

static int teardown(void **state)
{
	return rast_remove_tree(AT_FDCWD, dir);
}

struct member {
	const char *name;
	unsigned int type;
	const char *data; /* content, or target of a link */
	bool hard;
};

/* Writes DIR/t.deb with these members as the caller's ids, and unpacks it into DIR/root. */
static int unpack(const struct member *m, size_t n, struct rast_err *err)
{
	struct archive *a = archive_write_new();
	static char tar[1 << 18];
	struct rast_rootfs fs;
	char path[128], head[80];
	size_t used = 0;
	FILE *f;
	int r;

	assert_int_equal(archive_write_set_format_gnutar(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_memory(a, tar, sizeof(tar), &used), ARCHIVE_OK);
	for (size_t i = 0; i < n; i++) {
		struct archive_entry *e = archive_entry_new();
		size_t len = m[i].type == AE_IFREG && !m[i].hard ? strlen(m[i].data) : 0;

		archive_entry_set_pathname(e, m[i].name);
		archive_entry_set_filetype(e, m[i].type);
		archive_entry_set_perm(e, m[i].type == AE_IFDIR ? 0755 : 04755);
		archive_entry_set_uid(e, getuid());
		archive_entry_set_gid(e, getgid());
		archive_entry_set_size(e, (la_int64_t)len);
		if (m[i].hard)
			archive_entry_set_hardlink(e, m[i].data);
		else if (m[i].type == AE_IFLNK)
			archive_entry_set_symlink(e, m[i].data);
		assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
		if (len)
			assert_int_equal(archive_write_data(a, m[i].data, len), len);
		archive_entry_free(e);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	(void)snprintf(path, sizeof(path), "%s/t.deb", dir);
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fprintf(f, "!<arch>\n");
	(void)snprintf(head, sizeof(head), "%-16s%-12d%-6d%-6d%-8o%-10zu`\n", "data.tar", 0, 0, 0,
		       0100644, used);
	assert_int_equal(fwrite(head, 60, 1, f), 1);
	assert_int_equal(fwrite(tar, used, 1, f), 1);
	assert_int_equal(fclose(f), 0);
	(void)snprintf(path, sizeof(path), "%s/root", dir);
	assert_int_equal(rast_rootfs_init(&fs, path, err), 0);
	(void)snprintf(path, sizeof(path), "%s/t.deb", dir);
	r = rast_unpack_deb(&fs, path, err);
	rast_rootfs_finish(&fs);
	return r;
}

static void test_a_package_is_unpacked_without_its_set_id_bits(void **state)
{
	const struct member m[] = {{"./etc/", AE_IFDIR, NULL},
				   {"./etc/a", AE_IFREG, "text"},
				   {"./etc/b", AE_IFREG, "./etc/a", true},
				   {"./etc/c", AE_IFLNK, "a"},
				   {"./opt/deep/er/d", AE_IFREG, "more"}};
	char path[128], target[8] = "";
	struct stat a, b;

	assert_int_equal(unpack(m, ARRAY_SIZE(m), NULL), 0);
	(void)snprintf(path, sizeof(path), "%s/root/etc/a", dir);
	assert_int_equal(stat(path, &a), 0);
	assert_int_equal(a.st_mode, S_IFREG | 0755);
	assert_int_equal(a.st_size, 4);
	(void)snprintf(path, sizeof(path), "%s/root/etc/b", dir);
	assert_int_equal(stat(path, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	(void)snprintf(path, sizeof(path), "%s/root/etc/c", dir);
	assert_int_equal(readlink(path, target, sizeof(target) - 1), 1);
	assert_string_equal(target, "a");
}

static void test_hostile_members_are_refused_and_nothing_is_written_outside(void **state)
{
	char link[128];
	const struct {
		struct member m[2];
		size_t n;
		const char *want;
	} bad[] = {
		{{{"/etc/x", AE_IFREG, "x"}}, 1, "is absolute"},
		{{{"./a/../../outside/x", AE_IFREG, "x"}}, 1, "has \"..\""},
		{{{"./l", AE_IFLNK, "../outside"}, {"./l/x", AE_IFREG, "x"}}, 2, "leads out"},
		{{{"./l", AE_IFLNK, link}, {"./l/x", AE_IFREG, "x"}}, 2, "leads out"},
		{{{"./l", AE_IFLNK, link}, {"./l", AE_IFDIR, NULL}}, 2, "leads out"},
		{{{"./l", AE_IFLNK, "l"}, {"./l/x", AE_IFREG, "x"}}, 2, "leads out"},
		{{{"./x", AE_IFREG, "../outside/y", true}}, 1, "leads out"},
		{{{"./x", AE_IFREG, "/etc/passwd", true}}, 1, "leads out"},
		{{{"./l", AE_IFLNK, link}, {"./x", AE_IFREG, "l", true}}, 2, "is no file"},
		{{{"./d", AE_IFCHR, NULL}}, 1, "is a device"},
		{{{"./d", AE_IFBLK, NULL}}, 1, "is a device"},
		{{{"./d", AE_IFIFO, NULL}}, 1, "is a device"},
	};

	(void)snprintf(link, sizeof(link), "%s/outside", dir);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct rast_err err = {0};
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/root/l", dir);
		(void)unlink(path);
		assert_true(unpack(bad[i].m, bad[i].n, &err) < 0);
		if (!strstr(err.text, bad[i].want) || !strstr(err.text, "t.deb"))
			fail_msg("%s: got \"%s\", want \"%s\"", bad[i].m[0].name, err.text,
				 bad[i].want);
		(void)snprintf(path, sizeof(path), "%s/outside", dir);
		assert_int_equal(rmdir(path), 0); /* still empty */
		assert_int_equal(mkdir(path, 0755), 0);
	}
}

static void test_a_file_through_a_link_replaces_the_link_not_its_target(void **state)
{
	char path[128];
	const struct member m[] = {{"./l", AE_IFLNK, path}, {"./l", AE_IFREG, "x"}};
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/outside/victim", dir);
	assert_int_equal(unpack(m, 2, NULL), 0);
	assert_int_equal(stat(path, &st), -1);
	(void)snprintf(path, sizeof(path), "%s/root/l", dir);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void test_a_cut_package_is_an_error(void **state)
{
	const struct member m[] = {{"./a", AE_IFREG, "some text"}};
	struct rast_err err = {0};
	struct rast_rootfs fs;
	char path[128];

	assert_int_equal(unpack(m, 1, NULL), 0);
	(void)snprintf(path, sizeof(path), "%s/root", dir);
	assert_int_equal(rast_rootfs_init(&fs, path, NULL), 0);
	(void)snprintf(path, sizeof(path), "%s/t.deb", dir);
	for (off_t size = 580; size >= 0; size -= 290) {
		rast_err_clear(&err);
		assert_int_equal(truncate(path, size), 0);
		assert_true(rast_unpack_deb(&fs, path, &err) < 0);
		assert_non_null(strstr(err.text, "t.deb: "));
	}
	rast_rootfs_finish(&fs);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_manifest_becomes_paths_owners_and_defaults),
		cmocka_unit_test(test_a_wrong_manifest_is_refused_at_its_line),
		cmocka_unit_test(test_paths_are_clean_and_merged_below_usr),
		cmocka_unit_test(test_documentation_is_left_out_but_copyright_stays),
		cmocka_unit_test(test_sha256_of_the_standards_examples),
		T(test_a_package_is_unpacked_without_its_set_id_bits),
		T(test_hostile_members_are_refused_and_nothing_is_written_outside),
		T(test_a_file_through_a_link_replaces_the_link_not_its_target),
		T(test_a_cut_package_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
