#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 900
# kill -9 of rast-oci at any moment of create, run, exec, start, kill and delete. Then `gc` leaves nothing of
# what was being made, or `delete --force` (in turns) nothing at all: no state, no cgroup, no process; and the
# poststop hooks of what was deleted have run. RAST_SLOW=1: a thousand kills.
. selftests/lib/tap.sh
. selftests/lib/oci.sh
rounds=1000 end=$((SECONDS + 800))
[ "${RAST_SLOW:-0}" != 0 ] || end=$((SECONDS + ${RAST_KILL_SECONDS:-30}))
config '.hooks = {poststop: [{path: "/bin/sh", args: ["sh", "-c", "echo poststop >>\($tmp)/hooks"]}]} |
	.linux.resources.pids.limit = 50' sleep 1000
shopt -s nullglob
left() {
	local x=("$tmp/state"/* "$tmp/state"/.[!.]* /sys/fs/cgroup/?ast-oci-$id /sys/fs/cgroup/*/rast-oci-$id)
	[ ${#x[@]} = 0 ] || echo "${x[*]}"
}
quiet() { oci "$@" </dev/null >"$tmp/out" 2>&1; }
after() { # TENTHS OF A MILLISECOND, COMMAND…
	local at=$1 pid
	shift
	"$R" --root "$tmp/state" "$@" </dev/null >/dev/null 2>&1 &
	pid=$!
	sleep "$(printf '0.%04d' "$at")"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	true
}
# What the killed one made is nobody's child here: its end is waited for, and until then it is let alone.
swept() {
	quiet gc "$@"
	[ -z "$(left)" ]
}
alive() { case $(status) in running | created | paused) ;; *) false ;; esac; }

# ---- what gc takes and what it leaves ----
check "a container can be made here" quiet create -b "$tmp" $id
like "$(left)" "rast-oci-$id" "and is seen by this test"
quiet gc --stopped
status_is created && ok "gc does not touch one that waits for its start" || nok "gc does not touch one that waits for its start" "$(status)"
quiet kill $id KILL
wait_for 5 stopped
is "$(oci gc --dry-run)" "would remove $id: ended before its start" "one that ended before its start is what a killed client leaves"
status_is stopped && ok "a dry run removes nothing" || nok "a dry run removes nothing" "$(status)"
is "$(oci gc)" "removed $id: ended before its start" "gc removes it and says so"
is "$(left)" "" "all of it"
quiet run -d -b "$tmp" $id
is "$(oci gc --stopped)" "" "gc does not touch one that runs"
quiet kill $id KILL
wait_for 5 stopped
is "$(oci gc)" "" "one that has ended waits for its delete"
is "$(oci gc --stopped)" "removed $id: stopped" "unless it is asked for with --stopped"
is "$(left)" "" "all of that, too"
is "$(oci --root "$tmp/nowhere" gc)" "" "where nothing was ever made is nothing to remove"
mkdir -p "$tmp/state/$id"
exec 7<"$tmp/state/$id"
flock 7
is "$(oci gc)" "" "what somebody is making is left to him"
exec 7<&-
is "$(oci gc)" "removed $id: half made" "what nobody is making any more is removed"

# ---- kills ----
bad=() n=0
for ((i = 0; i < rounds && SECONDS < end; i++)); do
	at=$((i * 7 % 120)) kind=$((i % 7))
	: >"$tmp/hooks"
	case $kind in
	0) after $at create -b "$tmp" $id ;;
	1) after $at run -d -b "$tmp" $id ;;
	2) after $at run -b "$tmp" $id ;;
	3)
		quiet run -d -b "$tmp" $id || bad+=("run before exec: $(<"$tmp/out")")
		after $at exec $id sleep 1000
		;;
	4)
		quiet run -d -b "$tmp" $id || bad+=("run before delete: $(<"$tmp/out")")
		after $at delete --force $id
		;;
	5)
		quiet create -b "$tmp" $id || bad+=("create before start: $(<"$tmp/out")")
		after $at start $id
		;;
	6)
		quiet run -d -b "$tmp" $id || bad+=("run before kill: $(<"$tmp/out")")
		after $at kill $id KILL
		;;
	esac
	n=$((n + 1))
	if [ $((i / 7 % 2)) = 0 ]; then
		quiet delete --force $id || bad+=("round $i ($kind, $at): delete: $(<"$tmp/out")")
		wait_for 5 eval '[ -z "$(left)" ]' || bad+=("round $i ($kind, $at) leaves after delete: $(left)")
	else
		# One that was finished lives on, as it should.
		alive && { quiet kill --all $id KILL; wait_for 5 stopped; }
		case $kind in
		0 | 2) wait_for 5 swept || { bad+=("round $i ($kind, $at) leaves after gc: $(left) $(<"$tmp/out")"); quiet delete --force $id; } ;;
		*) wait_for 5 swept --stopped || { bad+=("round $i ($kind, $at) leaves after gc: $(left) $(<"$tmp/out")"); quiet delete --force $id; } ;;
		esac
	fi
	[ $kind -lt 3 ] || [ -s "$tmp/hooks" ] || bad+=("round $i ($kind, $at): the poststop hook never ran")
	[ ${#bad[@]} -lt 20 ] || break
done
if [ ${#bad[@]} = 0 ]; then ok "create, run, exec, delete, start and kill are killed at many moments: nothing is left"; else
	nok "create, run, exec, delete, start and kill are killed at many moments: nothing is left" "$(printf '%s\n' "${bad[@]}")"; fi
diag "$n kills"
is "$(grep -l "$tmp/state" /proc/[0-9]*/cmdline 2>/dev/null)" "" "and no process of rast-oci"
[ "$n" -ge 7 ] && ok "each was killed at least once" || nok "each was killed at least once" "$n kills"
tap_done
