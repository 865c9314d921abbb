#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh [--tier T,T] [--only NAME]: runs the tests behind `make check`, prints numbered results and
# ends with "N passed, N failed, N skipped" alone on the last line. Exit code 1 when one failed or
# none ran. O is the absolute build folder.
#
# A file that crashes, hangs, breaks its plan or leaves something behind is a failed result of its
# own. Every process of a test carries RAST_TEST_MARK in its environment: that is how daemons that
# left the process group are found and ended, by pid.
#
#   RAST_LEAK_CHECK=0     do not compare the machine before and after (others work on it meanwhile)
#   RAST_TIME_LIMIT=300   seconds a file; a file may ask for more: "# time-limit: 600"
#   RAST_SELFTESTS=DIR    another folder of tests (the runner's own test uses it)
set -u
cd "$(dirname "$0")/.." || exit 1
TOP=$PWD
O=${O:-$TOP/build}
TESTS=${RAST_SELFTESTS:-selftests}
LIMIT=${RAST_TIME_LIMIT:-300}
ALL_TIERS="lint unit bpf cli conformance fuzz vm"
tiers=$ALL_TIERS only=

while [ $# -gt 0 ]; do
	case $1 in
	--tier) tiers=${2//,/ } && shift 2 ;;
	--only) only=$2 && shift 2 ;;
	*)
		echo "usage: run.sh [--tier ${ALL_TIERS// /,}] [--only NAME]" >&2
		exit 2
		;;
	esac
done
for t in $tiers; do
	case " $ALL_TIERS " in
	*" $t "*) ;;
	*) echo "run.sh: no tier \"$t\"; there are: $ALL_TIERS" >&2 && exit 2 ;;
	esac
done

# The tests start their own makes.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
export O TOP RAST_ONLY=$only PATH=$PATH:/usr/sbin:/sbin CMOCKA_MESSAGE_OUTPUT=TAP LC_ALL=C
export ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

work=$(mktemp -d "${TMPDIR:-/tmp}/rast-check.XXXXXX") || exit 1
passed=0 failed=0 skipped=0 files=0
declare -A running # pid of a test file → its mark
: >"$work/times"

# Ends what still carries the mark of a test, by pid. Prints what it found.
end_marked() {
	local p comm
	grep -lsz "^RAST_TEST_MARK=$1\$" /proc/[0-9]*/environ 2>/dev/null | while read -r p; do
		p=${p#/proc/}
		p=${p%/environ}
		# It may have ended meanwhile; a zombie has no environment.
		read -r comm 2>/dev/null <"/proc/$p/comm" || continue
		kill -KILL "$p" 2>/dev/null && echo "process $p $comm"
	done
}

stop() {
	local pid
	trap '' INT TERM HUP
	for pid in "${!running[@]}"; do
		kill -TERM -- "-$pid" 2>/dev/null
		for _ in {1..50}; do
			kill -0 -- "-$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL -- "-$pid" 2>/dev/null
		end_marked "${running[$pid]}" >/dev/null
	done
	rm -rf "$work"
	echo "run.sh: interrupted" >&2
	exit 130
}
trap stop INT TERM HUP
trap 'rm -rf "$work"' EXIT

# start SLOT NAME COMMAND...: in a session of its own, output into a log.
start() {
	local slot=$1 limit
	shift 2
	limit=$(sed -n '1,15s/.*time-limit: \([0-9]*\).*/\1/p' "$1" 2>/dev/null | tr -d '\0' | head -n 1)
	echo "${limit:-$LIMIT}" >"$work/$slot.limit"
	echo "${EPOCHREALTIME/[.,]/}" >"$work/$slot.start"
	RAST_TEST_MARK=$work/$slot setsid "$@" </dev/null >"$work/$slot.log" 2>&1 &
	pid=$!
	running[$pid]=$work/$slot
}

# The watchdog ends the whole process group, politely first: cleanup traps then still run.
finish() {
	local slot=$1 name=$2 pid=$3 limit rc trouble='' dog us p f s
	limit=$(<"$work/$slot.limit")
	(
		trap 'kill "$!" 2>/dev/null; exit 0' TERM
		sleep "$limit" & wait $!
		echo >"$work/$slot.late"
		kill -TERM -- "-$pid"
		for _ in {1..100}; do
			kill -0 "$pid" 2>/dev/null || exit 0
			sleep 0.1
		done
		kill -KILL -- "-$pid"
	) 2>/dev/null &
	dog=$!
	wait "$pid" 2>/dev/null
	rc=$?
	kill -TERM "$dog" 2>/dev/null
	wait "$dog" 2>/dev/null
	unset "running[$pid]"
	[ -e "$work/$slot.late" ] && trouble=time-out
	us=$((${EPOCHREALTIME/[.,]/} - $(<"$work/$slot.start")))
	printf '%d.%03d %s\n' $((us / 1000000)) $((us / 1000 % 1000)) "$name" >>"$work/times"
	files=$((files + 1))

	awk -v name="$name" -v first=$((passed + failed + skipped + 1)) -v rc=$rc -v trouble="$trouble" \
		-v limit="$limit" -f "$TOP/selftests/lib/tap.awk" "$work/$slot.log" >"$work/results"
	sed '$d' "$work/results"
	read -r _ p f s <<<"$(tail -n 1 "$work/results")"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	if [ "$f" != 0 ]; then
		echo "# output of $name:"
		sed 's/^/    | /' "$work/$slot.log"
	fi
	printf '# %s: %d passed, %d failed, %d skipped, %d.%03d s\n' "$name" "$p" "$f" "$s" \
		$((us / 1000000)) $((us / 1000 % 1000))
}

# Links and namespaces go asynchronously: what is still there after three seconds is left behind.
check_traces() {
	local slot=$1 name=$2 marked new=
	marked=$(end_marked "$work/$slot")
	if [ "${RAST_LEAK_CHECK:-1}" != 0 ]; then
		for _ in {1..30}; do
			selftests/lib/traces.sh >"$work/after"
			# Cgroups of the rest of the machine come and go; that one is gone says nothing.
			new=$(comm -3 "$work/before" "$work/after" | grep -v '^cgroup ')
			[ -z "$new" ] && break
			sleep 0.1
		done
	fi
	[ -z "$marked$new" ] && return
	failed=$((failed + 1))
	echo "not ok $((passed + failed + skipped)) - $name: leaves nothing behind"
	[ -n "$marked" ] && sed "s/^/    | still running: /" <<<"$marked"
	[ -n "$new" ] && echo "$new" | sed 's/^\t/    | new: /; t; s/^/    | gone: /'
}

# one TIER NAME COMMAND...
one() {
	local tier=$1 name=$1/$2 pid
	shift 2
	[[ -z $only || $name == *"$only"* ]] || return
	case $tier in
	bpf | cli | conformance) [ "${RAST_LEAK_CHECK:-1}" != 0 ] && selftests/lib/traces.sh >"$work/before" ;;
	*) : ;;
	esac
	start t "$name" "$@"
	finish t "$name" "$pid"
	case $tier in
	bpf | cli | conformance) check_traces t "$name" ;;
	*) end_marked "$work/t" >/dev/null ;;
	esac
	rm -f "$work"/t.*
}

