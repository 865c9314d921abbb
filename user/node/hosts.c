// SPDX-License-Identifier: BSD-2-Clause
/* Hosts files of pods; see hosts.h. */
#include "node/hosts.h"

#include "base/fd.h"
#include "container/state.h"
#include "network/ipam.h"
#include "node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

char *rast_hosts_text(const json_t *pods, const json_t *pod, uint32_t gateway)
{
	const char *ns = rast_json_str(pod, "namespace");
	char *text = NULL, gw[16];
	size_t len = 0, i;
	json_t *other;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	(void)fprintf(f, "127.0.0.1 localhost\n::1 localhost ip6-localhost\n%s node.rast\n",
		      rast_ipam_format(gateway, gw));
	json_array_foreach(pods, i, other) {
		const char *name = rast_json_str(other, "name");
		const char *ons = rast_json_str(other, "namespace");
		const char *const addr[] = {rast_json_str(other, "address"),
					    rast_json_str(other, "address6")};

		for (size_t k = 0; k < ARRAY_SIZE(addr); k++)
			if (*addr[k])
				(void)fprintf(f, "%s %s.%s%s%s\n", addr[k], name, ons,
					      strcmp(ns, ons) ? "" : " ",
					      strcmp(ns, ons) ? "" : name);
	}
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static int write_in_place(const char *path, const char *text)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return -errno;
	return rast_write_all(fd, text, strlen(text));
}

int rast_hosts_update(const struct rast_instance *in, struct rast_err *err)
{
	_cleanup_json_ json_t *pods = NULL;
	json_t *pod;
	size_t i;
	int r;

	r = rast_state_pods(in, false, &pods, err);
	if (r < 0)
		return r;
	json_array_foreach(pods, i, pod) {
		_cleanup_free_ char *text = NULL;
		char path[512];

		/* Its own runtime has made the files that it sees. */
		if (rast_json_bool(pod, "foreign"))
			continue;
		text = rast_hosts_text(pods, pod, rast_ipam_gateway(in));
		if (!text)
			return rast_err_sys(err, ENOMEM, "hosts");
		r = rast_state_pod_path(in, rast_json_str(pod, "namespace"),
					rast_json_str(pod, "name"), "hosts", path, sizeof(path));
		if (!r)
			r = write_in_place(path, text);
		if (r < 0)
			return rast_err_sys(err, -r, "%s", path);
	}
	return 0;
}
