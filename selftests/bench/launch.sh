#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Launching a container whose program exits at once: `rastbpf container run` against Debian's crun
# (peer_runtimes.sh), which makes no cgroup: it does less than we do, the comparison favours it.
# Targets are ratios of what was promised to what crun 1.28 took on the machine where it was promised.
set -u
: "${O:?}"
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/lib/peer_runtimes.sh"
reps=${RAST_BENCH_REPS:-40}
[ "$(id -u)" = 0 ] || { echo "launch: needs root" >&2 && exit 1; }
export RAST_INSTANCE=benchlaunch
dir=$O/bench/launch
mkdir -p "$dir/bundle/rootfs"
cp "$O/bench/true" "$dir/bundle/rootfs/true"
work=$(mktemp -d)
holder=
finish() {
	[ -n "$holder" ] && { kill -KILL "$holder" && wait "$holder"; } 2>/dev/null
	rm -rf "$work"
	"$O/bin/rastbpf" gc --all >/dev/null 2>&1
	rm -rf "/var/lib/$RAST_INSTANCE"
}
trap finish EXIT
trap 'exit 130' INT TERM

ours=("$O/bin/rastbpf" container run --network none --rootfs "$dir/bundle/rootfs" -- /true)
run=()
peer=crun
absent=

# As ours has it: no terminal, nothing to limit, namespaces for all but users, the calls our profile
# allows without a condition.
make_bundle() {
	(cd "$dir/bundle" && rm -f config.json && "$crun" spec) || return 1
	sed -n 's/^[[:space:]]*ALLOW(\([a-z0-9_]*\)).*/\1/p' "$top/user/container/seccomp_table.c" | jq -R . |
		jq -s '{defaultAction: "SCMP_ACT_ERRNO", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
			syscalls: [{names: ., action: "SCMP_ACT_ALLOW"}]}' >"$work/seccomp.json"
	jq --slurpfile s "$work/seccomp.json" '.process.args = ["/true"] | .process.terminal = false |
		del(.process.rlimits) | .linux.seccomp = $s[0]' "$dir/bundle/config.json" >"$work/config.json" &&
		mv "$work/config.json" "$dir/bundle/config.json"
}

get_peer() {
	local got=$O/bench/peers/crun/root lib why

	absent=$(fetch_package "${got%/root}" crun libyajl2) || return
	crun=$got/usr/bin/crun
	lib=$got/usr/lib/x86_64-linux-gnu
	export LD_LIBRARY_PATH=$lib
	peer="crun $("$crun" --version | sed -n 's/^crun version //p')"
	make_bundle || absent="no bundle for crun"
	unset LD_LIBRARY_PATH
	[ -z "$absent" ] || return
	hold_mntns "$work" || { absent="no mount namespace with cgroup2 for crun" && return; }
	run=(env "LD_LIBRARY_PATH=$lib" "$crun" --root "$work/state" --cgroup-manager=disabled run
		-b "$dir/bundle" rastbench)
	why=$(nsenter --mount="/proc/$holder/ns/mnt" "${run[@]}" 2>&1) || absent=${why:-crun fails without a word}
}

# times NAME TARGET [OPTION VALUE]...
times() {
	local name=$1 target=$2

	shift 2
	if [ -n "$absent" ]; then
		"$O/bench/compare" "$name" "$target" "$reps" "$peer" "$@" --absent "$absent" -- "${ours[@]}"
	else
		"$O/bench/compare" "$name" "$target" "$reps" "$peer" "$@" --peer-mntns "/proc/$holder/ns/mnt" -- \
			"${ours[@]}" --- "${run[@]}"
	fi
}

in_peer() {
	nsenter --mount="/proc/$holder/ns/mnt" "$@"
}

get_peer
"${ours[@]}" || exit 1
times container_launch 0.25
times container_launch_cold 0.25 --before "rm -rf /var/lib/$RAST_INSTANCE/cache $work/state/.cache"
trace=(strace -f -c -U calls,name -o "$work/calls")
count() {
	"$@" >/dev/null 2>&1 && awk '$NF == "total" { print $1 }' "$work/calls"
}
n=$(count "${trace[@]}" "${ours[@]}")
m=$([ -n "$absent" ] || count in_peer "${run[@]:0:2}" "${trace[@]}" "${run[@]:2}")
row container_launch_calls syscalls 0.156 "$n" "$peer" "$m" "$absent"
n=$("$O/bench/maxrss" "${ours[@]}")
m=$([ -n "$absent" ] || in_peer "${run[@]:0:2}" "$O/bench/maxrss" "${run[@]:2}")
row container_launch_rss KiB 0.2 "$n" "$peer" "$m" "$absent"
