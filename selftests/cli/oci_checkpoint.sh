#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 600
# checkpoint and restore: what is refused, with a criu of our own; the real thing where `criu check` says
# that this kernel has what it takes.
. selftests/lib/tap.sh
. selftests/lib/oci.sh

img=$tmp/img
: "${CRIU:=criu}"
withcriu() { timeout 120 "$R" --root "$tmp/state" --criu "$CRIU" "$@"; }
checkpoint() { withcriu checkpoint --image-path "$img" "$@" "$id" </dev/null 2>&1; }
# Standard streams that a restore does not care for; what is said is in the log.
run_detached() { withcriu run -b "$tmp" -d "$id" </dev/null >/dev/null 2>&1; }
counting()
{
	config "$1 | sh(\"$counter\")"
	rm -f "$tmp/rootfs/tmp/n"
	run_detached
	wait_for 20 test -s "$tmp/rootfs/tmp/n"
}
restore()
{
	rm -f "$tmp/log"
	withcriu --log "$tmp/log" restore --image-path "$img" -b "$tmp" --detach "$@" "$id" </dev/null >/dev/null 2>&1
	rc=$?
	[ ! -e "$tmp/log" ] || cat "$tmp/log"
	return $rc
}
counter='i=0; while :; do i=$((i+1)); echo $i >/tmp/n; sleep 0.1; done'
counted() { cat "$tmp/rootfs/tmp/n"; }
above() { [ "$(counted)" -gt "$1" ]; }
is_counting()
{
	n=$(counted)
	wait_for 20 above "$n"
}

# ---- without criu ----

counting .
like "$("$R" --root "$tmp/state" --criu "$tmp/none" checkpoint --image-path "$img" "$id" 2>&1)" \
	"--criu $tmp/none: No such file" "a criu that is not there is an error that names it"
like "$("$R" --root "$tmp/state" --criu no-such-criu checkpoint --image-path "$img" "$id" 2>&1)" \
	'not installed.*package criu' "without criu the error names the package"
printf '#!/bin/sh\nexit 3\n' >"$tmp/mute"
chmod +x "$tmp/mute"
like "$("$R" --root "$tmp/state" --criu "$tmp/mute" checkpoint --image-path "$img" "$id" 2>&1)" \
	'criu check' "with a criu that does not answer the error names what to ask"
status_is running && ok "after all that the container runs" || nok "after all that the container runs"
# What criu gets from us. It writes a line of its own, since it is not asked for a version.
printf '#!/bin/sh\nenv >%s/env; ls /proc/self/fd >%s/fds\nexit 3\n' "$tmp" "$tmp" >"$tmp/nosy"
chmod +x "$tmp/nosy"
LEAK=1 "$R" --root "$tmp/state" --criu "$tmp/nosy" checkpoint --image-path "$img" "$id" >/dev/null 2>&1 9<"$tmp/config.json"
is "$(grep -cvE '^(PATH|PWD|SHLVL|_|OLDPWD)=' "$tmp/env")" 0 "criu has a clean environment"
is "$(grep -c '^9$' "$tmp/fds")" 0 "and none of the caller's descriptors"
oci delete -f "$id"
like "$(checkpoint)" "$id does not exist" "a container that is not there is an error"
config . true
create
like "$(checkpoint)" 'created, not running' "a container that waits for its start is refused"
oci delete -f "$id"
like "$("$R" restore --lsm-mount-context 2>&1)" 'requires an argument' \
	"podman's question for --lsm-mount-context is answered as it expects"
like "$("$R" --root "$tmp/state" --criu no-such-criu restore --image-path "$img" -b "$tmp" "$id" 2>&1)" \
	'package criu' "restore without criu names the package"
check "and leaves nothing" gone

if ! command -v "$CRIU" >/dev/null; then
	skip "checkpoints of containers" "criu is not installed"
	tap_done
	exit 0
fi
counting .
for wrong in "--manage-cgroups-mode odd" "--empty-ns pid" "--page-server nowhere" "--parent-path /abs" \
	"--status-fd 77" "--lazy-pages" "--no-such-option"; do
	like "$(checkpoint $wrong)" "${wrong%% *}" "checkpoint $wrong is refused by name"
done
oci delete -f "$id"
if ! "$CRIU" check >/dev/null 2>&1; then
	counting .
	like "$(checkpoint)" 'criu.*dump.log' "where criu does not work the error names its log"
	status_is running && ok "and the container runs on" || nok "and the container runs on"
	oci delete -f "$id"
	skip "checkpoints of containers" "criu check: $("$CRIU" check 2>&1 | tail -n 1)"
	tap_done
	exit 0
fi

# ---- a counter ----

