#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 3600
# check.sh [--list] 6.1|6.12: one boot, every guest test in it, TAP out. The tests: all of
# selftests/vm/tests, all of $O/tests/bpf_*, and what also.txt names. RAST_ONLY filters by name.
# The kernel's log is a test too.
#
#   RAST_SLOW=1           also what also.txt calls slow: half an hour more
#   RAST_VM_TIMEOUT=1500  seconds of the host's clock for the whole boot (3500 with RAST_SLOW)
#   RAST_VM_TESTS=DIR     only these tests, and RAST_VM_LOG=FILE: for the harness's own test
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${O:=$PWD/build}"
export O
if [ -n "${RAST_SLOW:-}" ]; then
	limit=${RAST_TIME_LIMIT:-900} boot_limit=${RAST_VM_TIMEOUT:-3500}
else
	limit=${RAST_TIME_LIMIT:-240} boot_limit=${RAST_VM_TIMEOUT:-1500}
fi
list=
[ "${1:-}" = --list ] && list=1 && shift
series=$1

names=() files=() missing=()
add() {
	local name=$1
	[[ -z ${RAST_ONLY:-} || "vm-$series: $name" == *"$RAST_ONLY"* ]] || return
	names+=("$name") files+=("$2")
}
for f in "${RAST_VM_TESTS:-selftests/vm/tests}"/*.sh; do
	n=${f##*/}
	[ -x "$f" ] && add "vm/${n%.sh}" "/rast/selftests/vm/tests/$n"
done
for f in "$O"/tests/bpf_*; do
	[ -z "${RAST_VM_TESTS:-}" ] && [ -f "$f" ] && [ -x "$f" ] && add "bpf/${f##*/}" "/rast/build/tests/${f##*/}"
done
while read -r pattern more; do
	if [ "$pattern" = slow ]; then
		[ -n "${RAST_SLOW:-}" ] || continue
		pattern=$more
	fi
	for f in $pattern; do
		n=${f#selftests/}
		if [ -x "$f" ]; then
			add "${n%.sh}" "/rast/$f"
		elif [[ $pattern != *[*?]* ]]; then
			missing+=("$f")
		fi
	done
done < <([ -z "${RAST_VM_TESTS:-}" ] && sed 's/#.*//; /^[[:space:]]*$/d' selftests/vm/also.txt)
if [ -n "$list" ]; then
	printf "vm-$series: %s\n" "${names[@]}"
	exit 0
fi

count=0 failed=0
result() { # VERDICT SENTENCE
	count=$((count + 1))
	[ "$1" = ok ] || failed=$((failed + 1))
	echo "$1 $count - $2"
}
for f in "${missing[@]}"; do
	result "not ok" "selftests/vm/also.txt names $f, which is not an executable file"
done
if [ "${#names[@]}" = 0 ]; then
	echo "1..$count"
	exit
fi
if ! command -v qemu-system-x86_64 >/dev/null; then
	echo "1..0 # SKIP qemu-system-x86_64 is not installed"
	exit
fi

work=$(mktemp -d "$O/vm/check.XXXXXX") || exit 1
log=${RAST_VM_LOG:-$O/vm/$series.log}
trap 'rm -rf "$work"' EXIT
trap 'kill -TERM "$boot" 2>/dev/null; wait "$boot"; exit 143' INT TERM HUP

# One finished test file: its own results, then its output when something is wrong.
file_done() { # NAME EXIT_CODE TROUBLE
	local line p f s trouble=$3
	[ "$2" = 124 ] && trouble=time-out
	awk -v name="$1" -v first=1 -v rc="$2" -v trouble="$trouble" -v limit="$limit" \
		-f selftests/lib/tap.awk "$work/out" >"$work/results"
	while read -r line; do
		case $line in
		"= "*) read -r _ p f s <<<"$line" ;;
		"not ok "*) result "not ok" "${line#not ok * - }" ;;
		*) result ok "${line#ok * - }" ;;
		esac
	done <"$work/results"
	if [ "$f" != 0 ]; then
		echo "# output of $1:"
		sed 's/^/    | /' "$work/out"
	fi
	echo "# $1: $p passed, $f failed, $s skipped, $((SECONDS - began)) s"
}

arguments=()
for i in "${!names[@]}"; do
	arguments+=("${names[i]}=${files[i]}")
done
mkfifo "$work/pipe"
extra=()
if [ -n "${RAST_VM_TESTS:-}" ]; then
	for f in "${files[@]}"; do
		extra+=(--add "$RAST_VM_TESTS/${f##*/}:$f")
	done
fi
selftests/vm/run-in-vm.sh "$series" --timeout "$boot_limit" --log "$log" "${extra[@]}" -- \
	env RAST_TEST_NAME=guest RAST_TIME_LIMIT="$limit" RAST_SLOW="${RAST_SLOW:-}" /rast/selftests/vm/guest.sh "${arguments[@]}" \
	>"$work/pipe" 2>"$work/err" &
boot=$!
running='' began=0 left='' last=''
leak() {
	[ -z "$left" ] && return
	result "not ok" "$last: leaves nothing behind"
	printf '%s' "$left" | sed 's/^/    | /'
	left=
}
while IFS= read -r line; do
	line=${line%$'\r'}
	case $line in
	"@begin "*)
		leak
		running=${line#@begin } began=$SECONDS
		: >"$work/out"
		;;
	"@end $running "*)
		file_done "$running" "${line##* }" ""
		last=$running running=
		;;
	"@left "*) left+=${line#@left }$'\n' ;;
	*) [ -n "$running" ] && printf '%s\n' "$line" >>"$work/out" ;;
	esac
done <"$work/pipe"
leak
wait "$boot"
rc=$?
sed 's/^/# /' "$work/err"
if [ -n "$running" ]; then
	sed 's/^/    | /' "$work/out"
	case $rc in
	124) result "not ok" "$running: the guest was ended, out of time, while this test ran" ;;
	*) result "not ok" "$running: the guest ended while this test ran" ;;
	esac
elif [ $rc != 0 ]; then
	result "not ok" "the guest runs its tests (run-in-vm.sh: exit code $rc)"
fi

bad=$(grep -anE 'WARNING: |BUG: |BUG at|Oops|KASAN|UBSAN|unregister_netdevice|blocked for more than|general protection|Kernel panic|refcount_t' "$log")
if [ -z "$bad" ]; then
	result ok "the kernel's log holds no warning, BUG or Oops"
else
	result "not ok" "the kernel's log holds no warning, BUG or Oops"
	sed 's/^/    | /' "$log"
fi
echo "1..$count"
[ $failed = 0 ]
