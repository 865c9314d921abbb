#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Containers where cgroup v2 is all there is: what one sees, its limits, exec, logs, its end.
export RAST_INSTANCE=vml
. selftests/lib/tap.sh
. selftests/vm/lib.sh
root=/tmp/vml.root
tap_cleanup 'rm -rf $root /tmp/vml.*'
busybox_root $root

check "the controller starts" rastbpf daemon start

# One container tells all it sees.
cat >$root/facts <<'END'
echo "pid=$$"
echo "hostname=$(hostname)"
echo "cgroup=$(cat /proc/self/cgroup)"
for n in pid mnt net ipc uts cgroup; do echo "ns_$n=$(readlink /proc/self/ns/$n)"; done
echo "links=$(ls /sys/class/net | tr '\n' ' ')"
grep -E '^(NoNewPrivs|Seccomp|CapEff|CapBnd):' /proc/self/status | tr -d '\t ' | tr : =
echo "memory=$(cat /sys/fs/cgroup/memory.max)"
echo "host_files=$(ls -d /rast /newroot 2>/dev/null)"
echo "processes=$(ls -d /proc/[0-9]* | wc -l)"
try() { n=$1; shift; if "$@" >/dev/null 2>&1; then echo "$n=done"; else echo "$n=refused"; fi; }
try mount mount -t tmpfs none /tmp
mknod /tmp/tty c 4 64
try device sh -c ': </tmp/tty'
try sysctl sh -c 'echo x >/proc/sys/kernel/hostname'
try cgroup_write sh -c 'echo max >/sys/fs/cgroup/memory.max'
try sethostname hostname other
try unshare unshare -m true
try reboot reboot -f
try null sh -c 'echo x >/dev/null'
try tmp sh -c 'echo x >/tmp/x'
echo "kcore=$(wc -c </proc/kcore)"
exit 7
END
facts=$(rastbpf container run --rootfs $root --name facts -m 32Mi -e COLOUR=blue -- /bin/sh -c '. /facts' 2>&1)
is $? 7 "a foreground run exits with the exit status of its command"
fact() { printf '%s\n' "$facts" | sed -n "s/^$1=//p"; }
is "$(fact pid)" 1 "the command is PID 1 of its own PID namespace"
is "$(fact hostname)" facts "the host name is the pod's"
is "$(fact cgroup)" 0::/ "its cgroup looks like the root from inside"
for n in pid mnt net ipc uts cgroup; do
	if [ -n "$(fact ns_$n)" ] && [ "$(fact ns_$n)" != "$(readlink /proc/self/ns/$n)" ]; then
		ok "the $n namespace is its own"
	else
		nok "the $n namespace is its own" "$facts"
	fi
done
is "$(fact links)" "lo " "without a network there is only lo"
is "$(fact NoNewPrivs) $(fact Seccomp)" "1 2" "no-new-privs is set and a seccomp filter is on"
is "$(fact CapEff) $(fact CapBnd)" "00000000a80425fb 00000000a80425fb" "capabilities are the default ones, also the bounding set"
is "$(fact memory)" 33554432 "the memory limit can be read inside"
is "$(fact host_files)" "" "the host's files are not there"
like "$(fact processes)" '^[1-5]$' "nor are its processes"
for n in mount device sysctl cgroup_write sethostname unshare reboot; do
	is "$(fact $n)" refused "$n is refused to root inside"
done
is "$(fact null) $(fact tmp)" "done done" "/dev/null and its own files can be written"
is "$(fact kcore)" 0 "/proc/kcore is masked"
rastbpf container run --rootfs $root -- /bin/nothing >/tmp/vml.out 2>&1
like "$? $(cat /tmp/vml.out)" '^(1|127) .*/bin/nothing' "a command that is not there is one clear error"

# Limits, with a container that stays. Once started it forks no more: the bomb below leaves it nothing
# to fork with.
check "a detached container starts" rastbpf container run --rootfs $root --name box -m 32Mi --cpus 0.5 --pids 20 -d -- \
	/bin/sh -c 'trap "echo bye; exit 3" TERM; sleep 1000 & echo started; while :; do wait; done'