mkdir -p "$tmp/data"
echo outside >"$tmp/data/file"
counting 'mnt({destination: "/data", source: ($tmp + "/data"), type: "bind", options: ["rbind", "ro"]})'
check "checkpoint --leave-running works" checkpoint --leave-running
status_is running && ok "the container runs on" || nok "the container runs on"
check "and counts on" is_counting
check "checkpoint works" checkpoint --work-path "$tmp/work"
[ -s "$tmp/work/dump.log" ] && ok "criu's log is in --work-path" || nok "criu's log is in --work-path"
is "$(status)" stopped "the container is stopped then"
at=$(counted)
check_fails "a container that has ended cannot be written" checkpoint
check_fails "restore refuses an id that is used" restore
oci delete "$id"
check "nothing is left of it" gone
check "restore works" restore --pid-file "$tmp/pid"
is "$(status)" running "the container runs"
is "$(cat "$tmp/pid")" "$(oci state "$id" | jq .pid)" "its process is in the pid file"
check "and counts on" is_counting
above "$((at - 1))" && ok "from where it was" || nok "from where it was" "$(counted), was $at"
like "$(cat "/proc/$(cat "$tmp/pid")/cgroup")" "/rast-oci-$id\$" "it is in the cgroup that was made for it"
is "$(oci exec "$id" cat /data/file)" outside "its bind mount shows what it showed"
check_fails "which is still read-only" oci exec "$id" touch /data/x
is "$(oci exec "$id" sh -c 'cat /proc/timer_list | wc -c')" 0 "masked paths are masked"
check_fails "read-only paths are read-only" oci exec "$id" sh -c 'echo 1 >/proc/sys/kernel/printk'
is "$(oci exec "$id" grep ^0: /proc/self/cgroup)" 0::/ "it sees no cgroup but its own"
is "$(oci exec "$id" sh -c 'ls /sys/fs/cgroup | grep -c "rast-oci-"')" 0 "also not where they are mounted"
like "$(oci exec "$id" ip link show lo)" '[<,]UP' "the loopback device of its network is up"
grep -q "$tmp/state" /proc/self/mounts && nok "the node has no mount of it" || ok "the node has no mount of it"
is "$(ls "$tmp/state/$id" | tr '\n' ' ')" "config.json state.json " "nor is there more in its folder"
check_fails "a second restore of it is refused" restore
check "it can be written again" checkpoint
oci delete "$id"
check "restored again" restore
check "and counts on once more" is_counting
oci kill "$id" KILL
wait_for 10 stopped
oci delete "$id"
check "nothing is left of it" gone

# ---- in the foreground, its end, and another id ----

config 'sh("while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 7")'
run_detached
check "checkpoint of a container that waits for something" checkpoint
oci delete "$id"
touch "$tmp/rootfs/tmp/go"
withcriu restore --image-path "$img" -b "$tmp" "$id-2" </dev/null >"$tmp/out" 2>&1
is $? 7 "in the foreground restore ends with the status of its process"
[ ! -e "$tmp/state/$id-2" ] && ok "and removes the container" || nok "and removes the container" "$(cat "$tmp/out")"
rm "$tmp/rootfs/tmp/go"

# ---- a network namespace of somebody else's, pipes ----

unshare -n sleep 300 &
holder=$!
tap_cleanup "kill $holder 2>/dev/null"
wait_for 5 test "$(readlink /proc/self/ns/net)" != "$(readlink /proc/$holder/ns/net)"
config "ns(\"network\"; \"/proc/$holder/ns/net\") | sh(\"while read line; do echo got \$line; done\")"
mkfifo "$tmp/in" "$tmp/out2"
sh -c 'exec sleep 300' <>"$tmp/in" >/dev/null 2>&1 &
keeper=$!
tap_cleanup "kill $keeper 2>/dev/null"
# Pipes, as conmon and containerd have them.
(sleep 300 & echo $! >"$tmp/sleep"; wait) | "$R" --root "$tmp/state" run -b "$tmp" -d "$id" 2>&1 | cat >"$tmp/out" &
wait_for 10 status_is running
check "checkpoint of a container in a network namespace that was given, with pipes" checkpoint
oci delete "$id"
echo hello | withcriu restore --image-path "$img" -b "$tmp" "$id" 2>&1 | cat >"$tmp/out3"
is "$(cat "$tmp/out3")" "got hello" "restored it reads and writes the pipes of who restored it"
kill "$(cat "$tmp/sleep")"
kill $holder $keeper

# ---- a terminal, hooks ----

if command -v python3 >/dev/null; then
	console()
	{
		rm -f "$tmp/sock"
		python3 selftests/lib/console.py "$tmp/sock" "$1" >"$tmp/got" 2>&1 &
		console_pid=$!
		wait_for 30 test -S "$tmp/sock"
	}
	tap_cleanup 'kill "$console_pid" 2>/dev/null || :'
	printf '#!/bin/sh\ncat >>%s\n' "$tmp/hooked" >"$tmp/hook"
	chmod +x "$tmp/hook"
	config '.process.terminal = true | sh("while read l; do echo said $l; done") |
		.hooks = {prestart: [{path: ($tmp + "/hook")}], createRuntime: [{path: ($tmp + "/hook")}]}'
	console first
	create --console-socket "$tmp/sock"
	oci start "$id"
	wait_for 10 grep -q 'said first' "$tmp/got"
	check "checkpoint of a container on a terminal" checkpoint
	oci delete "$id"
	console second
	rm "$tmp/hooked"
	check "it is restored with a console socket" restore --console-socket "$tmp/sock"
	wait_for 10 grep -q 'said second' "$tmp/got" && ok "where its new terminal works" ||
		nok "where its new terminal works" "$(cat "$tmp/got")"
	is "$(jq -s 'map(.id) | length' "$tmp/hooked")" 2 "the hooks of its creation ran again"
	is "$(jq -s "map(select(.pid == $(oci state "$id" | jq .pid))) | length" "$tmp/hooked")" 2 "for the process that was restored"
	oci delete -f "$id"
	config '.process.terminal = true | .hooks = {createRuntime: [{path: "/bin/false"}]}'
	console third
	like "$(restore --console-socket "$tmp/sock")" 'hooks.createRuntime' "a hook that fails is what a restore fails with"
	check "and leaves nothing" gone
else
	skip "terminals" "python3 is not installed"
fi

# ---- failures ----

counting .
check "a container to be spoilt" checkpoint
oci delete "$id"
for f in "$img"/core-*.img; do
	head -c 40 /dev/urandom >"$f"
done
like "$(restore)" 'criu: restore failed: .*restore.log' "spoilt images are an error that names the log"
check "and leave nothing" gone
rm -rf "$img"
like "$(restore)" "image-path $img" "images that are not there are an error"
check "and leave nothing" gone
tap_done
