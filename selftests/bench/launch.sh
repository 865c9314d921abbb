#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Launching a container whose program exits at once: `rastbpf container run` against Debian's crun,
# which is downloaded and unpacked, never installed. Where cgroup v1 holds the controllers crun
# refuses to work, so it gets a mount namespace in which cgroup2 is at /sys/fs/cgroup, and no cgroup
# manager: it does less than we do, the comparison favours it.
set -u
: "${O:?}"
reps=${RAST_BENCH_REPS:-40} target=0.5
name=container_launch
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
	"$O/bin/rastbpf" gc >/dev/null 2>&1
}
trap finish EXIT
trap 'exit 130' INT TERM

ours=("$O/bin/rastbpf" container run --network none --rm --rootfs "$dir/bundle/rootfs" -- /true)

# Prints why the peer cannot be had.
get_crun() {
	[ -x "$dir/root/usr/bin/crun" ] && return
	rm -rf "$dir/debs" "$dir/root"
	mkdir -p "$dir/debs"
	(cd "$dir/debs" && apt-get -qq -o APT::Sandbox::User=root download crun libyajl2 >apt.log 2>&1) || {
		echo "apt-get cannot download crun"
		return 1
	}
	for deb in "$dir"/debs/*.deb; do
		dpkg-deb -x "$deb" "$dir/root.new" || return 1
	done
	mv "$dir/root.new" "$dir/root"
}
absent=$(get_crun) || { exec "$O/bench/compare" $name $target "$reps" crun --absent "$absent" -- "${ours[@]}"; }
crun=$dir/root/usr/bin/crun
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
version=$("$crun" --version | sed -n 's/^crun version //p')
(cd "$dir/bundle" && rm -f config.json && "$crun" spec) || exit 1
# As ours has it: no terminal, nothing to limit, namespaces for all but users.
jq '.process.args = ["/true"] | .process.terminal = false | del(.process.rlimits)' "$dir/bundle/config.json" \
	>"$work/config.json" && mv "$work/config.json" "$dir/bundle/config.json"

# A process holds the other mount namespace open; it says so when it is ready.
mkfifo "$work/ready"
unshare -m sh -c 'mount --make-rprivate / && umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup &&
	echo ready >"$1/ready" && exec sleep 600' sh "$work" >/dev/null 2>&1 &
holder=$!
peer="crun $version"
if ! read -r -t 10 _ <>"$work/ready"; then
	LD_LIBRARY_PATH='' exec "$O/bench/compare" $name $target "$reps" "$peer" --absent "no mount namespace with cgroup2 for crun" -- "${ours[@]}"
fi
run=(env "LD_LIBRARY_PATH=$LD_LIBRARY_PATH" "$crun" --root "$work/state" --cgroup-manager=disabled run -b "$dir/bundle" rastbench)
unset LD_LIBRARY_PATH
why=$(nsenter --mount="/proc/$holder/ns/mnt" "${run[@]}" 2>&1) || why=${why:-crun fails without a word}
if [ -n "$why" ]; then
	"$O/bench/compare" $name $target "$reps" "$peer" --absent "$why" -- "${ours[@]}"
else
	"$O/bench/compare" $name $target "$reps" "$peer" --peer-mntns "/proc/$holder/ns/mnt" -- "${ours[@]}" --- "${run[@]}"
fi
