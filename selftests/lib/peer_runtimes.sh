# SPDX-License-Identifier: BSD-2-Clause
# Debian's runtimes as peers of benchmarks: downloaded and unpacked, never installed. Where cgroup v1
# holds the controllers they want none of it, so they get a mount namespace in which cgroup2 is at
# /sys/fs/cgroup, and crun no cgroup manager (without CAP_SYS_RESOURCE it fails at its rlimit there).
# shellcheck shell=bash

# fetch_package DIR PACKAGE...: unpacked to DIR/root. Prints why it cannot be had.
fetch_package() {
	local dir=$1 deb

	shift
	[ -d "$dir/root" ] && return
	rm -rf "$dir/debs" "$dir/root.new"
	mkdir -p "$dir/debs"
	(cd "$dir/debs" && apt-get -qq -o APT::Sandbox::User=root download "$@" >apt.log 2>&1) || {
		echo "apt-get cannot download $1"
		return 1
	}
	for deb in "$dir"/debs/*.deb; do
		dpkg-deb -x "$deb" "$dir/root.new" || return 1
	done
	mv "$dir/root.new" "$dir/root"
}

# hold_mntns WORK: `holder` becomes a process in that mount namespace; it says so when it is ready.
hold_mntns() {
	mkfifo "$1/ready"
	unshare -m sh -c 'mount --make-rprivate / && umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup &&
		echo ready >"$1/ready" && exec sleep 600' sh "$1" >/dev/null 2>&1 &
	holder=$!
	read -r -t 10 _ <>"$1/ready"
}

# row NAME UNIT TARGET OURS PEER PEER-FIGURE NOTE, figures "" when there is none; TARGET may be null
row() {
	jq -nc --arg name "$1" --arg unit "$2" --argjson target "$3" --argjson ours "${4:-null}" --arg peer "$5" \
		--argjson theirs "${6:-null}" --arg note "$7" '
		(if $ours and $theirs then $ours / $theirs else null end) as $ratio |
		{name: $name, unit: $unit, ours: $ours, peer: $peer, peer_figure: $theirs, ratio: $ratio, target: $target,
		 met: (if $ours == null then false elif $ratio == null or $target == null then null else $ratio <= $target end),
		 better: "lower"} + (if $note == "" then {} else {note: $note} end)'
}

# limit_row NAME UNIT LIMIT OURS: what has no peer but a limit.
limit_row() {
	jq -nc --arg name "$1" --arg unit "$2" --argjson target "$3" --argjson ours "${4:-null}" '
		{name: $name, unit: $unit, ours: $ours, peer: null, peer_figure: null, ratio: null, target: $target,
		 met: ($ours != null and $ours <= $target), better: "lower"}'
}
