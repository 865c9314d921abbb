// SPDX-License-Identifier: BSD-2-Clause
/*
 * The store on a disk that fills up, and on one that turns read-only: a small tmpfs in a mount
 * namespace of the test's own, which goes with the process. Needs root for the mount, no BPF.
 */
#include "../unit/store_dir.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static int setup(void **state)
{
	char *dir = store_dir_make();

	*state = dir;
	if (geteuid() != 0)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", dir, "tmpfs", MS_NOSUID | MS_NODEV, "size=24m") < 0) {
		print_message("# cannot mount a tmpfs: %s\n", strerror(errno));
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	if (geteuid() == 0)
		assert_int_equal(umount2(*state, MNT_DETACH), 0);
	store_dir_remove(*state);
	return 0;
}

static void need_root(void)
{
	if (geteuid() != 0) {
		print_message("# SKIP needs root to mount a tmpfs\n");
		skip();
	}
}

static void ballast_make(const char *dir, char *path, size_t size)
{
	int fd;

	(void)snprintf(path, size, "%s/ballast", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, 10 << 20), 0);
	(void)close(fd);
}

static int count(void *arg, const struct rast_version *v)
{
	++*(uint64_t *)arg;
	return 0;
}

/* Two items a commit, until one fails; returns its errno. */
static int write_until_full(struct rast_store *s, struct rast_err *err)
{
	char *text = malloc(20001);
	uint64_t seed = 1;
	int r = 0;

	for (int i = 0; i < 5000 && !r; i++) {
		struct rast_change c[2] = {{.key = "a", .expect = RAST_ANY},
					   {.key = "b", .expect = RAST_ANY}};
		json_t *body;

		/* Nothing that compresses. */
		for (int k = 0; k < 20000; k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			text[k] = (char)('!' + (seed >> 33) % 90);
			if (text[k] == '"' || text[k] == '\\')
				text[k] = 'x';
		}
		text[20000] = '\0';
		body = json_string(text);
		c[0].body = c[1].body = body;
		r = rast_store_commit(s, c, 2, NULL, err);
		json_decref(body);
	}
	free(text);
	return r;
}

static void a_full_disk_is_a_clear_error_and_nothing_is_half_applied(void **state)
{
	char *dir = *state, ballast[256];
	struct rast_err err = {0};
	struct rast_verify sum;
	struct rast_version v;
	struct rast_store *s;
	uint64_t last, n = 0;

	need_root();
	ballast_make(dir, ballast, sizeof(ballast));
	{
		char *store = NULL;

		assert_true(asprintf(&store, "%s/store", dir) > 0);
		s = store_open(store);
		assert_int_equal(write_until_full(s, &err), -ENOSPC);
		assert_non_null(strstr(err.text, "no space left on the device of the store"));
		rast_err_clear(&err);
		last = rast_store_last_op(s);
		assert_true(last > 10);
		assert_int_equal(last % 2, 0);

		/* Still full: still an error, and what there is can be read. */
		assert_true(write_until_full(s, &err) < 0);
		rast_err_clear(&err);
		assert_int_equal(rast_store_get(s, "a", 0, &v, &err), 0);
		assert_int_equal(json_string_length(v.body), 20000);
		rast_version_finish(&v);

		/* Room again: the same store goes on by itself. */
		assert_int_equal(unlink(ballast), 0);
		last = (uint64_t)put(s, "c", "1", RAST_ANY, &err);
		assert_int_equal(last, rast_store_last_op(s));
		assert_int_equal(last % 2, 1);
		if (rast_store_verify(s, &sum, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(sum.operations, last);
		rast_store_close(s);

		s = store_open(store);
		assert_int_equal(rast_store_last_op(s), last);
		assert_int_equal(rast_store_changes(s, 1, 0, count, &n, &err), 0);
		assert_int_equal(n, last);
		rast_store_close(s);
		free(store);
	}
}

static void a_read_only_disk_is_a_clear_error(void **state)
{
	char *dir = *state;
	struct rast_err err = {0};
	struct rast_store *s;
	char store[256];

	need_root();
	(void)snprintf(store, sizeof(store), "%s/store", dir);
	s = store_open(store);
	(void)put(s, "a", "1", RAST_ANY, NULL);
	rast_store_close(s);
	assert_int_equal(mount("none", dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	s = NULL;
	assert_int_equal(rast_store_open(store, RAST_STORE_CREATE, &s, &err), -EROFS);
	assert_non_null(strstr(err.text, "Read-only file system"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_full_disk_is_a_clear_error_and_nothing_is_half_applied),
		T(a_read_only_disk_is_a_clear_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
