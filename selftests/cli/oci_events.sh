#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# rast-oci events: numbers in runc's layout, out-of-memory events, and an end with the container's end.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
box=$(command -v busybox) || skip_all "busybox"
command -v jq >/dev/null || skip_all "jq"
R=$O/bin/rast-oci
tmp=$(mktemp -d)
id=toci-events-$$
oci() { "$R" --root "$tmp/state" "$@"; }
tap_cleanup 'rm -rf "$tmp"'
tap_cleanup 'oci delete -f "$id" >/dev/null 2>&1'

mkdir -p "$tmp/rootfs/bin" "$tmp/rootfs/proc" "$tmp/rootfs/dev" "$tmp/rootfs/sys"
cp "$box" "$tmp/rootfs/bin/busybox"
(cd "$tmp" && "$R" spec && mv config.json plain.json)

# config FILTER ARG...
config()
{
	filter=$1
	shift
	jq --arg path "/toci/$id" "$filter | .process.terminal = false | .linux.cgroupsPath = \$path |
		.process.args = \$ARGS.positional" --args -- "$@" <"$tmp/plain.json" >"$tmp/config.json"
}
tap_cleanup 'find /sys/fs/cgroup -maxdepth 3 -depth -type d -path "*/toci" -exec rmdir {} + 2>/dev/null'

config .  /bin/busybox sleep 60
oci run -d -b "$tmp" "$id" </dev/null >/dev/null || nok "a container runs"
one=$(oci events --stats "$id")
is "$(printf '%s\n' "$one" | wc -l)" 1 "--stats prints one line"
is "$(echo "$one" | jq -r '[.type, .id] | join(" ")')" "stats $id" "it says of which container"
is "$(echo "$one" | jq -c '.data | keys')" \
	'["blkio","cpu","cpuset","hugetlb","intel_rdt","memory","network_interfaces","pids"]' \
	"its numbers stand under runc's names"
check "the processor time is in nanoseconds, and there is some" \
	sh -c 'echo "$1" | jq -e ".data.cpu.usage.total > 100000 and .data.cpu.usage.total < 60e9"' - "$one"
if grep -qE '(^|[ :/,])pids([ ,:]|$)' /proc/self/cgroup /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
	is "$(echo "$one" | jq .data.pids.current)" 1 "one process is counted"
else
	skip "one process is counted" "the pids controller"
fi
if grep -qE '(^|[ :/,])memory([ ,:]|$)' /proc/self/cgroup /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
	check "its memory is its own, not the machine's" \
		sh -c 'echo "$1" | jq -e ".data.memory.usage | .usage > 4096 and .usage < 32e6"' - "$one"
else
	skip "its memory is its own, not the machine's" "the memory controller"
fi

timeout 20 "$R" --root "$tmp/state" events --interval 50ms "$id" >"$tmp/follow" &
follower=$!
lines() { [ "$(wc -l <"$tmp/follow")" -ge "$1" ]; }
check "an interval of 50 ms brings line after line" wait_for 5 lines 3
oci kill "$id" KILL
rc=0
wait $follower || rc=$?
is $rc 0 "the stream ends with the container"
check "every line of it is whole" jq -e .data.cpu "$tmp/follow"
like "$(oci events --stats "$id" 2>&1)" 'not running' "a container that has ended has no numbers"
for bad in 0 -1s 5 1x s ''; do
	like "$(oci events --interval "$bad" "$id" 2>&1)" '[-]-interval "' "--interval \"$bad\" is refused"
done
oci delete -f "$id"

config '.linux.resources.memory.limit = 12000000' /bin/busybox sleep 60
if oci run -d -b "$tmp" "$id" </dev/null >"$tmp/out" 2>&1; then
	timeout 30 "$R" --root "$tmp/state" events --interval 50ms "$id" >"$tmp/oom" &
	follower=$!
	check "the watch begins" wait_for 5 test -s "$tmp/oom"
	oci exec "$id" /bin/busybox dd if=/dev/zero of=/dev/null bs=64M count=1 >/dev/null 2>&1
	check "running out of memory is said" wait_for 5 grep -qx "{\"type\":\"oom\",\"id\":\"$id\"}" "$tmp/oom"
	oci delete -f "$id"
	wait $follower
	is "$(grep -c '"oom"' "$tmp/oom")" 1 "once, also when the cgroup goes away"
elif grep -q 'no memory controller' "$tmp/out"; then
	skip "running out of memory is said" "the memory controller"
else
	nok "a container with a memory limit runs" "$(cat "$tmp/out")"
fi

config . /bin
like "$(oci run -b "$tmp" "$id" 2>&1 </dev/null)" 'Permission denied' \
	"a folder as the command is refused with the words of execve"
tap_done
