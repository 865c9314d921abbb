// SPDX-License-Identifier: BSD-2-Clause
/* See criu.h: what the command lines of checkpoint and restore have in common, as runc and crun have it. */
#include "oci/criu.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define LOG_LEVEL 4

static int open_folder(const char *option, const char *path, bool make, int *ret,
		       struct rast_err *err)
{
	int r = make ? rast_mkdir_p(path, 0700) : 0;

	if (r < 0)
		return rast_err_sys(err, -r, "--%s %s", option, path);
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? rast_err_sys(err, errno, "--%s %s", option, path) : 0;
}

/* criu_cg_mode. */
static int cgroups_mode(const struct oci_args *a, struct rast_err *err)
{
	static const char *const modes[] = {"ignore", "none", "props", "soft", "full", "strict"};
	const char *mode = oci_arg(a, "manage-cgroups-mode");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(mode && *mode ? mode : "soft", modes[i]))
			return (int)i;
	return rast_err_set(err, EINVAL,
			    "--manage-cgroups-mode %.40s: want soft, full, strict or ignore", mode);
}

/*
 * A network namespace of its own is made anew without its devices: who connected it does that again, by
 * a hook or from outside.
 */
static int empty_namespaces(const struct oci_args *a, struct rast_err *err)
{
	const char *type;
	int i;

	for (i = 0; (type = oci_arg_nth(a, "empty-ns", i)); i++)
		if (strcmp(type, "network") != 0)
			return rast_err_set(err, EINVAL, "--empty-ns %.40s: want network", type);
	return 0;
}

int oci_criu_common(struct oci *o, const struct oci_args *a, const char *log_file, bool make,
		    struct oci_criu_dirs *ret_dirs, struct oci_criu_call *call)
{
	static const struct {
		const char *name;
		unsigned int field;
	} switches[] = {
		{"tcp-established", OCI_CRIU_TCP_ESTABLISHED},
		{"ext-unix-sk", OCI_CRIU_EXT_UNIX_SK},
		{"shell-job", OCI_CRIU_SHELL_JOB},
		{"file-locks", OCI_CRIU_FILE_LOCKS},
		{"auto-dedup", OCI_CRIU_AUTO_DEDUP},
		{"lazy-pages", OCI_CRIU_LAZY_PAGES},
		/* Of one of them alone: */
		{"leave-running", OCI_CRIU_LEAVE_RUNNING},
		{"tcp-skip-in-flight", OCI_CRIU_TCP_SKIP_IN_FLIGHT},
		{"link-remap", OCI_CRIU_LINK_REMAP},
		{"tcp-close", OCI_CRIU_TCP_CLOSE},
	};
	const char *images = oci_arg(a, "image-path"), *work = oci_arg(a, "work-path");
	struct oci_criu_dirs d = {-1, -1, images && *images ? images : "checkpoint",
				  work && *work ? work : NULL};
	struct oci_message *m = &call->opts;
	int mode = cgroups_mode(a, &o->err), r = mode, version = 0;
	char tool[256];
	size_t i;

	if (geteuid() != 0)
		return rast_err_set(&o->err, EPERM, "checkpoint and restore are for root only");
	if (r < 0 || (r = empty_namespaces(a, &o->err)) < 0 ||
	    (r = version = oci_criu_check(o)) < 0 ||
	    (r = open_folder("image-path", d.images_path, make, &d.images, &o->err)) < 0)
		return r;
	if (d.work_path &&
	    (r = open_folder("work-path", d.work_path, true, &d.work, &o->err)) < 0) {
		oci_criu_dirs_finish(&d);
		return r;
	}
	call->log_dir = d.work_path ? d.work : d.images;
	call->log_path = d.work_path ? d.work_path : d.images_path;
	call->log_file = log_file;
	oci_message_int(m, OCI_CRIU_IMAGES_DIR_FD, d.images);
	if (d.work_path)
		oci_message_int(m, OCI_CRIU_WORK_DIR_FD, d.work);
	oci_message_int(m, OCI_CRIU_LOG_LEVEL, LOG_LEVEL);
	oci_message_text(m, OCI_CRIU_LOG_FILE, log_file);
	oci_message_int(m, OCI_CRIU_NOTIFY_SCRIPTS, 1);
	oci_message_int(m, OCI_CRIU_ORPHAN_PTS_MASTER, 1);
	oci_message_int(m, OCI_CRIU_EXT_MASTERS, 1);
	oci_message_int(m, OCI_CRIU_MANAGE_CGROUPS, 1);
	oci_message_int(m, OCI_CRIU_MANAGE_CGROUPS_MODE, mode);
	oci_message_int(m, OCI_CRIU_EMPTY_NS, CLONE_NEWNET);
	/* A restore: its newer way to make mounts, by MOVE_MOUNT_SET_GROUP, was seen to fail for the external
	 * ones with 3.17, and to work with 4.2. */
	if (version < 400 && call->type == OCI_CRIU_RESTORE)
		oci_message_int(m, OCI_CRIU_MNTNS_COMPAT, 1);
	/* It calls iptables to hold connections up, and has nftables built in where there is none. */
	if (oci_criu_find("iptables-restore", tool, sizeof(tool)) < 0)
		oci_message_int(m, OCI_CRIU_NETWORK_LOCK, 2);
	for (i = 0; i < ARRAY_SIZE(switches); i++)
		if (oci_has(a, switches[i].name))
			oci_message_int(m, switches[i].field, 1);
	*ret_dirs = d;
	return 0;
}

void oci_criu_dirs_finish(struct oci_criu_dirs *d)
{
	rast_closep(&d->images);
	rast_closep(&d->work);
	d->images = d->work = -1;
}
