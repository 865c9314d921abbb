#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# process of config.json, and the fields of linux that the process feels: user, capabilities, limits,
# scheduling, environment.
. selftests/lib/tap.sh
. selftests/lib/oci.sh
val() { inside "$1" cat /proc/self/status | sed -n "s/^$2:[[:space:]]*//p"; }

# ---- user ----
is "$(inside '.process.user = {uid: 7, gid: 8, additionalGids: [9, 10]}' id)" "uid=7 gid=8 groups=9,10" "uid, gid and additionalGids are those of the process"
is "$(val '.process.user = {uid: 7, gid: 8}' Uid)" "7	7	7	7" "all four user ids are set"
is "$(val '.process.user = {uid: 7, gid: 8}' Groups)" "" "without additionalGids there are none"
is "$(val '.process.user = {uid: 0, gid: 0, umask: 63}' Umask)" 0077 "umask is set"
is "$(val . Umask)" 0022 "umask is 022 when none is given"

# ---- cwd, env, args ----
is "$(inside 'sh("pwd") | .process.cwd = "/tmp"')" /tmp "cwd is the working directory"
like "$(inside '.process.cwd = "/none"' true)" '/none' "a cwd that does not exist is an error"
is "$(inside '.process.env = ["A=b=c", "B="]' /bin/busybox env | sort | tr '\n' ' ')" "A=b=c B= " "env is the whole environment"
is "$(OUTSIDE=x inside 'sh("echo ${OUTSIDE:-none}")')" none "the caller's environment stays outside"
is "$(inside . echo 'a  b' '$c')" 'a  b $c' "args are handed on as they are"
is "$(inside '.process.env = ["PATH=/none:/bin"]' true; echo $?)" 0 "a command without a slash is looked for in PATH of env"
like "$(inside '.process.env = ["PATH=/none"]' true)" 'true' "and is an error when it is not there"
chmod 644 "$tmp/rootfs/etc/f" 2>/dev/null || { echo x >"$tmp/rootfs/etc/f" && chmod 644 "$tmp/rootfs/etc/f"; }
like "$(inside . /etc/f)" 'ermission denied' "a file that may not be executed is an error"

# ---- capabilities ----
sets='.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SETUID"],
	permitted: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"], inheritable: ["CAP_CHOWN", "CAP_NET_RAW"],
	effective: ["CAP_CHOWN"], ambient: ["CAP_CHOWN"]} | .process.user = {uid: 5, gid: 5}'
out=$(inside "$sets" cat /proc/self/status)
like "$out" 'CapBnd:.00000000000020a1' "the bounding set is what config.json says"
like "$out" 'CapInh:.0000000000002001' "and so is the inheritable set"
like "$out" 'CapAmb:.0000000000000001' "and so is the ambient set"
like "$out" 'CapPrm:.0000000000000001' "a process that is not root has what is ambient"
like "$out" 'CapEff:.0000000000000001' "and can use it"
out=$(inside 'caps(["CAP_KILL"])' cat /proc/self/status)
like "$out" 'CapEff:.0000000000000020' "root has the effective set that was asked for"
like "$out" 'CapInh:.0000000000000000' "nothing is inheritable that was not asked for"
out=$(inside 'del(.process.capabilities)' cat /proc/self/status)
like "$out" 'Cap(Bnd|Eff):.0000000000000000' "without capabilities there are none"
out=$(inside 'caps(["CAP_NONE", "CAP_KILL"])' cat /proc/self/status)
like "$out" 'CapEff:.0000000000000020' "an unknown capability does not fail the container"
like "$out" 'warning.*CAP_NONE' "but is a warning"
is "$(val '.process.noNewPrivileges = true' NoNewPrivs)" 1 "noNewPrivileges true is set"
is "$(val '.process.noNewPrivileges = false' NoNewPrivs)" 0 "noNewPrivileges false is not"

# ---- limits ----
is "$(inside 'sh("ulimit -n; ulimit -Hn; ulimit -f") | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 99}, {type: "RLIMIT_FSIZE", soft: 512, hard: 1024}]' | tr '\n' ' ')" \
	"77 99 1 " "rlimits are set, soft and hard"
like "$(inside '.process.rlimits = [{type: "RLIMIT_NONE", soft: 1, hard: 1}]' true)" 'rlimits' "an unknown limit is named"
like "$(inside '.process.rlimits = [{type: "RLIMIT_CPU", soft: 1, hard: 1}, {type: "RLIMIT_CPU", soft: 2, hard: 2}]' true)" 'rlimits' "a limit that is there twice is an error"
is "$(inside '.process.oomScoreAdj = 321' cat /proc/self/oom_score_adj)" 321 "oomScoreAdj is set"
is "$(inside 'del(.process.oomScoreAdj)' cat /proc/self/oom_score_adj)" "$(cat /proc/self/oom_score_adj)" "without it the value is the runtime's own"

# ---- scheduling ----
# What the kernel knows of it, from outside.
outside()
{
	begin "$1" sleep 60
	shift
	"$@" "$(oci state "$id" | jq .pid)" 2>&1
	oci delete -f "$id"
}
like "$(outside '.process.scheduler = {policy: "SCHED_BATCH", nice: 5}' chrt -p)" SCHED_BATCH "scheduler sets the policy"
is "$(outside '.process.scheduler = {policy: "SCHED_OTHER", nice: 5}' ps -o ni= -p | tr -d ' ')" 5 "and the nice value"
if command -v ionice >/dev/null; then
	like "$(outside '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}' ionice -p)" "best-effort: prio 6" "ioPriority is set"
	like "$(outside '.process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0}' ionice -p)" "idle" "and its class"
else
	skip "ioPriority is set" ionice
