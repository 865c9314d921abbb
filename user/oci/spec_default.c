// SPDX-License-Identifier: BSD-2-Clause
/* The config.json that `rast-oci spec` writes: in substance that of runc. */
#include "oci/spec.h"

#include <stdio.h>

#define CAPS "[\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"]"

static const char head[] =
	"{\n"
	"\t\"ociVersion\": \"" RAST_OCI_SPEC_VERSION "\",\n"
	"\t\"process\": {\n"
	"\t\t\"terminal\": true,\n"
	"\t\t\"user\": {\"uid\": 0, \"gid\": 0},\n"
	"\t\t\"args\": [\"sh\"],\n"
	"\t\t\"env\": [\n"
	"\t\t\t\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\n"
	"\t\t\t\"TERM=xterm\"\n"
	"\t\t],\n"
	"\t\t\"cwd\": \"/\",\n"
	"\t\t\"capabilities\": {\n"
	"\t\t\t\"bounding\": " CAPS ",\n"
	"\t\t\t\"effective\": " CAPS ",\n"
	"\t\t\t\"permitted\": " CAPS "\n"
	"\t\t},\n"
	"\t\t\"rlimits\": [{\"type\": \"RLIMIT_NOFILE\", \"hard\": 1024, \"soft\": 1024}],\n"
	"\t\t\"noNewPrivileges\": true\n"
	"\t},\n"
	"\t\"root\": {\"path\": \"rootfs\", \"readonly\": true},\n"
	"\t\"hostname\": \"rast-oci\",\n"
	"\t\"mounts\": [\n"
	"\t\t{\"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\"},\n"
	"\t\t{\"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\",\n"
	"\t\t \"options\": [\"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\"]},\n"
	"\t\t{\"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\",\n"
	"\t\t \"options\": [\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", \"mode=0620\"";
static const char tail[] =
	"]},\n"
	"\t\t{\"destination\": \"/dev/shm\", \"type\": \"tmpfs\", \"source\": \"shm\",\n"
	"\t\t \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\"]},\n"
	"\t\t{\"destination\": \"/dev/mqueue\", \"type\": \"mqueue\", \"source\": \"mqueue\",\n"
	"\t\t \"options\": [\"nosuid\", \"noexec\", \"nodev\"]},\n";
static const char sysfs[] =
	"\t\t{\"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\",\n"
	"\t\t \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"ro\"]},\n";
/* Without a network namespace of one's own no sysfs can be mounted: the one that is there is bound. */
static const char sysfs_rootless[] =
	"\t\t{\"destination\": \"/sys\", \"type\": \"none\", \"source\": \"/sys\",\n"
	"\t\t \"options\": [\"rbind\", \"nosuid\", \"noexec\", \"nodev\", \"ro\"]},\n";
static const char cgroup[] =
	"\t\t{\"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup\", \"source\": \"cgroup\",\n"
	"\t\t \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"relatime\", \"ro\"]}\n"
	"\t],\n"
	"\t\"linux\": {\n";
static const char end[] =
	"\t\t\"maskedPaths\": [\n"
	"\t\t\t\"/proc/acpi\", \"/proc/asound\", \"/proc/interrupts\", \"/proc/kcore\",\n"
	"\t\t\t\"/proc/keys\", \"/proc/latency_stats\", \"/proc/timer_list\",\n"
	"\t\t\t\"/proc/timer_stats\", \"/proc/sched_debug\", \"/proc/scsi\",\n"
	"\t\t\t\"/sys/firmware\", \"/sys/devices/virtual/powercap\"\n"
	"\t\t],\n"
	"\t\t\"readonlyPaths\": [\n"
	"\t\t\t\"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\", "
	"\"/proc/sysrq-trigger\"\n"
	"\t\t]\n"
	"\t}\n"
	"}\n";

char *rast_oci_spec_default(bool rootless, uint32_t uid, uint32_t gid)
{
	static const char map[] = "[{\"containerID\": 0, \"hostID\": %u, \"size\": 1}]";
	char ids[256] = "", uids[80], gids[80], *out;

	(void)snprintf(uids, sizeof(uids), map, uid);
	(void)snprintf(gids, sizeof(gids), map, gid);
	(void)snprintf(ids, sizeof(ids), "\t\t\"uidMappings\": %s,\n\t\t\"gidMappings\": %s,\n",
		       uids, gids);
	if (asprintf(&out,
		     "%s%s%s%s%s%s"
		     "\t\t\"namespaces\": [\n"
		     "\t\t\t{\"type\": \"pid\"}, {\"type\": \"ipc\"}, {\"type\": \"uts\"},\n"
		     "\t\t\t{\"type\": \"mount\"}, {\"type\": \"cgroup\"}, {\"type\": \"%s\"}\n"
		     "\t\t],\n"
		     "%s",
		     head, rootless ? "" : ", \"gid=5\"", tail, rootless ? sysfs_rootless : sysfs,
		     cgroup,
		     rootless ? ids
			      : "\t\t\"resources\": {\"devices\": "
				"[{\"allow\": false, \"access\": \"rwm\"}]},\n",
		     rootless ? "user" : "network", end) < 0)
		return NULL;
	return out;
}
