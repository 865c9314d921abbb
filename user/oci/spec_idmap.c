// SPDX-License-Identifier: BSD-2-Clause
/*
 * Id mappings: lists of {containerID, hostID, size}, and crun's mount option
 * "idmap=uids=FIRST-HOST-LENGTH#…;gids=…", where "@" before a mapping means that its host ids are ids of
 * the container's user namespace.
 */
#include "oci/spec_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct oci_field idmap_fields[] = {
	OCI_FIELD(OCI_U32, "containerID", struct rast_oci_idmap, container_id,
		  .flags = OCI_REQUIRED),
	OCI_FIELD(OCI_U32, "hostID", struct rast_oci_idmap, host_id, .flags = OCI_REQUIRED),
	OCI_FIELD(OCI_U32, "size", struct rast_oci_idmap, size, .flags = OCI_REQUIRED, .min = 1,
		  .max = UINT32_MAX),
};

static bool range_ok(uint32_t first, uint32_t size)
{
	/* 4294967295 is no id. */
	return (uint64_t)first + size <= UINT32_MAX;
}

static int check_idmap(struct oci_load *l, const struct oci_at *at, void *object)
{
	const struct rast_oci_idmap *m = object;

	if (!range_ok(m->container_id, m->size) || !range_ok(m->host_id, m->size))
		return oci_fail(l, at, "goes past the last id, %u", RAST_OCI_ID_MAX);
	return 0;
}

const struct oci_table oci_idmap_table =
	OCI_TABLE(idmap_fields, .size = sizeof(struct rast_oci_idmap), .check = check_idmap);

static bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return a < (uint64_t)b + b_size && b < (uint64_t)a + a_size;
}

static int check_list(struct oci_load *l, const struct oci_at *at, const struct rast_oci_idmap *m,
		      size_t n)
{
	size_t i, k;

	/* At most 340 entries. */
	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			if (overlap(m[i].container_id, m[i].size, m[k].container_id, m[k].size) ||
			    overlap(m[i].host_id, m[i].size, m[k].host_id, m[k].size)) {
				struct oci_at here = {at, NULL, i};

				return oci_fail(l, &here, "overlaps with [%zu]", k);
			}
	return 0;
}

/* ---- idmap=uids=0-1000-10#10-2000-1;gids=@0-0-10 ---- */

static bool take_id(const char **s, char end, uint32_t *ret)
{
	unsigned long v;
	char *stop;

	if (**s < '0' || **s > '9')
		return false;
	errno = 0;
	v = strtoul(*s, &stop, 10);
	if (errno || v > UINT32_MAX || (end && *stop != end))
		return false;
	*s = stop + (end != '\0');
	*ret = (uint32_t)v;
	return true;
}

static int take_list(struct oci_load *l, const struct oci_at *at, const char **s, bool gid,
		     size_t mount, const struct rast_oci_idmap **ret, size_t *ret_n)
{
	struct rast_oci_idmap *out;
	const char *p;
	size_t n = 1, i;

	for (p = *s; *p && *p != ';'; p++)
		n += *p == '#';
	if (n > RAST_OCI_MAX_IDMAPS)
		return oci_fail(l, at, "%zu mappings; the kernel takes at most %u", n,
				RAST_OCI_MAX_IDMAPS);
	out = oci_alloc(l, n * sizeof(*out));
	if (!out)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		bool relative = **s == '@';

		*s += relative;
		if (!take_id(s, '-', &out[i].container_id) || !take_id(s, '-', &out[i].host_id) ||
		    !take_id(s, '\0', &out[i].size) || !out[i].size ||
		    !range_ok(out[i].container_id, out[i].size) ||
		    !range_ok(out[i].host_id, out[i].size) ||
		    (i + 1 < n ? **s != '#' : **s && **s != ';'))
			return oci_fail(l, at,
					"mapping %zu of %s: want FIRST-HOST-LENGTH, more of them "
					"after \"#\"",
					i + 1, gid ? "gids" : "uids");
		if (relative) {
			struct oci_relative *rel = oci_alloc(l, sizeof(*rel));

			if (!rel)
				return -ENOMEM;
			*rel = (struct oci_relative){l->relative, &out[i], mount, gid};
			l->relative = rel;
		}
		if (i + 1 < n)
			(*s)++;
	}
	*ret = out;
	*ret_n = n;
	return 0;
}

int oci_idmap_option(struct oci_load *l, const struct oci_at *at, const char *text,
		     struct rast_oci_mount *m, size_t mount)
{
	const char *s = text;
	int r = 0;

	while (!r && *s) {
		bool gid = !strncmp(s, "gids=", 5);

		if ((!gid && strncmp(s, "uids=", 5) != 0) || (gid ? m->gid_maps : m->uid_maps))
			return oci_fail(l, at, "want idmap=uids=LIST;gids=LIST");
		s += 5;
		r = gid ? take_list(l, at, &s, true, mount, &m->gid_maps, &m->n_gid_maps)
			: take_list(l, at, &s, false, mount, &m->uid_maps, &m->n_uid_maps);
		if (!r && *s == ';')
			s++;
	}
	return r;
}

/* A relative mapping must lie within one mapping of the user namespace. */
static bool resolve(struct rast_oci_idmap *m, const struct rast_oci_idmap *maps, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (m->host_id >= maps[i].container_id &&
		    (uint64_t)m->host_id + m->size <=
			    (uint64_t)maps[i].container_id + maps[i].size) {
			m->host_id = m->host_id - maps[i].container_id + maps[i].host_id;
			return true;
		}
	return false;
}

int oci_idmap_resolve(struct oci_load *l)
{
	const struct rast_oci_spec *s = l->spec;
	const struct oci_at mounts = {NULL, "mounts", 0}, os = {NULL, "linux", 0};
	const struct oci_at uids = {&os, "uidMappings", 0}, gids = {&os, "gidMappings", 0};
	const struct oci_relative *rel;
	size_t i;
	int r;

	for (rel = l->relative; rel; rel = rel->next) {
		struct oci_at at = {&mounts, NULL, rel->mount};

		if (!(rel->gid ? resolve(rel->map, s->gid_maps, s->n_gid_maps)
			       : resolve(rel->map, s->uid_maps, s->n_uid_maps)))
			return oci_fail(l, &at,
					"idmap of %s: %u-%u-%u is not within one mapping of the "
					"user namespace",
					rel->gid ? "gids" : "uids", rel->map->container_id,
					rel->map->host_id, rel->map->size);
	}
	r = check_list(l, &uids, s->uid_maps, s->n_uid_maps);
	if (!r)
		r = check_list(l, &gids, s->gid_maps, s->n_gid_maps);
	for (i = 0; !r && i < s->n_mounts; i++) {
		struct oci_at at = {&mounts, NULL, i};
		struct oci_at u = {&at, "uidMappings", 0}, g = {&at, "gidMappings", 0};

		r = check_list(l, &u, s->mounts[i].uid_maps, s->mounts[i].n_uid_maps);
		if (!r)
			r = check_list(l, &g, s->mounts[i].gid_maps, s->mounts[i].n_gid_maps);
	}
	return r;
}
