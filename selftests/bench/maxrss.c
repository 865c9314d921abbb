// SPDX-License-Identifier: BSD-2-Clause
/*
 * maxrss CMD ARG...: runs it and prints the largest resident set, in KiB, of it and of the processes that
 * it waited for. Small and static: exec carries the caller's own peak over into the figure.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rusage ru;
	int status;
	pid_t pid;

	if (argc < 2)
		return 2;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)dup2(null, STDOUT_FILENO);
		(void)execv(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &ru) < 0 || status)
		return 1;
	(void)printf("%ld\n", ru.ru_maxrss);
	return 0;
}
