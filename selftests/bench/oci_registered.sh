#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What it costs rast-oci to put a container under policy, accounting and audit: `run` of a true with an
# instance's programs loaded, against the same with none. First without a network to police, then in a
# namespace whose link gets programs and an endpoint, for which policy is compiled at both ends of its life.
# Targets are what was measured first, with room: registering is two short runs of rastbpf.
set -u
: "${O:?}"
cd "$(dirname "$0")/../.." || exit 1
reps=${RAST_BENCH_REPS:-40}
[ "$(id -u)" = 0 ] || { echo "oci_registered: needs root" >&2 && exit 1; }
work=$(mktemp -d)
export RAST_INSTANCE=benchreg
B=$O/bin/rastbpf
oci=("$O/bin/rast-oci" --root "$work/state" run -b)
none=(env RAST_INSTANCE=benchnone)
finish() {
	ip netns del benchreg 2>/dev/null
	ip link del benchreg0 2>/dev/null
	"$B" gc --all >/dev/null 2>&1
	rm -rf "$work" /var/lib/$RAST_INSTANCE
}
trap finish EXIT
trap 'exit 130' INT TERM

# bundle NAME JQ-FILTER
bundle() {
	mkdir -p "$work/$1/rootfs"
	cp "$O/bench/true" "$work/$1/rootfs/"
	"$O/bin/rast-oci" spec -b "$work/$1" &&
		jq ".process.args = [\"/true\"] | .process.terminal = false | del(.process.rlimits) | $2" \
			"$work/$1/config.json" >"$work/config" && mv "$work/config" "$work/$1/config.json"
}
ip netns add benchreg && ip link add benchreg0 type veth peer name eth0 netns benchreg &&
	ip -n benchreg addr add 10.203.9.2/24 dev eth0 && ip -n benchreg link set eth0 up && ip link set benchreg0 up || exit 1
bundle none . && bundle link '.linux.namespaces |= map(if .type == "network" then .path = "/run/netns/benchreg" else . end)' || exit 1

why=
"$B" daemon start >/dev/null 2>&1 || why="programs that load here"
for kind in none:3 link:6; do
	name=oci_registered_${kind%:*}
	cmd=("${oci[@]}" "$work/${kind%:*}" b)
	if [ -n "$why" ]; then
		"$O/bench/compare" "$name" "${kind#*:}" "$reps" "nothing loaded" --absent "$why" -- "${cmd[@]}"
	else
		"${cmd[@]}" </dev/null || exit 1
		"$O/bench/compare" "$name" "${kind#*:}" "$reps" "nothing loaded" -- "${cmd[@]}" --- "${none[@]}" "${cmd[@]}"
	fi
done
