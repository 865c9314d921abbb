// SPDX-License-Identifier: BSD-2-Clause
/*
 * "mounts" of config.json: destinations made clean, option words turned into what mount_setattr(2),
 * fsmount(2) and the superblock take. The words are those of runc and crun together; what is none of
 * them goes to the file system as it is.
 */
#include "oci/spec_json.h"

#include <errno.h>
#include <linux/mount.h>
#include <string.h>

enum action {
	NONE,
	SET,   /* attribute of the mount */
	CLEAR, /* and its removal */
	ATIME, /* one of the kinds of atime */
	NOT_STRICT,
	TREE_SET, /* the same for all below it */
	TREE_CLEAR,
	TREE_ATIME,
	TREE_NOT_STRICT,
	SB_SET, /* flag of the superblock */
	SB_CLEAR,
	READ_ONLY, /* both */
	READ_WRITE,
	PROPAGATE,
	FLAG,
};

static const struct option {
	const char *name;
	enum action action;
	uint64_t value;
} options[] = {
	{"async", SB_CLEAR, MS_SYNCHRONOUS},
	{"atime", ATIME, MOUNT_ATTR_RELATIME},
	{"bind", FLAG, RAST_OCI_MOUNT_BIND},
	{"copy-symlink", FLAG, RAST_OCI_MOUNT_COPY_SYMLINK},
	{"defaults", NONE, 0},
	{"dest-nofollow", FLAG, RAST_OCI_MOUNT_DST_NOFOLLOW},
	{"dev", CLEAR, MOUNT_ATTR_NODEV},
	{"diratime", CLEAR, MOUNT_ATTR_NODIRATIME},
	{"dirsync", SB_SET, MS_DIRSYNC},
	{"exec", CLEAR, MOUNT_ATTR_NOEXEC},
	{"idmap", FLAG, RAST_OCI_MOUNT_IDMAP},
	{"iversion", SB_SET, MS_I_VERSION},
	{"lazytime", SB_SET, MS_LAZYTIME},
	{"loud", SB_CLEAR, MS_SILENT},
	{"mand", SB_SET, MS_MANDLOCK},
	{"noatime", ATIME, MOUNT_ATTR_NOATIME},
	{"nodev", SET, MOUNT_ATTR_NODEV},
	{"nodiratime", SET, MOUNT_ATTR_NODIRATIME},
	{"noexec", SET, MOUNT_ATTR_NOEXEC},
	{"noiversion", SB_CLEAR, MS_I_VERSION},
	{"nolazytime", SB_CLEAR, MS_LAZYTIME},
	{"nomand", SB_CLEAR, MS_MANDLOCK},
	{"norelatime", NONE, 0}, /* relatime is the kernel's default */
	{"nostrictatime", NOT_STRICT, 0},
	{"nosuid", SET, MOUNT_ATTR_NOSUID},
	{"nosymfollow", SET, MOUNT_ATTR_NOSYMFOLLOW},
	{"private", PROPAGATE, MS_PRIVATE},
	{"rasync", SB_CLEAR, MS_SYNCHRONOUS},
	{"ratime", TREE_ATIME, MOUNT_ATTR_RELATIME},
	{"rbind", FLAG, RAST_OCI_MOUNT_BIND | RAST_OCI_MOUNT_RBIND},
	{"rdev", TREE_CLEAR, MOUNT_ATTR_NODEV},
	{"rdiratime", TREE_CLEAR, MOUNT_ATTR_NODIRATIME},
	{"rdirsync", SB_SET, MS_DIRSYNC},
	{"relatime", ATIME, MOUNT_ATTR_RELATIME},
	{"remount", FLAG, RAST_OCI_MOUNT_REMOUNT},
	{"rexec", TREE_CLEAR, MOUNT_ATTR_NOEXEC},
	{"ridmap", FLAG, RAST_OCI_MOUNT_IDMAP | RAST_OCI_MOUNT_RIDMAP},
	{"rmand", SB_SET, MS_MANDLOCK},
	{"rnoatime", TREE_ATIME, MOUNT_ATTR_NOATIME},
	{"rnodev", TREE_SET, MOUNT_ATTR_NODEV},
	{"rnodiratime", TREE_SET, MOUNT_ATTR_NODIRATIME},
	{"rnoexec", TREE_SET, MOUNT_ATTR_NOEXEC},
	{"rnomand", SB_CLEAR, MS_MANDLOCK},
	{"rnorelatime", NONE, 0},
	{"rnostrictatime", TREE_NOT_STRICT, 0},
	{"rnosuid", TREE_SET, MOUNT_ATTR_NOSUID},
	{"rnosymfollow", TREE_SET, MOUNT_ATTR_NOSYMFOLLOW},
	{"ro", READ_ONLY, MOUNT_ATTR_RDONLY},
	{"rprivate", PROPAGATE, MS_REC | MS_PRIVATE},
	{"rrelatime", TREE_ATIME, MOUNT_ATTR_RELATIME},
	{"rro", TREE_SET, MOUNT_ATTR_RDONLY},
	{"rrw", TREE_CLEAR, MOUNT_ATTR_RDONLY},
	{"rshared", PROPAGATE, MS_REC | MS_SHARED},
	{"rslave", PROPAGATE, MS_REC | MS_SLAVE},
	{"rstrictatime", TREE_ATIME, MOUNT_ATTR_STRICTATIME},
	{"rsuid", TREE_CLEAR, MOUNT_ATTR_NOSUID},
	{"rsymfollow", TREE_CLEAR, MOUNT_ATTR_NOSYMFOLLOW},
	{"rsync", SB_SET, MS_SYNCHRONOUS},
	{"runbindable", PROPAGATE, MS_REC | MS_UNBINDABLE},
	{"rw", READ_WRITE, MOUNT_ATTR_RDONLY},
	{"shared", PROPAGATE, MS_SHARED},
	{"silent", SB_SET, MS_SILENT},
	{"slave", PROPAGATE, MS_SLAVE},
	{"src-nofollow", FLAG, RAST_OCI_MOUNT_SRC_NOFOLLOW},
	{"strictatime", ATIME, MOUNT_ATTR_STRICTATIME},
	{"suid", CLEAR, MOUNT_ATTR_NOSUID},
	{"symfollow", CLEAR, MOUNT_ATTR_NOSYMFOLLOW},
	{"sync", SB_SET, MS_SYNCHRONOUS},
	{"tmpcopyup", FLAG, RAST_OCI_MOUNT_TMPCOPYUP},
	{"unbindable", PROPAGATE, MS_UNBINDABLE},
};

