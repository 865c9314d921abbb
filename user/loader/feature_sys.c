// SPDX-License-Identifier: BSD-2-Clause
/*
 * Features of the kernel besides BPF, tried. Each runs in its own process (feature.c), whose
 * namespaces end with it: nothing is to be undone here.
 */
#include "loader/feature_priv.h"

#include "base/fd.h"
#include "container/mount_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int rast_probe_clone_into_cgroup(struct rast_probe *p)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)p->cgroup_fd,
	};
	_cleanup_free_ char *procs = NULL;
	char want[16];
	int ready[2], status;
	pid_t pid;
	bool there;

	if (p->cgroup_fd < 0 || pipe2(ready, O_CLOEXEC) < 0)
		return rast_probe_no(p, 0, "no cgroup to start in");
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		char c;

		(void)close(ready[1]);
		_exit(read(ready[0], &c, 1) < 0); /* until the parent has looked */
	}
	if (pid < 0)
		return rast_probe_no(p, errno, "clone3");
	(void)snprintf(want, sizeof(want), "%d\n", (int)pid);
	there = rast_read_file(p->cgroup_fd, "cgroup.procs", 4096, &procs, NULL) == 0 &&
		strstr(procs, want);
	(void)close(ready[1]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return there ? rast_probe_yes(p, "a process began in a cgroup")
		     : rast_probe_no(p, 0, "the process is not in its cgroup");
}

/* Mounts are ours alone, and /tmp is empty. */
static int own_mounts(struct rast_probe *p)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return rast_probe_no(p, errno, "mount namespace") - 1;
	if (mount("tmpfs", "/tmp", "tmpfs", 0, "mode=0700") < 0)
		return rast_probe_no(p, errno, "tmpfs") - 1;
	return 0;
}

int rast_probe_mount_api(struct rast_probe *p)
{
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
	_cleanup_close_ int fs = -1, mnt = -1, tree = -1, file = -1;

	if (own_mounts(p) < 0)
		return 0;
	fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0)
		return rast_probe_no(p, errno, "fsopen");
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return rast_probe_no(p, errno, "fsconfig");
	mnt = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0)
		return rast_probe_no(p, errno, "fsmount");
	if (sys_move_mount(mnt, "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return rast_probe_no(p, errno, "move_mount");
	tree = sys_open_tree(AT_FDCWD, "/tmp", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return rast_probe_no(p, errno, "open_tree");
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &ro) < 0)
		return rast_probe_no(p, errno, "mount_setattr");
	file = openat(tree, "x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (file >= 0 || errno != EROFS)
		return rast_probe_no(p, 0, "a mount set read-only is not");
	return rast_probe_yes(p, "fsopen, fsmount, move_mount, open_tree, mount_setattr");
}

int rast_probe_overlayfs(struct rast_probe *p)
{
	static const char *const dirs[] = {"/tmp/l", "/tmp/u", "/tmp/w", "/tmp/m"};
	_cleanup_close_ int file = -1;
	struct stat st;

	if (own_mounts(p) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdir(dirs[i], 0700) < 0)
			return rast_probe_no(p, errno, "%s", dirs[i]);
	if (mount("overlay", "/tmp/m", "overlay", 0,
		  "lowerdir=/tmp/l,upperdir=/tmp/u,workdir=/tmp/w") < 0)
		return rast_probe_no(p, errno, "mount");
	file = open("/tmp/m/x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (file < 0)
		return rast_probe_no(p, errno, "write");
	if (stat("/tmp/u/x", &st) < 0)
		return rast_probe_no(p, errno, "the upper directory has no new file");
	return rast_probe_yes(p, "mounted, and wrote to the upper directory");
}

int rast_probe_seccomp(struct rast_probe *p)
{
	/* getppid fails with EDOM, the rest is allowed. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDOM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = ARRAY_SIZE(code), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		return rast_probe_no(p, errno, "filter");
	if (syscall(SYS_getppid) != -1 || errno != EDOM)
		return rast_probe_no(p, 0, "a filter is accepted, but does nothing");
	return rast_probe_yes(p, "a filter refused a system call");
}

struct nft_message {
	struct nlmsghdr h;
	struct nfgenmsg g;
};

static struct nft_message nft_message(uint16_t type, uint16_t flags, uint16_t res_id)
{
	return (struct nft_message){
		.h = {.nlmsg_len = sizeof(struct nft_message),
		      .nlmsg_type = type,
		      .nlmsg_flags = NLM_F_REQUEST | flags},
		.g = {.nfgen_family = AF_INET,
		      .version = NFNETLINK_V0,
		      .res_id = (uint16_t)(res_id >> 8 | res_id << 8)},
	};
}

/* Makes a table in a network namespace of its own. */
int rast_probe_nf_tables(struct rast_probe *p)
{
	struct {
		struct nft_message begin, table;
		struct nlattr attr;
		char name[8];
		struct nft_message end;
	} msg = {
		.begin = nft_message(NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES),
		.table = nft_message(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE,
				     NLM_F_CREATE | NLM_F_ACK, 0),
		.attr = {.nla_len = sizeof(struct nlattr) + 6, .nla_type = NFTA_TABLE_NAME},
		.name = "probe",
		.end = nft_message(NFNL_MSG_BATCH_END, 0, NFNL_SUBSYS_NFTABLES),
	};
	_cleanup_close_ int s = -1;
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char rest[4096];
	} answer = {0};

	msg.table.h.nlmsg_len += sizeof(msg.attr) + sizeof(msg.name);
	if (unshare(CLONE_NEWNET) < 0)
		return rast_probe_no(p, errno, "network namespace");
	s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (s < 0)
		return rast_probe_no(p, errno, "netfilter's netlink");
	if (send(s, &msg, sizeof(msg), 0) != sizeof(msg) ||
	    recv(s, &answer, sizeof(answer), 0) < (ssize_t)NLMSG_LENGTH(sizeof(answer.e)))
		return rast_probe_no(p, errno, "netfilter's netlink");
	if (answer.h.nlmsg_type != NLMSG_ERROR || answer.e.error)
		return rast_probe_no(p, answer.e.error, "make a table");
	return rast_probe_yes(p, "made a table");
}

int rast_probe_userns(struct rast_probe *p)
{
	char map[32];
	uid_t uid = geteuid();

	if (unshare(CLONE_NEWUSER) < 0)
		return rast_probe_no(p, errno, "unshare");
	(void)snprintf(map, sizeof(map), "7 %u 1", uid);
	if (rast_write_file(AT_FDCWD, "/proc/self/uid_map", map) < 0)
		return rast_probe_no(p, errno, "uid_map");
	return geteuid() == 7 ? rast_probe_yes(p, "made one, with a user mapped")
			      : rast_probe_no(p, 0, "a mapping does nothing");
}

int rast_probe_landlock(struct rast_probe *p)
{
	struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE};
	_cleanup_close_ int set = -1, file = -1;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0)
		return rast_probe_no(p, errno, "landlock_create_ruleset");
	set = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
	if (set < 0)
		return rast_probe_no(p, errno, "ruleset");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, set, 0) < 0)
		return rast_probe_no(p, errno, "restrict");
	file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	if (file >= 0 || errno != EACCES)
		return rast_probe_no(p, 0, "a ruleset is accepted, but does nothing");
	return rast_probe_yes(p, "refused to open a file; ABI %ld", abi);
}
