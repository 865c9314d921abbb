#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh FUZZER SECONDS: runs $O/fuzz/fuzz_NAME over selftests/fuzz/corpus/fuzz_NAME and then that
# many seconds on new inputs. What it learns stays in $O/fuzz/corpus, what breaks it in
# $O/fuzz/crashes; the source tree is only read. Exit code 0: nothing found.
set -u
fuzzer=${1:?FUZZER} seconds=${2:?SECONDS}
here=$(cd "$(dirname "$0")" && pwd)
: "${O:=$(cd "$(dirname "$fuzzer")/.." && pwd)}"
name=${fuzzer##*/}
[ -x "$fuzzer" ] || { echo "run.sh: $fuzzer is not built (make fuzzers)" >&2 && exit 2; }
crashes=$O/fuzz/crashes/$name
mkdir -p "$O/fuzz/corpus/$name" "$crashes"
options=()
[ -e "$here/$name.dict" ] && options+=("-dict=$here/$name.dict")
seeds=()
[ -d "$here/corpus/$name" ] && seeds+=("$here/corpus/$name")
before=$(find "$crashes" -type f | wc -l)
export ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99}
log=$O/fuzz/$name.log

run() {
	# One input may take no longer than ten seconds and no more than 1 GiB.
	"$fuzzer" "-artifact_prefix=$crashes/" -timeout=10 -rss_limit_mb=1024 -max_len=16384 \
		"${options[@]}" "$@" >"$log" 2>&1 </dev/null
}
# The seeds alone first: with -runs=0 libFuzzer executes each of them once.
rc=0
run -runs=0 "${seeds[@]}" || rc=$?
if [ $rc = 0 ] && [ "$seconds" -gt 0 ]; then
	run "-max_total_time=$seconds" -print_final_stats=1 "$O/fuzz/corpus/$name" "${seeds[@]}" || rc=$?
fi
after=$(find "$crashes" -type f | wc -l)
if [ $rc != 0 ] || [ "$after" -gt "$before" ]; then
	# The finding first, then the input: a report that is cut short still says what is wrong.
	echo "$name: FOUND SOMETHING (exit code $rc):"
	sed -n '/broken: \|ERROR: \|runtime error: \|SUMMARY: /,$p' "$log" | head -n 50
	find "$crashes" -type f -newer "$fuzzer" -size -64k | while read -r f; do
		echo "  $f:"
		base64 "$f"
	done
	[ $rc != 0 ] || rc=1
	exit $rc
fi
printf '%s: nothing found in %s s, %s inputs, coverage %s\n' "$name" "$seconds" \
	"$(sed -n 's/stat::number_of_executed_units: *//p' "$log" | tail -n 1)" \
	"$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$log" | tail -n 1)"
