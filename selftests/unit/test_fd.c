// SPDX-License-Identifier: BSD-2-Clause
/* Whole-file input and output, and removing trees without leaving them. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[PATH_MAX];

static const char *in_dir(const char *name)
{
	static char path[PATH_MAX * 2];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int setup(void **state)
{
	(void)strcpy(dir, "/tmp/rast-fd.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	return rast_remove_tree(AT_FDCWD, dir);
}

static void assert_content(const char *path, const char *want)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	assert_int_equal(rast_read_file(AT_FDCWD, path, 1 << 20, &text, &len), 0);
	assert_int_equal(len, strlen(want));
	assert_string_equal(text, want);
}

static void a_replaced_file_is_new_or_old_and_leaves_no_rest(void **state)
{
	_cleanup_close_ int d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	assert_int_equal(rast_replace_file(d, "f", "one", 3, 0640, 1), 0);
	assert_content(in_dir("f"), "one");
	assert_int_equal(stat(in_dir("f"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(rast_replace_file(d, "f", "three", 5, 0640, 0), 0);
	assert_content(in_dir("f"), "three");

	/* A folder in the way: the old state stays, and no temporary file. */
	assert_int_equal(mkdir(in_dir("busy"), 0755), 0);
	assert_int_equal(rast_replace_file(d, "busy", "x", 1, 0600, 0), -EISDIR);
	assert_int_equal(unlink(in_dir("f")), 0);
	assert_int_equal(rmdir(in_dir("busy")), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void replacing_a_link_replaces_the_link_not_its_target(void **state)
{
	assert_int_equal(rast_replace_file(AT_FDCWD, in_dir("target"), "safe", 4, 0600, 0), 0);
	assert_int_equal(symlink("target", in_dir("link")), 0);
	assert_int_equal(rast_replace_file(AT_FDCWD, in_dir("link"), "new", 3, 0600, 0), 0);
	assert_content(in_dir("target"), "safe");
	assert_content(in_dir("link"), "new");
}

static void a_file_past_its_limit_is_refused(void **state)
{
	_cleanup_free_ char *big = calloc(1, 10000);
	char *text = NULL;

	assert_int_equal(rast_replace_file(AT_FDCWD, in_dir("big"), big, 10000, 0600, 0), 0);
	assert_int_equal(rast_read_file(AT_FDCWD, in_dir("big"), 9999, &text, NULL), -EFBIG);
	assert_null(text);
	assert_int_equal(rast_read_file(AT_FDCWD, in_dir("big"), 10000, &text, NULL), 0);
	free(text);
}

static void numbers_are_read_whole_or_refused(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t v;
	} rows[] = {
		{"12\n", 0, 12},         {"18446744073709551615", 0, UINT64_MAX},
		{"max\n", -EINVAL, 0},   {"", -EINVAL, 0},
		{"12 13\n", -EINVAL, 0}, {"18446744073709551616\n", -EINVAL, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t v = 0;

		assert_int_equal(rast_replace_file(AT_FDCWD, in_dir("n"), rows[i].text,
						   strlen(rows[i].text), 0600, 0),
				 0);
		assert_int_equal(rast_read_u64(AT_FDCWD, in_dir("n"), &v), rows[i].r);
		assert_int_equal(v, rows[i].v);
	}
}

static void folders_are_made_with_their_parents(void **state)
{
	struct stat st;

	assert_int_equal(rast_mkdir_p(in_dir("a/b/c"), 0755), 0);
	assert_int_equal(rast_mkdir_p(in_dir("a/b/c"), 0755), 0);
	assert_int_equal(stat(in_dir("a/b/c"), &st), 0);
	assert_int_equal(rast_replace_file(AT_FDCWD, in_dir("a/file"), "", 0, 0600, 0), 0);
	assert_int_equal(rast_mkdir_p(in_dir("a/file/x"), 0755), -ENOTDIR);
}

static void removing_a_tree_does_not_follow_links(void **state)
{
	assert_int_equal(rast_mkdir_p(in_dir("tree/sub"), 0755), 0);
	assert_int_equal(rast_mkdir_p(in_dir("outside"), 0755), 0);
	assert_int_equal(rast_replace_file(AT_FDCWD, in_dir("outside/keep"), "k", 1, 0600, 0), 0);
	assert_int_equal(symlink("../../outside", in_dir("tree/sub/link")), 0);
	assert_int_equal(symlink("/", in_dir("tree/root")), 0);
	assert_int_equal(symlink("missing", in_dir("tree/dangling")), 0);
	assert_int_equal(rast_remove_tree(AT_FDCWD, in_dir("tree")), 0);
	assert_int_equal(access(in_dir("tree"), F_OK), -1);
	assert_content(in_dir("outside/keep"), "k");
	/* The tree itself is a link: only that goes. */
	assert_int_equal(symlink("outside", in_dir("tree")), 0);
	assert_int_equal(rast_remove_tree(AT_FDCWD, in_dir("tree")), 0);
	assert_content(in_dir("outside/keep"), "k");
	assert_int_equal(rast_remove_tree(AT_FDCWD, in_dir("tree")), 0);
}

/* Runs in a child, which has a mount namespace of its own. 0: as it should be. */
static int remove_over_mount(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || chdir(dir) < 0 ||
	    mount("outside", "tree/mnt", NULL, MS_BIND, NULL) < 0)
		return 1;
	return rast_remove_tree(AT_FDCWD, in_dir("tree")) == -EXDEV ? 0 : 2;
}

static void removing_a_tree_does_not_enter_mounts(void **state)
{
	int status = 0;
	pid_t pid;

	if (geteuid())
		skip(); /* root: mounts */
	assert_int_equal(rast_mkdir_p(in_dir("tree/mnt"), 0755), 0);
	assert_int_equal(rast_mkdir_p(in_dir("outside"), 0755), 0);
	assert_int_equal(rast_replace_file(AT_FDCWD, in_dir("outside/keep"), "k", 1, 0600, 0), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(unshare(CLONE_NEWNS) < 0 ? 1 : remove_over_mount());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	/* A bind mount of the same file system: the device number does not tell. */
	assert_content(in_dir("outside/keep"), "k");
}

static void a_lock_is_held_until_its_fd_is_closed(void **state)
{
	int a = -1, b = -1;

	assert_int_equal(rast_lock_file(in_dir("lock"), 0, &a), 0);
	assert_int_equal(rast_lock_file(in_dir("lock"), 0, &b), -EWOULDBLOCK);
	assert_int_equal(b, -1);
	rast_closep(&a);
	assert_int_equal(rast_lock_file(in_dir("lock"), 0, &b), 0);
	rast_closep(&b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_replaced_file_is_new_or_old_and_leaves_no_rest),
		TEST(replacing_a_link_replaces_the_link_not_its_target),
		TEST(a_file_past_its_limit_is_refused),
		TEST(numbers_are_read_whole_or_refused),
		TEST(folders_are_made_with_their_parents),
		TEST(removing_a_tree_does_not_follow_links),
		TEST(removing_a_tree_does_not_enter_mounts),
		TEST(a_lock_is_held_until_its_fd_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
