// SPDX-License-Identifier: BSD-2-Clause
/*
 * PID 1 of a test guest, linked statically. Sets up what systemd would have (file systems, pure
 * cgroup v2 with every controller, loopback), runs the one command of /rast/job, copies its output
 * to the first virtio port and its exit code to the second, and reboots, which ends QEMU.
 *
 * The end of the job is the end of its process, not of its output: a daemon that a test left keeps
 * the pipe open.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOB "/rast/job"
#define JOB_MAX 65536

/* There is one console and one pair of ports. */
static int control = -1;

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vdprintf(control >= 0 ? control : STDERR_FILENO, fmt, ap);
	va_end(ap);
}

static void __attribute__((noreturn)) halt(void)
{
	sync();
	(void)reboot(RB_AUTOBOOT);
	for (;;)
		(void)pause();
}

static void __attribute__((noreturn)) die(const char *what)
{
	say("init: %s: %s\n", what, strerror(errno));
	halt();
}

/*
 * pivot_root(2) refuses the initial root file system, and a container launcher needs it: a bind
 * mount of it, moved over "/", is an ordinary mount. Must come before anything else is mounted.
 */
static void leave_rootfs(void)
{
	if (mount("/", "/newroot", NULL, MS_BIND, NULL) < 0 || chdir("/newroot") < 0 ||
	    mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		die("root");
	/* As systemd has it; launchers must cope. */
	if (mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL) < 0)
		die("shared root");
}

static void mounts(void)
{
	static const struct {
		const char *type, *at, *options;
		unsigned long flags;
	} all[] = {
		{"proc", "/proc", "", MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"sysfs", "/sys", "", MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"devtmpfs", "/dev", "mode=755", MS_NOSUID},
		{"devpts", "/dev/pts", "mode=620,gid=5,ptmxmode=666", MS_NOSUID | MS_NOEXEC},
		{"tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV},
		{"tmpfs", "/run", "mode=755", MS_NOSUID | MS_NODEV},
		{"tmpfs", "/tmp", "mode=1777", MS_NOSUID | MS_NODEV},
		{"cgroup2", "/sys/fs/cgroup", "nsdelegate", MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"bpf", "/sys/fs/bpf", "mode=700", MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"tracefs", "/sys/kernel/tracing", "", MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"securityfs", "/sys/kernel/security", "", MS_NOSUID | MS_NODEV | MS_NOEXEC},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		(void)mkdir(all[i].at, 0755);
		if (mount(all[i].type, all[i].at, all[i].type, all[i].flags, all[i].options) < 0)
			die(all[i].at);
	}
	(void)symlink("/proc/self/fd", "/dev/fd");
	(void)symlink("fd/0", "/dev/stdin");
	(void)symlink("fd/1", "/dev/stdout");
	(void)symlink("fd/2", "/dev/stderr");
}

/* One line a module, in order of dependency: the virtio drivers. The rest is modprobe's. */
static void modules(const char *list_path)
{
	char path[256];
	FILE *list = fopen(list_path, "re");

	/* No list: all of them are built into this kernel. */
	while (list && fgets(path, sizeof(path), list)) {
		int fd;

		path[strcspn(path, "\n")] = '\0';
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
			die(path);
		(void)close(fd);
	}
	if (list)
		(void)fclose(list);
}

/* Opens the virtio port of that number; it appears a moment after its driver. */
static int port(int nr)
{
	char path[32];
	int fd = -1;

	(void)snprintf(path, sizeof(path), "/dev/vport0p%d", nr);
	for (int i = 0; i < 500 && fd < 0; i++) {
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			(void)poll(NULL, 0, 10);
	}
	if (fd < 0)
		die(path);
	return fd;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	(void)close(fd);
}

/*
 * Everything the kernel has, for the children of the root cgroup. PID 1 goes to a leaf, as under
 * systemd: a cgroup with processes in it cannot hand controllers to its children.
 */
static void cgroups(void)
{
	char have[512], line[600];
	int fd = open("/sys/fs/cgroup/cgroup.controllers", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, have, sizeof(have) - 1);

	if (n < 0)
		die("cgroup.controllers");
	(void)close(fd);
	have[n] = '\0';
	for (char *save, *c = strtok_r(have, " \n", &save); c; c = strtok_r(NULL, " \n", &save)) {
		(void)snprintf(line, sizeof(line), "+%s", c);
		write_file("/sys/fs/cgroup/cgroup.subtree_control", line);
	}
	if (mkdir("/sys/fs/cgroup/init.scope", 0755) < 0)
		die("init.scope");
	write_file("/sys/fs/cgroup/init.scope/cgroup.procs", "1");
}

static void network(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		die("lo");
	(void)close(fd);
	if (sethostname("rast-guest", 10) < 0)
		die("hostname");
}

static void mkdir_all(const char *path)
{
	char buf[256];

	for (size_t i = 1; path[i] && i < sizeof(buf) - 1; i++) {
		if (path[i] != '/')
			continue;
		memcpy(buf, path, i);
		buf[i] = '\0';
		(void)mkdir(buf, 0755);
	}
	(void)mkdir(path, 0755);
}

/* Mounts the disks of /rast/disks ("DEVICE TARGET" lines). */
static void disks(void)
{
	char dev[64], at[256];
	FILE *list = fopen("/rast/disks", "re");

	if (list)
		modules("/rast/modules.disk");
	while (list && fscanf(list, "%63s %255s", dev, at) == 2) {
		for (int i = 0; i < 500 && access(dev, F_OK) < 0; i++)
			(void)poll(NULL, 0, 10);
		mkdir_all(at);
		if (mount(dev, at, "ext4", 0, "") < 0)
			die(at);
	}
	if (list)
		(void)fclose(list);
}

/* /rast/job: a folder to start in, then the arguments, each ended by NUL. */
static void __attribute__((noreturn)) start_job(int out)
{
	static char buf[JOB_MAX];
	char *argv[256];
	int argc = 0, fd = open(JOB, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	sigset_t none;
	char *p;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();
	(void)dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	(void)dup2(out, STDOUT_FILENO);
	(void)dup2(out, STDERR_FILENO);
	if (n <= 0)
		die(JOB);
	for (p = buf + strlen(buf) + 1; p < buf + n && argc < 255; p += strlen(p) + 1)
		argv[argc++] = p;
	argv[argc] = NULL;
	if (chdir(buf) == 0 && argc)
		(void)execvp(argv[0], argv);
	(void)dprintf(STDERR_FILENO, "init: %s: %s\n", argc ? argv[0] : JOB, strerror(errno));
	_exit(127);
}

static void write_all(int fd, const char *p, ssize_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, (size_t)n);

		if (done < 0 && errno != EINTR)
			return;
		if (done > 0) {
			p += done;
			n -= done;
		}
	}
}

