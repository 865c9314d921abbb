#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Sentences of the runtime specification (bundle.md, runtime.md, config.md, config-linux.md) that say MUST and that
# no other oci_*.sh is about. selftests/data/oci/musts.txt has all of them, each with its test.
. selftests/lib/tap.sh
. selftests/lib/oci.sh
cg=toci-spec-$$
tap_cleanup 'find /sys/fs/cgroup -depth -type d -name "$cg*" -exec rmdir {} \; 2>/dev/null'
# refused SENTENCE WORDS JQ: an error that has the words, and nothing is left of it.
refused()
{
	config "$3" true
	if out=$(create) || ! echo "$out" | grep -qE -- "$2" || ! gone; then
		nok "$1" "$out"
		oci delete -f "$id" >/dev/null 2>&1
	else
		ok "$1"
	fi
}
# fine SENTENCE JQ: it runs.
fine()
{
	config "$2" echo fine
	is "$(run | tail -1)" fine "$1"
}

# ---- bundle.md, runtime.md ----
rm -f "$tmp/config.json"
check_fails "a bundle without a config.json is an error of create" create
mkdir "$tmp/src" "$tmp/other" && echo kept >"$tmp/src/f"
config '.hostname = "first"' sleep 60
leaving run -b "$tmp" -d "$id-1" >/dev/null
pid=$(oci state "$id-1" | jq .pid)
begin "del(.hostname) | ns(\"uts\"; \"/proc/$pid/ns/uts\") | mnt({destination: \"/mnt\", type: \"bind\", source: \"$tmp/src\", options: [\"bind\"]})" sleep 60
oci delete -f "$id"
is "$(oci exec "$id-1" hostname </dev/null) $(cat "$tmp/src/f")" "first kept" \
	"delete leaves the namespace that was joined and the source of a mount"
config '.hostname = "third"' sleep 60
check "the id of a deleted container may be used again" leaving run -b "$tmp" -d "$id"
oci delete -f "$id"
config . sleep 60
create
oci start "$id" && oci kill "$id" KILL && wait_for 5 stopped
check_fails "start of a container that is not created is an error" oci start "$id"
is "$(status)" stopped "and has no effect"
oci delete "$id"
oci delete -f "$id-1"

# ---- config.md ----
refused "root.path that is a file is refused" 'root' '.root.path = "config.json"'
refused "a version that this runtime is too old for is refused" 'ociVersion' '.ociVersion = "2.0.0"'
fine "an unknown property is ignored, wherever it is" '.zzz = 1 | .process.zzz = {} | .root.zzz = [] | .linux.zzz = 1 |
	.linux.resources.zzz = "x" | .linux.namespaces[0].zzz = null | .mounts[0].zzz = 1 | .linux.resources.pids.zzz = 1'
fine "an unknown annotation is ignored" '.annotations = {"com.example.what": "", "x": "y"}'
refused "an annotation with an empty key is refused" 'annotations' '.annotations = {"": "x"}'
refused "an annotation that is no string is refused" 'annotations.a' '.annotations = {"a": 1}'
refused "annotations that are no map are refused" 'annotations' '.annotations = ["a"]'
fine "consoleSize is ignored without a terminal" '.process.consoleSize = {height: 1, width: 2}'
refused "a value of the wrong kind is refused" 'process.cwd' '.process.cwd = 7'
refused "a user id out of range is refused" 'process.user.uid' '.process.user.uid = 4294967296'
refused "an unknown scheduling policy is refused" 'scheduler.policy' '.process.scheduler = {policy: "SCHED_NONE"}'
refused "an unknown class of I/O priority is refused" 'ioPriority.class' '.process.ioPriority = {class: "X", priority: 1}'
refused "a hook's timeout of zero is refused" 'hooks.poststop\[0\].timeout' '.hooks.poststop = [{path: "/bin/true", timeout: 0}]'
printf '#!/bin/sh\necho $1 >>"%s/order"\n' "$tmp" >"$tmp/hook" && chmod +x "$tmp/hook"
all=$(for h in prestart createRuntime createContainer poststart poststop; do
	echo "| .hooks.$h = [range(3) | {path: \"$tmp/hook\", args: [\"hook\", \"$h\\(.)\"]}]"
done)
inside ". $all" true
is "$(tr '\n' ' ' <"$tmp/order")" "$(for h in prestart createRuntime createContainer poststart poststop; do
	for i in 0 1 2; do printf '%s%d ' $h $i; done
done)" "the hooks of a point are called in the listed order"
# Without a mount of their own: what the table of options says that a runtime knows, on a bind and on a tmpfs.
known="async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime noexec
	noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime relatime
	rexec rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro
	rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow sync
	unbindable"
inside ".mounts += [\"$(echo $known | sed 's/ /", "/g')\" | {destination: \"/m/\\(.)\", type: \"bind\", source: \"\\(\$tmp)/src\", options: [\"bind\", .]}] | sh(\"ls /m | wc -l\")" >"$tmp/got"
is "$(tail -1 "$tmp/got")" "$(echo $known | wc -w)" "every mount option that the specification lists is known"
rm -rf "$tmp/rootfs/m"
refused "a mount's mappings without bind are refused" 'mounts\[7\]' 'mnt({destination: "/mnt", type: "tmpfs", source: "x",
	uidMappings: [{containerID: 0, hostID: 1, size: 1}], gidMappings: [{containerID: 0, hostID: 1, size: 1}]})'
