#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 120
# kill -9 of rast-oci at any moment of create, run, exec and delete; then `delete --force` leaves nothing:
# no state, no cgroup, no process.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
box=$(command -v busybox) || skip_all "busybox"
oci=$O/bin/rast-oci
tmp=$(mktemp -d)
id=tkill$$
tap_cleanup 'rm -rf "$tmp"'
tap_cleanup '"$oci" --root "$tmp/state" delete --force $id >/dev/null 2>&1'
mkdir -p "$tmp/b/rootfs/bin"
cp "$box" "$tmp/b/rootfs/bin/busybox"
for a in sh sleep true; do ln -sf busybox "$tmp/b/rootfs/bin/$a"; done
(cd "$tmp/b" && "$oci" spec) || { nok "spec"; tap_done; }
jq '.process.terminal = false | .process.args = ["sleep", "1000"] | .linux.resources.pids.limit = 50' \
	"$tmp/b/config.json" >"$tmp/c" && mv "$tmp/c" "$tmp/b/config.json"
run() { "$oci" --root "$tmp/state" "$@" </dev/null >"$tmp/out" 2>&1; }
left() {
	ls -A "$tmp/state" 2>/dev/null
	find /sys/fs/cgroup -maxdepth 3 -type d -name "rast-oci-$id*" 2>/dev/null
	grep "rast-oci-$id" /proc/[0-9]*/cgroup 2>/dev/null | grep -v '(deleted)'
}
after() { # MS COMMAND…
	local ms=$1 pid
	shift
	"$oci" --root "$tmp/state" "$@" </dev/null >/dev/null 2>&1 &
	pid=$!
	sleep "$(printf '0.%04d' "$ms")"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	true
}
# The process of a killed create is nobody's child here: its end is waited for.
settled() { [ -z "$(left)" ]; }
check "a container can be made here" run create -b "$tmp/b" $id
[ -n "$(left)" ] && ok "and is seen by this test" || nok "and is seen by this test"
check "and deleted" run delete --force $id
is "$(left)" "" "which leaves nothing"
end=$((SECONDS + ${RAST_KILL_SECONDS:-20}))
bad='' n=0
for ((i = 0; SECONDS < end && i < 400; i++)); do
	# Tenths of a millisecond, up to twelve of them whole.
	ms=$((i * 7 % 120))
	case $((i % 4)) in
	0) after $ms create -b "$tmp/b" $id ;;
	1) after $ms run -d -b "$tmp/b" $id ;;
	2)
		run run -d -b "$tmp/b" $id || bad="$bad; run before exec: $(cat "$tmp/out")"
		after $ms exec $id sleep 1000
		;;
	3)
		run run -d -b "$tmp/b" $id || bad="$bad; run before delete: $(cat "$tmp/out")"
		after $ms delete --force $id
		;;
	esac
	n=$((n + 1))
	run delete --force $id || bad="$bad; round $i: delete: $(cat "$tmp/out")"
	wait_for 5 settled || bad="$bad; round $i ($((i % 4)), $ms) leaves: $(left)"
	[ ${#bad} -lt 2000 ] || break
done
is "$bad" "" "create, run, exec and delete are killed at many moments: delete --force leaves nothing"
diag "$n kills"
tap_done