each() {
	local tier=$1 f name
	shift
	for f in "$@"; do
		[ -f "$f" ] && [ -x "$f" ] || continue
		name=${f##*/}
		one "$tier" "${name%.sh}" "$f"
	done
}

tier_lint() {
	[ -n "${RAST_SELFTESTS:-}" ] && return
	one lint sources "$TOP/selftests/lib/as_test.sh" "the sources pass make lint" make -s lint "O=$O"
}

tier_unit() {
	each unit "$O"/tests/test_* "$TESTS"/unit/*.sh
}

tier_bpf() {
	each bpf "$O"/tests/bpf_* "$TESTS"/bpf/*.sh
}

tier_cli() {
	each cli "$TESTS"/cli/*.sh
}

tier_conformance() {
	each conformance "$TESTS"/conformance/*.sh
}

tier_fuzz() {
	local f
	for f in "$O"/fuzz/fuzz_*; do
		[ -f "$f" ] && [ -x "$f" ] || continue
		one fuzz "${f##*/}" "$TOP/selftests/lib/as_test.sh" "its corpus and five seconds more find nothing" \
			selftests/fuzz/run.sh "$f" 5
	done
}

# At a time, each guest has one CPU: the two kernels, then the two clients.
tier_vm() {
	local v pids=() names=()
	[ -n "${RAST_SELFTESTS:-}" ] && return
	for v in 6.1 6.12; do
		[ -z "$only" ] || selftests/vm/check.sh --list "$v" | grep -Fq -- "$only" || continue
		start "vm-$v" "vm-$v" selftests/vm/check.sh "$v"
		pids+=("$pid") names+=("vm-$v")
	done
	finish_guests
	for v in podman containerd; do
		[[ -z $only || vm-6.12-$v == *"$only"* ]] || continue
		start "vm-6.12-$v" "vm-6.12-$v" selftests/vm/clients.sh 6.12 "$v"
		pids+=("$pid") names+=("vm-6.12-$v")
	done
	finish_guests
	one vm harness selftests/vm/harness.sh
}

# The guests in tier_vm's pids and names.
finish_guests() {
	local v
	for v in "${!pids[@]}"; do
		finish "${names[v]}" "${names[v]}" "${pids[v]}"
		end_marked "$work/${names[v]}" >/dev/null
	done
	pids=() names=()
}

[ "${RAST_LEAK_CHECK:-1}" = 0 ] && echo "# leak check is off (RAST_LEAK_CHECK=0)"
for t in $tiers; do
	"tier_$t"
done

if [ "$files" -gt 0 ]; then
	echo "# slowest:"
	sort -rn "$work/times" | head -n 5 | sed 's/^/#   /'
else
	echo "# no test ran"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ $((passed + failed)) -gt 0 ]
