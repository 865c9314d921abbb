#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh [--only NAME]: runs $O/bench/bench_* and selftests/bench/*.sh, each of which prints JSON
# rows (bench.h has the fields), collects them in $O/bench.json and prints a table. Exit code 1 when
# a benchmark failed, printed no row or a row that is not one, or ours could not be measured; a
# missed target is a "no" in the table, not a failure.
set -u
cd "$(dirname "$0")/../.." || exit 1
TOP=$PWD
: "${O:=$TOP/build}"
export O TOP PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
only=
[ "${1:-}" = --only ] && only=$2
scripts=${RAST_BENCHES:-selftests/bench}
rows=$(mktemp) out=$(mktemp)
trap 'rm -f "$rows" "$out"' EXIT
trap 'exit 130' INT TERM
bad=0 ran=0

complain() {
	echo "bench: $*" >&2
	bad=1
}
for f in "$O"/bench/bench_* "$scripts"/*.sh; do
	name=${f##*/}
	name=${name#bench_}
	name=${name%.sh}
	[ -f "$f" ] && [ -x "$f" ] && [ "$name" != run ] || continue
	[[ -z $only || $name == *"$only"* ]] || continue
	echo "bench: $name" >&2
	ran=1
	"$f" </dev/null >"$out"
	rc=$?
	[ $rc = 0 ] || complain "$name: exit code $rc"
	grep -v '^{' "$out" >&2
	grep '^{' "$out" >"$out.rows"
	[ -s "$out.rows" ] || complain "$name: printed no row"
	while IFS= read -r line; do
		if jq -e '(keys - ["better", "note"]) ==
			["met", "name", "ours", "peer", "peer_figure", "ratio", "target", "unit"]' <<<"$line" >/dev/null 2>&1; then
			echo "$line" >>"$rows"
			jq -e '.ours == null' <<<"$line" >/dev/null &&
				complain "$name: $(jq -r '"\(.name): no figure of ours: \(.note // "no reason given")"' <<<"$line")"
		else
			complain "$name: not a row: $line"
		fi
	done <"$out.rows"
	rm -f "$out.rows"
done
[ $ran = 1 ] || complain "no benchmark${only:+ with \"$only\" in its name}"

jq -s . "$rows" >"$O/bench.json.tmp" && mv "$O/bench.json.tmp" "$O/bench.json"
jq -r '
	def figure: if . == null then "-" elif . >= 100 then (round | tostring)
		else (. * 1000 | round / 1000 | tostring) end;
	def limit: if .target == null then "-" else
		(if .better == "higher" then ">= " else "<= " end) + (.target | figure) end;
	(["NAME", "UNIT", "OURS", "PEER", "PEER FIGURE", "RATIO", "TARGET", "MET", "NOTE"],
	(.[] | [.name, .unit, (.ours | figure), .peer // "-", (.peer_figure | figure), (.ratio | figure), limit,
		(if .met == null then "-" elif .met then "yes" else "no" end), .note // ""])) | @tsv' "$O/bench.json" |
	column -t -s $'\t'
echo "bench: $(jq length "$O/bench.json") rows in $O/bench.json" >&2
exit $bad
