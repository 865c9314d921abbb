// SPDX-License-Identifier: BSD-2-Clause
/*
 * The audit log's writer: rotation, reopening after a kill, and a disk that fills up (a small tmpfs in
 * a mount namespace of the test's own). Needs root for the mount, no BPF.
 */
#include "audit/audit_log.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char *dir;

	assert_true(asprintf(&dir, "%s/rast-audit.XXXXXX", tmp ? tmp : "/tmp") > 0);
	assert_non_null(mkdtemp(dir));
	*state = dir;
	if (geteuid() != 0)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", dir, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m") < 0) {
		print_message("# cannot mount a tmpfs: %s\n", strerror(errno));
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	if (geteuid() == 0)
		assert_int_equal(umount2(*state, MNT_DETACH), 0);
	assert_int_equal(rast_remove_tree(AT_FDCWD, *state), 0);
	free(*state);
	return 0;
}

static struct rast_audit_log *log_open(const char *dir, uint64_t max, unsigned int keep)
{
	struct rast_audit_log *l = NULL;

	assert_int_equal(rast_audit_log_open(dir, max, keep, &l, NULL), 0);
	return l;
}

static int put(struct rast_audit_log *l, int n)
{
	json_t *rec = json_pack("{s:i}", "n", n);
	int r = rast_audit_log_write(l, rec);

	json_decref(rec);
	return r;
}

static const char *path_of(const char *dir, const char *name)
{
	static char path[300];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* Every line must be JSON; the values of "n" in *ret, losses summed; -1: no such file. */
static int lines(const char *dir, const char *name, int *ret, int max, int64_t *ret_lost)
{
	FILE *f = fopen(path_of(dir, name), "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int n = 0;

	if (!f)
		return -1;
	while ((len = getline(&line, &room, f)) > 0) {
		json_t *rec = json_loads(line, 0, NULL), *v;

		assert_non_null(rec);
		assert_int_equal(line[len - 1], '\n');
		v = json_object_get(rec, "n");
		if (v && n < max)
			ret[n] = (int)json_integer_value(v);
		if (v)
			n++;
		else if (ret_lost)
			*ret_lost += rast_json_int(json_object_get(rec, "rast"), "lost");
		json_decref(rec);
	}
	(void)fclose(f);
	return n;
}

static void a_file_is_rotated_before_it_grows_past_its_limit(void **state)
{
	struct rast_audit_log *l = log_open(*state, 25, 2); /* three records of 8 bytes */
	int got[8];
	struct stat st;

	for (int i = 1; i <= 9; i++)
		assert_int_equal(put(l, i), 0);
	assert_int_equal(lines(*state, "audit.jsonl", got, 8, NULL), 3);
	assert_int_equal(got[0], 7);
	assert_int_equal(lines(*state, "audit.jsonl.1", got, 8, NULL), 3);
	assert_int_equal(got[0], 4);
	assert_int_equal(lines(*state, "audit.jsonl.2", got, 8, NULL), 3);
	assert_int_equal(put(l, 9), 0); /* the oldest goes */
	assert_int_equal(lines(*state, "audit.jsonl.2", got, 8, NULL), 3);
	assert_int_equal(got[0], 4);
	assert_int_equal(lines(*state, "audit.jsonl.3", got, 8, NULL), -1);
	assert_int_equal(stat(path_of(*state, "audit.jsonl.1"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	rast_audit_log_close(l);
}

static void a_record_larger_than_a_file_is_written_all_the_same(void **state)
{
	struct rast_audit_log *l = log_open(*state, 4, 1);
	int got[2];

	assert_int_equal(put(l, 1), 0);
	assert_int_equal(put(l, 2), 0);
	assert_int_equal(lines(*state, "audit.jsonl", got, 2, NULL), 1);
	assert_int_equal(got[0], 2);
	rast_audit_log_close(l);
}

static void without_old_files_only_the_present_one_is_kept(void **state)
{
	struct rast_audit_log *l = log_open(*state, 17, 0);
	int got[4];

	for (int i = 1; i <= 5; i++)
		assert_int_equal(put(l, i), 0);
	assert_int_equal(lines(*state, "audit.jsonl", got, 4, NULL), 1);
	assert_int_equal(got[0], 5);
	assert_int_equal(lines(*state, "audit.jsonl.1", got, 4, NULL), -1);
	rast_audit_log_close(l);
}

static void what_a_killed_writer_left_half_is_cut_off(void **state)
{
	struct rast_audit_log *l = log_open(*state, 1000, 1);
	int fd, got[4];

	assert_int_equal(put(l, 1), 0);
	rast_audit_log_close(l);
	fd = open(path_of(*state, "audit.jsonl"), O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "{\"n\":", 5), 5);
	(void)close(fd);
	l = log_open(*state, 1000, 1);
	assert_int_equal(put(l, 2), 0);
	assert_int_equal(lines(*state, "audit.jsonl", got, 4, NULL), 2);
	assert_int_equal(got[1], 2);
	rast_audit_log_close(l);
}

static void a_link_in_place_of_the_file_is_not_followed(void **state)
{
	struct rast_audit_log *l = NULL;
	struct stat st;

	assert_int_equal(symlink("elsewhere", path_of(*state, "audit.jsonl")), 0);
	assert_int_equal(rast_audit_log_open(*state, 1000, 1, &l, NULL), -ELOOP);
	assert_int_equal(stat(path_of(*state, "elsewhere"), &st), -1);
}

static void a_full_disk_leaves_no_half_line_and_losses_are_told(void **state)
{
	struct rast_audit_log *l;
	uint64_t written, lost;
	int64_t told = 0;
	int n = 0, refused = 0, fd, r, last[1];

	if (geteuid() != 0) {
		print_message("# SKIP needs root to mount a tmpfs\n");
		skip();
	}
	l = log_open(*state, 64u << 20, 1);
	fd = open(path_of(*state, "ballast"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, 900 << 10), 0);
	(void)close(fd);
	while (!(r = put(l, 100000 + n)) && n < 1000000)
		n++;
	assert_int_equal(r, -ENOSPC);
	for (refused = 1; refused < 10; refused++)
		assert_int_equal(put(l, 0), -ENOSPC);
	assert_int_equal(lines(*state, "audit.jsonl", last, 1, &told), n);
	assert_int_equal(told, 0);

	assert_int_equal(unlink(path_of(*state, "ballast")), 0);
	assert_int_equal(put(l, 7), 0);
	assert_int_equal(lines(*state, "audit.jsonl", last, 1, &told), n + 1);
	assert_int_equal(told, refused);
	rast_audit_log_counts(l, &written, &lost);
	assert_int_equal(written, n + 1);
	assert_int_equal(lost, refused);
	rast_audit_log_close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_is_rotated_before_it_grows_past_its_limit,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_record_larger_than_a_file_is_written_all_the_same,
						setup, teardown),
		cmocka_unit_test_setup_teardown(without_old_files_only_the_present_one_is_kept,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_killed_writer_left_half_is_cut_off, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_link_in_place_of_the_file_is_not_followed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_leaves_no_half_line_and_losses_are_told,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