box=$(box_json box)
pid=$(echo "$box" | jq .pid) cg=/sys/fs/cgroup/$(echo "$box" | jq -r .cgroup)
is "$(echo "$box" | jq -r .status)" running "and is shown as running"
is "$(cat "$cg/cpu.max")" "50000 100000" "cpu.max is half a CPU"
is "$(cat "$cg/memory.max") $(cat "$cg/pids.max")" "33554432 20" "memory.max and pids.max are what was asked for"
is "$(stat -c %i "$cg")" "$(echo "$box" | jq .cgroup_id)" "the cgroup's number is the one on record"
like "$(cat "$cg/cgroup.procs")" "^$pid$" "the process is in it"
wait_for 10 sh -c 'rastbpf container logs box | grep -q started'
is "$(rastbpf container logs box)" started "its output is in the log"

inside=$(rastbpf container exec box -- /bin/sh -c 'readlink /proc/self/ns/pid; cat /proc/self/cgroup; exit 5' 2>&1)
is "$? $inside" "5 $(readlink "/proc/$pid/ns/pid")
0::/" "exec enters namespaces and cgroup, and exits with the command's status"
rastbpf container exec box -- /bin/busybox timeout 2 /bin/sh -c 'while :; do :; done' >/dev/null 2>&1
like "$(grep nr_throttled "$cg/cpu.stat")" 'nr_throttled [1-9]' "a loop is held at the CPU limit"
rastbpf container exec box -- /bin/sh -c 'b() { b | b & }; b; n=0; while [ $n -lt 40 ]; do sleep 1000 & n=$((n+1)); done' >/dev/null 2>&1
like "$(cat "$cg/pids.events")" 'max [1-9]' "a fork bomb meets the limit of processes"
like "$(cat "$cg/pids.current")" '^(1[0-9]?|20|[2-9])$' "there are never more than twenty"
check "the container lives on" status_is box running
check "stop" rastbpf container stop box
box=$(box_json box)
like "$(echo "$box" | jq -r .status) $(echo "$box" | jq .exit_status)" '^exited( \(3\))? 3$' "the exit status after SIGTERM is kept"
is "$(cat "$cg/cgroup.procs")" "" "nothing runs in its cgroup after stop, not even what a bomb left"
like "$(rastbpf container logs box)" '^bye$' "the log has its last words"

# Memory.
check "a container that wants more than its memory starts" rastbpf container run --rootfs $root --name oom -m 16Mi -d -- \
	/bin/sh -c 'x=0123456789abcdef; while :; do x=$x$x; done'
wait_for 30 sh -c 'rastbpf -j container show oom | grep -q "\"oom-killed\""'
oom=$(box_json oom)
is "$(echo "$oom" | jq -r .status) $(echo "$oom" | jq .exit_status)" "oom-killed 137" "show says that it was killed for memory"
like "$(rastbpf container ps)" 'oom +main +oom-killed' "so does ps"
like "$(cat "/sys/fs/cgroup/$(echo "$oom" | jq -r .cgroup)/memory.events")" 'oom_kill [1-9]' "and the kernel"
is "$(rastbpf -j account show oom | jq -r '.[0].oom_killed')" true "and account show"
check "the audit log has the kill, with the container" wait_for 10 audit_has \
	'.event.action=="oom-kill" and .container.pod=="oom" and .container.name=="main"'
check "and the container's end by SIGKILL" wait_for 10 audit_has \
	'.event.action=="container-exited" and .container.pod=="oom" and .process.signal==9'

check "rm box" rastbpf container rm box
check "rm oom" rastbpf container rm oom
is "$(rastbpf -j container ps)" "[]" "no container is left"
is "$(find $RUN_DIR/pods $LIB_DIR/pods -mindepth 2 2>/dev/null; find $CGROUP -mindepth 1 -type d 2>/dev/null; grep -c ' /[^ ]*vml' /proc/self/mountinfo | grep -v '^0')" "" \
	"nor a folder, a cgroup or a mount of one"
tap_done
