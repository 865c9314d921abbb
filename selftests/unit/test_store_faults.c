// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the store does when it is killed and when its files are damaged: it loses nothing that it
 * acknowledged, and it says so when something is wrong. The full disk is in cli/store_full_disk.sh,
 * because it needs a mount.
 */
#include "store_dir.h"

#include "vector/record.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = store_dir_make();
	return 0;
}

static int teardown(void **state)
{
	store_dir_remove(*state);
	return 0;
}

/* Writes for ever: batches of three, each acknowledged on the pipe by its last operation. */
static void write_loop(const char *dir, int ack)
{
	struct rast_store *s = NULL;

	if (rast_store_open(dir, RAST_STORE_CREATE, &s, NULL) < 0)
		_exit(3);
	for (uint64_t i = rast_store_last_op(s);; i++) {
		struct rast_change c[3];
		char keys[3][32];
		json_t *body = json_pack("{s:I, s:s}", "n", (json_int_t)i, "text",
					 "some text that fills the log a little faster");

		for (int k = 0; k < 3; k++) {
			(void)snprintf(keys[k], sizeof(keys[k]), "key/%d",
				       (int)((i * 3 + (uint64_t)k) % 40));
			c[k] = (struct rast_change){keys[k], body, RAST_ANY, 0, 0, false};
		}
		if (rast_store_commit(s, c, 3, NULL, NULL) < 0)
			_exit(4);
		if (write(ack, &c[2].op, sizeof(c[2].op)) != sizeof(c[2].op))
			_exit(5);
		json_decref(body);
	}
}

static void a_kill_in_the_middle_of_writing_loses_no_acknowledged_write(void **state)
{
	uint64_t acked = 0;

	for (int round = 0; round < 6; round++) {
		struct rast_verify sum;
		struct rast_err err = {0};
		struct rast_store *s;
		uint64_t op;
		int fds[2], status;
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			(void)close(fds[0]);
			write_loop(*state, fds[1]);
		}
		(void)close(fds[1]);
		/* Killed at another moment of the write each time: right after an answer came. */
		for (int i = 0; i < 5 + 17 * round; i++) {
			assert_int_equal(read(fds[0], &op, sizeof(op)), sizeof(op));
			acked = op;
		}
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(fds[0], &op, sizeof(op)) == sizeof(op))
			acked = op; /* answers that were on their way */
		(void)close(fds[0]);

		s = store_open(*state);
		assert_true(rast_store_last_op(s) >= acked);
		assert_int_equal(rast_store_last_op(s) % 3, 0); /* whole commits only */
		if (rast_store_verify(s, &sum, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(sum.operations, rast_store_last_op(s));
		rast_store_close(s);
	}
	assert_true(acked > 100);
}

static void fill(const char *dir, int n)
{
	struct rast_store *s = store_open(dir);
	char key[32], body[128];

	for (int i = 0; i < n; i++) {
		(void)snprintf(key, sizeof(key), "key/%d", i % 50);
		(void)snprintf(body, sizeof(body), "{\"number\":%d,\"text\":\"item %d\"}", i, i);
		assert_true(put(s, key, body, RAST_ANY, NULL) > 0);
	}
	rast_store_close(s);
}

/* The name of a file of the store that ends so and has bytes in it; empty when there is none. */
static void find_file(const char *dir, const char *tail, char *path, size_t size)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;

	*path = '\0';
	assert_non_null(d);
	while ((e = readdir(d))) {
		size_t n = strlen(e->d_name), t = strlen(tail);
		char try[512];

		if (n < t || strcmp(e->d_name + n - t, tail) != 0)
			continue;
		(void)snprintf(try, sizeof(try), "%s/%s", dir, e->d_name);
		if (!stat(try, &st) && st.st_size > 0)
			(void)snprintf(path, size, "%s", try);
	}
	(void)closedir(d);
}

static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t b;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &b, 1, at), 1);
	b ^= 0x10;
	assert_int_equal(pwrite(fd, &b, 1, at), 1);
	(void)close(fd);
}