refused "idmap without mappings and without a user namespace is refused" 'mounts\[7\]' \
	'mnt({destination: "/mnt", type: "bind", source: "\($tmp)/src", options: ["bind", "idmap"]})'

# ---- config-linux.md: namespaces, devices, paths ----
refused "a relative path of a namespace is refused" 'namespaces\[5\].path' 'ns("network"; "proc/self/ns/net")'
refused "a type of namespace that is none is refused" 'namespaces' '.linux.namespaces += [{type: "zzz"}]'
echo x >"$tmp/rootfs/etc/f" && mknod "$tmp/rootfs/etc/zero" c 1 5
refused "a file in the place of a device is refused" '/etc/f' '.linux.devices = [{path: "/etc/f", type: "c", major: 1, minor: 5}]'
refused "another device in its place is, too" '/etc/zero' '.linux.devices = [{path: "/etc/zero", type: "c", major: 1, minor: 3}]'
is "$(inside '.linux.devices = [{path: "/opt/d/u", type: "u", major: 1, minor: 5}]' stat -c '%F %t:%T' /opt/d/u)" \
	"character special file 1:5" "a device may be outside of /dev, and of type u"
# A device of the kernel's that anybody may open who has its node and leave.
misc=$(sed -n 's/^ *\([0-9]*\) \(fuse\|tun\|userfaultfd\|vga_arbiter\|cpu_dma_latency\|autofs\)$/\1/p' /proc/misc | head -1)
rule() { echo "{allow: $1, type: \"c\", major: 10, minor: $misc, access: \"rwm\"}"; }
opened() # RULE...
{
	inside "caps([\"CAP_DAC_OVERRIDE\"]) | .linux.devices = [{path: \"/dev/zz\", type: \"c\", major: 10, minor: $misc}] |
		.linux.resources.devices = [$(echo "$*" | sed 's/} {/}, {/g')] | sh(\"exec 3<>/dev/zz && echo opened\")"
}
if [ -n "$misc" ]; then
	like "$(opened "$(rule true)" "$(rule false)")" 'not permitted' "device rules are applied in the listed order: a later denial holds"
	is "$(opened "$(rule false)" "$(rule true)")" opened "device rules are applied in the listed order: a later permission holds"
else
	skip "device rules are applied in the listed order" "a known device in /proc/misc"
fi
refused "a relative read-only path is refused" 'readonlyPaths\[0\]' '.linux.readonlyPaths = ["tmp"]'
refused "a propagation that is none is refused" 'rootfsPropagation' '.linux.rootfsPropagation = "none"'
refused "an unknown personality is refused" 'personality.domain' '.linux.personality = {domain: "LINUX64"}'
for field in apparmorProfile:apparmor selinuxLabel:selinux; do
	if grep -qs "${field#*:}" /sys/kernel/security/lsm; then
		skip "${field%:*} on a kernel without that module is refused" "a kernel without ${field#*:}"
	else
		refused "${field%:*} on a kernel without that module is refused" 'attr/' ".process.${field%:*} = \"none\""
	fi
done
chown 7:8 "$tmp/rootfs/tmp"
inside 'ns("user") | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = .linux.uidMappings' true
is "$(stat -c %u:%g "$tmp/rootfs/tmp")" 7:8 "the owners of the root's files are not changed for a mapping"
chown 0:0 "$tmp/rootfs/tmp"

# ---- config-linux.md: cgroups ----
refused "a cgroupsPath that leads up is refused" 'cgroupsPath' '.linux.cgroupsPath = "/../../tmp/x"'
where() # PATH
{
	begin ".linux.cgroupsPath = \"$1\"" sleep 60
	grep ^0: "/proc/$(oci state "$id" | jq .pid)/cgroup"
	oci delete -f "$id"
}
is "$(where "$cg/a")" "$(where "$cg/a")" "the same relative cgroupsPath is the same place"
like "$(where "/$cg/a")" "^0::/(.*/)?$cg/a\$" "an absolute one is below the mount"
begin ".linux.cgroupsPath = \"/$cg/b\"" sleep 60
"$R" --root "$tmp/state" pause "$id"
check_fails "exec into a frozen cgroup is an error" timeout 10 "$R" --root "$tmp/state" exec "$id" true
oci delete -f "$id"
v2=/sys/fs/cgroup
[ -e $v2/cgroup.controllers ] || v2=$v2/unified
begin ".linux.cgroupsPath = \"/$cg/c\" | .linux.resources.unified = {\"cgroup.max.depth\": \"3\"}" sleep 60
is "$(cat "$v2/$cg/c/cgroup.max.depth")" 3 "a file of unified that belongs to no known controller is written"
oci delete -f "$id"
refused "a file of unified whose controller is not there is an error" 'nope.max' '.linux.resources.unified = {"nope.max": "1"}'
if grep -qw pids $v2/cgroup.controllers && grep -qw memory $v2/cgroup.controllers; then
	begin ".linux.cgroupsPath = \"/$cg/d\" | .linux.resources.unified = {\"pids.max\": \"44\", \"memory.high\": \"67108864\"}" sleep 60
	is "$(cat "$v2/$cg/d/pids.max" "$v2/$cg/d/memory.high" | tr '\n' ' ')" "44 67108864 " \
		"the controllers that unified needs are enabled"
	oci delete -f "$id"
else
	refused "a file of unified whose controller is of v1 is an error" 'unified' '.linux.resources.unified = {"memory.high": "1G"}'
fi
refused "a device weight without a weight is refused" 'weightDevice\[0\]' '.linux.resources.blockIO.weightDevice = [{major: 8, minor: 0}]'
refused "a huge page size that is none is refused" 'pageSize' '.linux.resources.hugepageLimits = [{pageSize: "2XB", limit: 1}]'
refused "an RDMA device without a limit is refused" 'rdma.mlx' '.linux.resources.rdma = {mlx: {}}'
refused "a burst above the quota is refused" 'burst' '.linux.resources.cpu = {quota: 1000, burst: 2000, period: 10000}'
refused "intelRdt, which is not supported, is refused" 'intelRdt' '.linux.intelRdt = {closID: "x"}'
refused "netDevices, which are not supported, are refused" 'netDevices' '.linux.netDevices = {none0: {}}'

# ---- config-linux.md: seccomp ----
call() { echo ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", syscalls: [$1]}"; }
refused "a rule for no system call is refused" 'names' "$(call '{names: [], action: "SCMP_ACT_ERRNO"}')"
refused "errnoRet of an action that has none is refused" 'errnoRet' "$(call '{names: ["mkdir"], action: "SCMP_ACT_KILL", errnoRet: 3}')"
refused "defaultErrnoRet of an action that has none is refused" 'defaultErrnoRet' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 4}'
like "$(inside "$(call '{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO"}')" mkdir /tmp/x)" 'not permitted' \
	"errnoRet is EPERM when it is not given"