static const struct oci_name propagations[] = {
	{"private", MS_PRIVATE},       {"rprivate", MS_REC | MS_PRIVATE},
	{"shared", MS_SHARED},         {"rshared", MS_REC | MS_SHARED},
	{"slave", MS_SLAVE},           {"rslave", MS_REC | MS_SLAVE},
	{"unbindable", MS_UNBINDABLE}, {"runbindable", MS_REC | MS_UNBINDABLE},
};
const struct oci_names oci_propagations = OCI_NAMES(propagations);

const char *rast_oci_mount_option_name(size_t i)
{
	return i < ARRAY_SIZE(options) ? options[i].name : NULL;
}

static const struct option *find(const char *name)
{
	size_t lo = 0, hi = ARRAY_SIZE(options), mid;
	int c;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		c = strcmp(name, options[mid].name);
		if (!c)
			return &options[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static void attr_set(struct rast_oci_attr *a, uint64_t v)
{
	a->set |= v;
	a->clear &= ~v;
}

static void attr_clear(struct rast_oci_attr *a, uint64_t v)
{
	a->clear |= v;
	a->set &= ~v;
}

/* The kinds of atime are numbers in a field, of which relatime is 0. */
static void attr_atime(struct rast_oci_attr *a, uint64_t v)
{
	a->set = (a->set & ~(uint64_t)MOUNT_ATTR__ATIME) | v;
	a->clear |= MOUNT_ATTR__ATIME;
}

static void attr_not_strict(struct rast_oci_attr *a)
{
	if ((a->set & MOUNT_ATTR__ATIME) == MOUNT_ATTR_STRICTATIME)
		attr_atime(a, MOUNT_ATTR_RELATIME);
}

static int apply(struct oci_load *l, const struct oci_at *at, struct rast_oci_mount *m,
		 const struct option *o)
{
	switch (o->action) {
	case NONE:
		break;
	case SET:
		attr_set(&m->attr, o->value);
		break;
	case CLEAR:
		attr_clear(&m->attr, o->value);
		break;
	case ATIME:
		attr_atime(&m->attr, o->value);
		break;
	case NOT_STRICT:
		attr_not_strict(&m->attr);
		break;
	case TREE_SET:
		attr_set(&m->tree, o->value);
		break;
	case TREE_CLEAR:
		attr_clear(&m->tree, o->value);
		break;
	case TREE_ATIME:
		attr_atime(&m->tree, o->value);
		break;
	case TREE_NOT_STRICT:
		attr_not_strict(&m->tree);
		break;
	case READ_ONLY:
		attr_set(&m->attr, o->value);
		m->sb.set |= MS_RDONLY;
		m->sb.clear &= ~(uint64_t)MS_RDONLY;
		break;
	case READ_WRITE:
		attr_clear(&m->attr, o->value);
		m->sb.clear |= MS_RDONLY;
		m->sb.set &= ~(uint64_t)MS_RDONLY;
		break;
	case SB_SET:
		m->sb.set |= o->value;
		m->sb.clear &= ~o->value;
		break;
	case SB_CLEAR:
		m->sb.clear |= o->value;
		m->sb.set &= ~o->value;
		break;
	case PROPAGATE:
		if (m->n_propagation == RAST_OCI_MAX_PROPAGATION)
			return oci_fail(l, at, "\"%s\": more than %d kinds of propagation", o->name,
					RAST_OCI_MAX_PROPAGATION);
		m->propagation[m->n_propagation++] = (uint32_t)o->value;
		break;
	case FLAG:
		m->flags |= (uint32_t)o->value;
		break;
	}
	return 0;
}

/* "options"; offset 0: value is the mount. */
static int parse_options(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	struct rast_oci_mount *m = value;
	const char *const *words = NULL;
	const char **data;
	size_t n = 0, i;
	int r = oci_strings(l, at, v, 0, &words, &n);

	if (r < 0)
		return r;
	data = oci_alloc(l, (n + 1) * sizeof(*data));
	if (!data)
		return -ENOMEM;
	for (i = 0; !r && i < n; i++) {
		const struct oci_at here = {at, NULL, i};
		const struct option *o = find(words[i]);
		bool ridmap = !strncmp(words[i], "ridmap=", 7);

		if (o) {
			r = apply(l, &here, m, o);
		} else if (ridmap || !strncmp(words[i], "idmap=", 6)) {
			m->flags |= RAST_OCI_MOUNT_IDMAP | (ridmap ? RAST_OCI_MOUNT_RIDMAP : 0);
			r = oci_idmap_option(l, &here, strchr(words[i], '=') + 1, m, at->up->index);
		} else if (*words[i]) {
			data[m->n_data++] = words[i];
		}
	}
	m->data = data;
	return r;
}

/* As a path relative to "/" with "..", "." and empty components taken out by name. */
static const char *clean(struct oci_load *l, const char *s)
{
	char *out = oci_alloc(l, strlen(s) + 2);
	size_t n = 0, len;

	if (!out)
		return NULL;
	for (; *s; s += len) {
		s += strspn(s, "/");
		len = strcspn(s, "/");
		if (!len || (len == 1 && s[0] == '.'))
			continue;
		if (len == 2 && s[0] == '.' && s[1] == '.') {
			while (n && out[--n] != '/')
				;
			continue;
		}
		out[n++] = '/';
		memcpy(out + n, s, len);
		n += len;
	}
	if (!n)
		out[n++] = '/';
	out[n] = '\0';
	return out;
}

static int parse_destination(struct oci_load *l, const struct oci_at *at, json_t *v, void *value)
{
	const char **ret = value, *s = NULL;
	int r = oci_string(l, at, v, OCI_NONEMPTY, &s);

	if (r < 0)
		return r;
	/* The specification lets runtimes take it as runc does. */
	if (*s != '/' &&
	    oci_warn(l, at, "\"%.200s\" is not an absolute path; it is taken from \"/\"", s) < 0)
		return -ENOMEM;
	*ret = clean(l, s);
	return *ret ? 0 : -ENOMEM;
}

static int check_mount(struct oci_load *l, const struct oci_at *at, void *object)
{
	struct rast_oci_mount *m = object;
	size_t i;

	if (m->type && !strcmp(m->type, "bind"))
		m->flags |= RAST_OCI_MOUNT_BIND;
	if (m->type && !strcmp(m->type, "rbind"))
		m->flags |= RAST_OCI_MOUNT_BIND | RAST_OCI_MOUNT_RBIND;
	if (m->n_uid_maps || m->n_gid_maps)
		m->flags |= RAST_OCI_MOUNT_IDMAP;
	if (!m->n_uid_maps != !m->n_gid_maps)
		return oci_fail(l, at,
				"has mappings of only one kind: want uidMappings and gidMappings");
	if ((m->flags & RAST_OCI_MOUNT_IDMAP) && !(m->flags & RAST_OCI_MOUNT_BIND))
		return oci_fail(l, at, "an id-mapped mount has to be a bind mount");
	if ((m->flags & RAST_OCI_MOUNT_BIND) && !(m->flags & RAST_OCI_MOUNT_REMOUNT) && !m->source)
		return oci_fail(l, at, "a bind mount needs a source");
	/* Without a type it is there to change propagation or flags of what is mounted already. */
	if (!m->type && !(m->flags & (RAST_OCI_MOUNT_BIND | RAST_OCI_MOUNT_REMOUNT)) &&
	    !m->n_propagation)
		return oci_fail(l, at, "neither a type nor a bind mount");
	if ((m->flags & RAST_OCI_MOUNT_TMPCOPYUP) && (!m->type || strcmp(m->type, "tmpfs") != 0))
		return oci_fail(l, at, "tmpcopyup is only for tmpfs");
	for (i = 0; i < m->n_data; i++)
		if (strlen(m->data[i]) > 4095)
			return oci_fail(l, at, "an option is longer than 4095 bytes");
	return 0;
}

static const struct oci_field mount_fields[] = {
	OCI_FIELD(OCI_CALL, "destination", struct rast_oci_mount, destination,
		  .flags = OCI_REQUIRED, .call = parse_destination),
	OCI_FIELD(OCI_STR, "type", struct rast_oci_mount, type),
	OCI_FIELD(OCI_STR, "source", struct rast_oci_mount, source),
	{.name = "options", .kind = OCI_CALL, .call = parse_options},
	OCI_MANY(OCI_LIST, "uidMappings", struct rast_oci_mount, uid_maps, .arg = &oci_idmap_table,
		 .max = RAST_OCI_MAX_IDMAPS),
	OCI_MANY(OCI_LIST, "gidMappings", struct rast_oci_mount, gid_maps, .arg = &oci_idmap_table,
		 .max = RAST_OCI_MAX_IDMAPS),
};
const struct oci_table oci_mount_table =
	OCI_TABLE(mount_fields, .size = sizeof(struct rast_oci_mount), .check = check_mount);
/* Only where it is: to take one away. */
const struct oci_table oci_mount_place_table = {
	.fields = mount_fields, .n = 1, .size = sizeof(struct rast_oci_mount)};