/* Opening or verifying must fail: which of the two is RocksDB's business. */
static void assert_damage_is_seen(const char *dir)
{
	struct rast_store *s = NULL;
	struct rast_verify sum;
	struct rast_err err = {0};
	int r = rast_store_open(dir, 0, &s, &err);

	if (!r) {
		r = rast_store_verify(s, &sum, &err);
		rast_store_close(s);
	}
	assert_true(r == -EBADMSG || r == -EIO);
	assert_true(strlen(err.text) > 10);
}

static void a_flipped_bit_in_a_table_is_seen(void **state)
{
	char path[512];
	struct stat st;

	fill(*state, 120);
	/* Opening again turns the log into tables. */
	rast_store_close(store_open(*state));
	find_file(*state, ".sst", path, sizeof(path));
	assert_true(*path);
	assert_int_equal(stat(path, &st), 0);
	/* Byte by byte through the file, each flipped back before the next. */
	for (off_t at = 0; at < st.st_size; at += st.st_size / 6 + 1) {
		flip(path, at);
		assert_damage_is_seen(*state);
		flip(path, at);
	}
	rast_store_close(store_open(*state));
}

static void a_flipped_bit_in_the_log_is_seen(void **state)
{
	char path[512], keep[512];
	struct stat st;

	fill(*state, 60);
	find_file(*state, ".log", path, sizeof(path));
	assert_true(*path);
	assert_int_equal(stat(path, &st), 0);
	for (int i = 0; i < 6; i++) {
		/* A failed opening must leave the files as they are, so that a repair is possible. */
		flip(path, st.st_size * i / 6 + 20);
		assert_damage_is_seen(*state);
		find_file(*state, ".log", keep, sizeof(keep));
		assert_string_equal(keep, path);
		flip(path, st.st_size * i / 6 + 20);
	}
	rast_store_close(store_open(*state));
}

static void a_log_that_was_cut_short_is_seen(void **state)
{
	struct rast_store *s = NULL;
	struct rast_err err = {0};
	char path[512];
	struct stat st;

	fill(*state, 40);
	find_file(*state, ".log", path, sizeof(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 100), 0);
	/* It looks like a torn write, but that operation was acknowledged. */
	assert_int_equal(rast_store_open(*state, 0, &s, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "operations 40 to 40 were acknowledged and are missing"));
}

static void a_store_without_its_database_is_not_made_anew(void **state)
{
	struct rast_store *s = NULL;
	struct rast_err err = {0};
	char path[512];

	fill(*state, 3);
	for (;;) {
		bool any = false;
		static const char *const tails[] = {".sst", ".log", "CURRENT"};

		for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
			find_file(*state, tails[i], path, sizeof(path));
			if (*path) {
				assert_int_equal(unlink(path), 0);
				any = true;
			}
		}
		if (!any)
			break;
	}
	assert_int_not_equal(rast_store_open(*state, RAST_STORE_CREATE, &s, &err), 0);
	assert_true(strlen(err.text) > 10);
}

static void records_that_are_not_whole_are_refused(void **state)
{
	struct rast_record r = {.op = 7,
				.txn = 7,
				.seq = 2,
				.key = "k",
				.key_len = 1,
				.body = "{}",
				.body_len = 2,
				.author = "",
				.message = "m",
				.message_len = 1};
	struct rast_record back;
	uint8_t *buf;
	size_t len;

	assert_int_equal(rast_record_encode(&r, &buf, &len), 0);
	assert_int_equal(rast_record_decode(buf, len, &back), 0);
	assert_int_equal(back.op, 7);
	assert_memory_equal(back.body, "{}", 2);
	assert_memory_equal(back.hash, r.hash, RAST_HASH_LEN);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(rast_record_decode(buf, i, &back), -EBADMSG);
		buf[i] ^= 1;
		assert_int_equal(rast_record_decode(buf, len, &back), -EBADMSG);
		buf[i] ^= 1;
	}
	free(buf);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_kill_in_the_middle_of_writing_loses_no_acknowledged_write),
		T(a_flipped_bit_in_a_table_is_seen),
		T(a_flipped_bit_in_the_log_is_seen),
		T(a_log_that_was_cut_short_is_seen),
		T(a_store_without_its_database_is_not_made_anew),
		cmocka_unit_test(records_that_are_not_whole_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