refused "an architecture that is none is refused" 'architectures\[0\]' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["X"]}'
refused "a seccomp flag that is none is refused" 'flags\[0\]' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", flags: ["X"]}'
refused "listenerMetadata without listenerPath is refused" 'listenerMetadata' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerMetadata: "x"}'
notify=$(call '{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"}')
fine "listenerPath is ignored without SCMP_ACT_NOTIFY" "$(call '{names: ["swapon"], action: "SCMP_ACT_ERRNO"}') | .linux.seccomp.listenerPath = \"$tmp/none\""
like "$(inside "$notify | .linux.seccomp.listenerPath = \"$tmp/none\"" true)" 'listenerPath: .*/none' \
	"a listener that cannot be reached is an error"
if command -v python3 >/dev/null; then
	cat >"$tmp/agent.py" <<-'EOF'
	import array, fcntl, json, os, socket, struct, sys
	s = socket.socket(socket.AF_UNIX)
	s.bind(sys.argv[1])
	s.listen(4)
	c, _ = s.accept()
	text, anc, _, _ = c.recvmsg(65536, socket.CMSG_SPACE(16))
	fds = array.array("i", anc[0][2])
	more = b""
	while True:
	    d, a, _, _ = c.recvmsg(65536, socket.CMSG_SPACE(16))
	    if not d:
	        break
	    text += d
	    more += bytes(len(a))
	print(json.dumps({"got": json.loads(text), "fds": len(fds), "later": len(more)}), flush=True)
	# One notification: struct seccomp_notif is 80 bytes, its answer 24.
	buf = bytearray(80)
	fcntl.ioctl(fds[0], 0xc0502100, buf)
	ident = struct.unpack_from("Q", buf)[0]
	fcntl.ioctl(fds[0], 0xc0182101, bytearray(struct.pack("QqiI", ident, 0, -28, 0)))
	EOF
	python3 "$tmp/agent.py" "$tmp/agent.sock" >"$tmp/agent.out" 2>&1 &
	agent=$!
	wait_for 5 test -S "$tmp/agent.sock"
	like "$(inside "$notify | .linux.seccomp.listenerPath = \"$tmp/agent.sock\" | .linux.seccomp.listenerMetadata = \"meta\" | .annotations = {\"k\": \"v\"}" mkdir /tmp/x)" \
		'No space left' "a listener decides about a call"
	wait $agent
	is "$(jq -r '[.got.metadata, .got.fds[0], (.fds | tostring), .got.state.id, .got.state.status, .got.state.annotations.k] | join(" ")' "$tmp/agent.out")" \
		"meta seccompFd 1 $id creating v" "and has got the container process state, the name of its descriptor and the state"
	is "$(jq -r '[(.got.pid == .got.state.pid), (.got.ociVersion | test("^1\\.")), .later] | map(tostring) | join(" ")' "$tmp/agent.out")" \
		"true true 0" "in one message on a connection that is closed, with the pid as the runtime sees it"
else
	skip "a listener decides about a call" python3
fi
check "and nothing is left" gone
tap_done
