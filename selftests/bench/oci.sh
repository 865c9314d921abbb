#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# rast-oci against Debian's crun and runc: run, exec, create+start+delete of one bundle, with podman's
# default seccomp profile; and ours alone: the smallest memory limit, a start beside a thousand others.
# crun works without cgroups here (peer_runtimes.sh), so the comparison favours it.
# Targets are ratios of what was promised to what crun 1.28 and runc 1.5 took where it was promised.
set -u
: "${O:?}"
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/peer_runtimes.sh
reps=${RAST_BENCH_REPS:-40}
many=${RAST_BENCH_CONTAINERS:-1000}
[ "$(id -u)" = 0 ] || { echo "oci: needs root" >&2 && exit 1; }
work=$(mktemp -d)
holder=
ours=("$O/bin/rast-oci" --root "$work/ours")
crun=() runc=() no_crun="" no_runc="" crun_name=crun runc_name=runc
finish() {
	local id

	for id in "$work"/ours/*; do
		[ -d "$id" ] && "${ours[@]}" delete -f "${id##*/}"
	done
	for id in "$work"/crun/*; do
		[ -d "$id" ] && in_peer "${crun[@]}" delete -f "${id##*/}"
	done
	[ -n "$holder" ] && { kill -KILL "$holder" && wait "$holder"; } 2>/dev/null
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
in_peer() { nsenter --mount="/proc/$holder/ns/mnt" "$@"; }

# bundle NAME JQ-FILTER: the full default, as `crun spec` has it too, without rlimits that cannot be raised.
bundle() {
	mkdir -p "$work/$1/rootfs"
	cp "$O/bench/true" "$O/bench/pause" "$work/$1/rootfs/"
	"${ours[@]}" spec -b "$work/$1" &&
		jq --slurpfile s selftests/data/seccomp/podman.json '.ociVersion = "1.0.2" | .process.args = ["/true"] | .process.terminal = false |
			del(.process.rlimits) | .linux.seccomp = $s[0] | '"$2" "$work/$1/config.json" >"$work/config" &&
		mv "$work/config" "$work/$1/config.json"
}

get_peers() {
	local lib dir=$O/bench/peers

	hold_mntns "$work" || { no_crun="no mount namespace with cgroup2" && no_runc=$no_crun && return; }
	no_crun=$(fetch_package "$dir/crun" crun libyajl2)
	no_runc=$(fetch_package "$dir/runc" runc libseccomp2)
	lib=$dir/crun/root/usr/lib/x86_64-linux-gnu
	crun=(env "LD_LIBRARY_PATH=$lib" "$dir/crun/root/usr/bin/crun" --root "$work/crun" --cgroup-manager=disabled)
	lib=$dir/runc/root/usr/lib/x86_64-linux-gnu
	runc=(env "LD_LIBRARY_PATH=$lib" "$dir/runc/root/usr/sbin/runc" --root "$work/runc")
	[ -n "$no_crun" ] || { crun_name="crun $("${crun[@]}" --version | sed -n 's/^crun version //p')" &&
		no_crun=$(in_peer "${crun[@]}" run -b "$work/full" x 2>&1); }
	[ -n "$no_runc" ] || { runc_name="runc $("${runc[@]}" --version | sed -n 's/^runc version //p')" &&
		no_runc=$(in_peer "${runc[@]}" run -b "$work/full" x 2>&1); }
}

# times NAME TARGET PEER WHY-NOT ARG... --- ARG...: of both
times() {
	local name=$1 target=$2 peer=$3 absent=$4

	shift 4
	if [ -n "$absent" ]; then
		while [ "${*: -1}" != --- ]; do set -- "${@:1:$#-1}"; done
		"$O/bench/compare" "$name" "$target" "$reps" "$peer" --absent "${absent//$'\n'/ }" -- "${@:1:$#-1}"
	else
		"$O/bench/compare" "$name" "$target" "$reps" "$peer" --peer-mntns "/proc/$holder/ns/mnt" -- "$@"
	fi
}

