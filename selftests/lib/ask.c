// SPDX-License-Identifier: BSD-2-Clause
/* ask SOCKET LINE: what a controller answers to one line, within ten seconds; for shell tests. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval limit = {10, 0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), c;
	FILE *f;

	if (argc != 3 || strlen(argv[1]) >= sizeof(a.sun_path)) {
		(void)fprintf(stderr, "usage: ask SOCKET LINE\n");
		return 2;
	}
	(void)strcpy(a.sun_path, argv[1]);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    dprintf(fd, "%s\n", argv[2]) < 0) {
		perror(argv[1]);
		return 1;
	}
	f = fdopen(fd, "r");
	while (f && (c = getc(f)) != EOF) {
		(void)putchar(c);
		if (c == '\n')
			return 0;
	}
	(void)fprintf(stderr, "ask: no whole line came\n");
	return 1;
}