/* Copies output and reaps whatever has no other parent until the job itself has ended. */
static int run_job(int data)
{
	struct pollfd fds[2];
	char buf[16384];
	int pipefd[2], status = 0, done = 0;
	sigset_t chld;
	pid_t job;

	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &chld, NULL);
	if (pipe2(pipefd, O_CLOEXEC) < 0)
		die("pipe");
	job = fork();
	if (job < 0)
		die("fork");
	if (!job)
		start_job(pipefd[1]);
	(void)close(pipefd[1]);
	(void)fcntl(pipefd[0], F_SETFL, O_NONBLOCK);
	fds[0] = (struct pollfd){.fd = pipefd[0], .events = POLLIN};
	fds[1] = (struct pollfd){.fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK),
				 .events = POLLIN};
	for (;;) {
		ssize_t n;
		pid_t pid;
		int s;

		if (!done)
			(void)poll(fds, 2, -1);
		while ((n = read(pipefd[0], buf, sizeof(buf))) > 0)
			write_all(data, buf, n);
		if (n == 0)
			fds[0].fd = -1;
		if (done)
			return status;
		(void)!read(fds[1].fd, buf, sizeof(struct signalfd_siginfo));
		while ((pid = waitpid(-1, &s, WNOHANG)) > 0)
			if (pid == job) {
				status = WIFEXITED(s) ? WEXITSTATUS(s) : 128 + WTERMSIG(s);
				done = 1; /* once more round for what is in the pipe */
			}
	}
}

int main(void)
{
	static const char *const env[] = {"PATH=/rast/build/bin:/usr/sbin:/usr/bin:/sbin:/bin",
					  "HOME=/root",
					  "TERM=dumb",
					  "LC_ALL=C",
					  "O=/rast/build",
					  "TOP=/rast",
					  "RAST_GUEST=1",
					  "CMOCKA_MESSAGE_OUTPUT=TAP"};
	struct timespec up;
	int data, status;

	(void)umask(022);
	leave_rootfs();
	mounts();
	modules("/rast/modules.boot");
	data = port(1);
	control = port(2);
	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	say("up %ld.%03ld\n", (long)up.tv_sec, up.tv_nsec / 1000000);
	cgroups();
	network();
	disks();
	(void)clearenv();
	for (size_t i = 0; i < sizeof(env) / sizeof(env[0]); i++)
		(void)putenv((char *)env[i]);
	status = run_job(data);
	say("exit %d\n", status);
	halt();
}