fi
if [ "$(uname -m)" = x86_64 ]; then
	is "$(inside '.linux.personality = {domain: "LINUX32"}' /bin/busybox uname -m)" i686 "personality LINUX32 is felt"
	is "$(inside '.linux.personality = {domain: "LINUX"}' /bin/busybox uname -m)" x86_64 "personality LINUX is too"
fi
if [ -e /proc/self/numa_maps ]; then
	like "$(inside '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0"}' head -1 /proc/self/numa_maps)" 'bind:0' "memoryPolicy is set"
else
	skip "memoryPolicy is set" "a kernel with NUMA"
fi

# ---- names ----
is "$(inside '.hostname = "box1" | sh("hostname; cat /proc/sys/kernel/domainname") | .domainname = "dom1"' | tr '\n' ' ')" "box1 dom1 " "hostname and domainname are set"
like "$(inside 'nons("uts") | .hostname = "x"' true)" 'hostname' "a hostname without a uts namespace is an error"

# ---- descriptors ----
is "$(inside 'sh("ls /proc/self/fd | tr \"\\n\" \" \"")')" "0 1 2 3 " "no descriptor but 0 to 2 comes along"
echo handed >"$tmp/f3"
config 'sh("cat <&3; cat <&4")'
is "$(run --preserve-fds 2 3<"$tmp/f3" 4<"$tmp/f3" | tr '\n' ' ')" "handed handed " "--preserve-fds hands them on from 3"
config 'sh("ls /proc/self/fd | tr \"\\n\" \" \"")'
is "$(run --preserve-fds 1 3<"$tmp/f3" 7<"$tmp/f3")" "0 1 2 3 4 " "and no other"
config 'sh("cat <&3; echo $LISTEN_FDS $LISTEN_PID")'
is "$(LISTEN_FDS=1 LISTEN_PID=$$ run 3<"$tmp/f3" | tr '\n' ' ')" "handed 1 1 " "LISTEN_FDS hands sockets on and tells the process"
check_fails "--preserve-fds of what is not open is an error" run --preserve-fds 3
is "$(config . cat; echo in | timeout 20 "$R" --root "$tmp/state" run -b "$tmp" "$id")" in "standard input is the caller's"
is "$(trap '' QUIT USR1; val . SigIgn)" 0000000000000000 "signals that the caller ignores are not ignored"

# ---- exec ----
begin 'caps(["CAP_KILL", "CAP_CHOWN"]) | .process.env = ["A=1", "B=2", "PATH=/bin"] | .process.cwd = "/tmp" |
	.process.noNewPrivileges = false' sleep 60
ex() { timeout 20 "$R" --root "$tmp/state" exec "$@" </dev/null 2>&1; }
is "$(ex "$id" sh -c 'exit 3'; echo $?)" 3 "exec exits as its process does"
is "$(ex "$id" pwd)" /tmp "exec begins in the container's cwd"
is "$(ex --cwd /etc "$id" pwd)" /etc "--cwd changes that"
is "$(ex -e B=3 -e C=4 "$id" /bin/busybox env | grep -v _= | sort | tr '\n' ' ')" "A=1 B=3 C=4 PATH=/bin " "--env adds and replaces"
is "$(ex -u 1 "$id" id)" "uid=1 gid=0" "-u 1 is uid 1, and nothing else (CVE-2026-30892)"
is "$(ex -u 3:4 -g 5 -g 6 "$id" id)" "uid=3 gid=4 groups=5,6" "-u UID:GID and -g set ids"
check_fails "-u of a name is refused" ex -u root "$id" id
check_fails "-u of nothing is refused" ex -u "" "$id" id
check_fails "-u -1 is refused" ex -u -1 "$id" id
like "$(ex "$id" cat /proc/self/status)" 'CapEff:.0000000000000021' "exec has the container's capabilities"
out=$(ex --cap CAP_NET_RAW "$id" cat /proc/self/status)
like "$out" 'CapEff:.0000000000002021' "--cap adds one"
like "$out" 'CapInh:.0000000000000000' "nothing of it is inheritable (CVE-2022-29162)"
like "$(ex --no-new-privs "$id" cat /proc/self/status)" 'NoNewPrivs:.1' "--no-new-privs is set"
for n in pid mnt uts ipc net cgroup; do
	is "$(ex "$id" readlink /proc/self/ns/$n)" "$(readlink "/proc/$(oci state "$id" | jq .pid)/ns/$n")" "exec is in the container's $n namespace"
done
is "$(ex "$id" grep ^0: /proc/self/cgroup)" "0::/" "exec is in the container's cgroup"
jq '.process | .args = ["/bin/sh", "-c", "echo $P; pwd; id -u"] | .env = ["P=own"] | .cwd = "/etc" | .user = {uid: 12, gid: 0}' <"$tmp/config.json" >"$tmp/p.json"
is "$(ex --process "$tmp/p.json" "$id" | tr '\n' ' ')" "own /etc 12 " "--process is the whole process"
is "$(ex -p "$tmp/p.json" "$id" | head -1)" own "and -p is the same"
leaving exec -d --pid-file "$tmp/xpid" "$id" /bin/sleep 50
like "$(tr '\0' ' ' <"/proc/$(cat "$tmp/xpid")/cmdline")" 'sleep 50' "-d returns and --pid-file names the process"
is "$(oci ps --format json "$id" | jq "index($(cat "$tmp/xpid"))  != null")" true "ps lists it"
is "$(ex --preserve-fds 1 "$id" cat /proc/self/fd/3 3<"$tmp/f3")" handed "--preserve-fds hands on"
like "$(ex "$id" /no-such)" 'no-such' "a command that is not there is named"
ex "$id" /no-such >/dev/null && nok "and is an error" || ok "and is an error"
is "$(ex "$id" echo -n x)" x "options of the command are its own"
oci delete -f "$id"
tap_done
