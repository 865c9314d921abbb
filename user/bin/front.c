// SPDX-License-Identifier: BSD-2-Clause
/*
 * rastbpf as people call it, where the machine has archives of all libraries: a static executable that
 * starts a container itself and hands everything else to rastbpf-full, the same program with every
 * object. What is linked in needs neither finding nor symbol look-ups at each start. What may need dlopen (nft
 * for a pod's network, libarchive for images) belongs to the full one: two libcs in a process is no
 * good, so whatever is not known to do without goes there.
 */
#include "cli/cli.h"
#include "container/container_cmd.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct rast_object *const objects[] = {&rast_object_container, NULL};

static bool own_network(const char *mode)
{
	return !mode || (strcmp(mode, "none") != 0 && strcmp(mode, "host") != 0);
}

/*
 * Is it `container run` or `exec` without a network of its own, or what rast-oci asks for each container?
 * A doubt means no.
 */
static bool is_ours(int argc, char **argv)
{
	int i;

	if (argc == 3 && !strcmp(argv[1], "container") && !strcmp(argv[2], "adopt"))
		return true;
	if (argc < 4 || strcmp(argv[1], "container") != 0)
		return false;
	if (!strcmp(argv[2], "exec") || !strcmp(argv[2], "release"))
		return true;
	if (strcmp(argv[2], "run") != 0)
		return false;
	for (i = 3; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!strcmp(argv[i], "--network") && own_network(argv[i + 1]))
			return false;
		if (!strncmp(argv[i], "--network=", 10) && own_network(argv[i] + 10))
			return false;
	}
	return true;
}

/* Beside us in a build folder, in libexec where it was installed. */
static int become_full(char **argv)
{
	static const char *const places[] = {"rastbpf-full", "../libexec/rastos/rastbpf-full"};
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	size_t i;

	self[n < 0 ? 0 : n] = '\0';
	slash = strrchr(self, '/');
	for (i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - self), self, places[i]);
		(void)execv(path, argv);
		if (errno != ENOENT)
			break;
	}
	(void)fprintf(stderr, "error: rastbpf-full: %s\n", strerror(slash ? errno : ENOENT));
	return RAST_EXIT_FAIL;
}

int main(int argc, char **argv)
{
	return is_ours(argc, argv) ? rast_cli_main(objects, argc, argv) : become_full(argv);
}