bundle full . && bundle idle '.process.args = ["/pause"]' || exit 1
get_peers
run=("${ours[@]}" run -b "$work/full" b)
"${run[@]}" || exit 1
times oci_run 0.254 "$crun_name" "$no_crun" "${run[@]}" --- "${crun[@]}" run -b "$work/full" b
times oci_run_runc 0.042 "$runc_name" "$no_runc" "${run[@]}" --- "${runc[@]}" run -b "$work/full" b
cycle='"$@" create -b "$0" c && "$@" start c && "$@" delete -f c'
times oci_cycle 0.4 "$crun_name" "$no_crun" sh -c "$cycle" "$work/full" "${ours[@]}" --- \
	sh -c "$cycle" "$work/full" "${crun[@]}"

count() {
	strace -f -c -U calls,name -o "$work/calls" "$@" >/dev/null 2>&1 && awk '$NF == "total" { print $1 }' "$work/calls"
}
peer() { [ -n "$no_crun" ] || in_peer "$@"; }
export work
export -f count
n=$(count "${run[@]}")
m=$(peer bash -c 'count "$@"' x "${crun[@]}" run -b "$work/full" b)
row oci_run_calls syscalls 0.156 "$n" "$crun_name" "$m" "$no_crun"
# The kernel counts in steps of some 100 KiB: median of fifteen.
rss() { for _ in $(seq 15); do "$@"; done | sort -n | sed -n 8p; }
n=$(rss "$O/bench/maxrss" "${run[@]}")
m=$(peer "${crun[@]:0:2}" bash -c "$(declare -f rss); rss \"\$@\"" x "$O/bench/maxrss" "${crun[@]:2}" run -b "$work/full" b)
row oci_run_rss KiB 0.2 "$n" "$crun_name" "$m" "$no_crun"

"${ours[@]}" run -d -b "$work/idle" e </dev/null >/dev/null 2>&1 || exit 1
[ -n "$no_crun" ] || in_peer "${crun[@]}" run -d -b "$work/idle" e </dev/null >/dev/null 2>&1 || no_crun="crun cannot run -d"
times oci_exec 0.24 "$crun_name" "$no_crun" "${ours[@]}" exec e /true --- "${crun[@]}" exec e /true

# The smallest limit with which it starts, in steps of 64 KiB.
smallest=
for kib in $(seq 256 64 2048); do
	jq --argjson b $((kib * 1024)) '.linux.resources.memory.limit = $b' "$work/full/config.json" >"$work/full/limited.json"
	timeout 10 "${ours[@]}" run -b "$work/full" -f limited.json m >/dev/null 2>&1 && smallest=$kib && break
done
limit_row oci_smallest_limit KiB 512 "$smallest"

# CPU milliseconds of one start, mean of twenty: the first, and beside all the others.
batch() {
	local i TIMEFORMAT='%U %S'

	{ time for ((i = 0; i < 20; i++)); do "${ours[@]}" run -d -b "$work/idle" "$1$i" </dev/null >/dev/null 2>&1 || return 1; done; } 2>&1 |
		awk 'NF == 2 { printf "%.3f", ($1 + $2) * 50 }'
}
drop() { for ((i = 0; i < 20; i++)); do "${ours[@]}" delete -f "$1$i"; done; }
jq 'del(.linux.namespaces[] | select(.type == "network"))' "$work/idle/config.json" >"$work/config" &&
	mv "$work/config" "$work/idle/config.json"
batch warm >/dev/null && drop warm
first=$(batch first) && drop first
for ((i = 0; i < many; i++)); do "${ours[@]}" run -d -b "$work/idle" "idle$i" </dev/null >/dev/null 2>&1 || exit 1; done
last=$(batch last)
row "oci_start_beside_$many" ms 1.1 "$last" "the first" "$first" ""
# Those of others have another root.
limit_row oci_processes_of_ours processes 0 "$(pgrep -fc "rast-oci --root $work/ours")"
