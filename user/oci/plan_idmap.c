// SPDX-License-Identifier: BSD-2-Clause
/*
 * See plan.h: mounts with ids of their own. The kernel takes the maps of a user namespace for that, so one is
 * made for each list of maps; mounts that name none have those of the container.
 */
#include "oci/plan.h"

#include <errno.h>
#include <sched.h>

static struct rast_launch_idmap *copy(struct oci_plan *p, const struct rast_oci_idmap *map,
				      size_t n)
{
	struct rast_launch_idmap *out = oci_plan_alloc(p, n, sizeof(*out));
	size_t i;

	for (i = 0; out && i < n; i++)
		out[i] = (struct rast_launch_idmap){map[i].container_id, map[i].host_id,
						    map[i].size};
	return out;
}

static int joined_user(const struct oci_plan *p)
{
	size_t i;

	for (i = 0; i < p->launch.n_joins; i++)
		if (p->launch.joins[i].type == CLONE_NEWUSER)
			return p->launch.joins[i].fd;
	return -1;
}

int oci_plan_idmap(struct oci_plan *p, const struct rast_oci_mount *m, int *ret_fd,
		   struct rast_err *err)
{
	const struct rast_launch_idmap *uids = p->launch.uids, *gids = p->launch.gids;
	size_t n_uids = p->launch.n_uids, n_gids = p->launch.n_gids;
	int r;

	*ret_fd = -1;
	if (!(m->flags & RAST_OCI_MOUNT_IDMAP))
		return 0;
	if (m->n_uid_maps) {
		uids = copy(p, m->uid_maps, m->n_uid_maps);
		gids = copy(p, m->gid_maps, m->n_gid_maps);
		n_uids = m->n_uid_maps;
		n_gids = m->n_gid_maps;
		if (!uids || !gids)
			return rast_err_sys(err, ENOMEM, "id maps");
	} else if (joined_user(p) >= 0) {
		*ret_fd = joined_user(p);
		return 0;
	}
	if (p->n_idmap_fds >= ARRAY_SIZE(p->idmap_fds))
		return rast_err_set(err, E2BIG, "more than %zu mounts with ids of their own",
				    ARRAY_SIZE(p->idmap_fds));
	r = rast_launch_userns(uids, n_uids, gids, n_gids, ret_fd, err);
	if (r == 0)
		p->idmap_fds[p->n_idmap_fds++] = *ret_fd;
	return r;
}
