#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# rast-oci against the crun and runc that are installed, in a guest with pure cgroup v2 in which one
# instruction is one nanosecond: figures are millions of instructions, user space and kernel together, and do
# not depend on what else the machine does. Targets are those of oci.sh.
set -u
: "${O:?}"
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
ours="build/bin/rast-oci --root /tmp/ours" adds=()

mkdir -p "$work/bundle/rootfs"
cp "$O/bench/true" "$O/bench/pause" "$work/bundle/rootfs/"
"$O/bin/rast-oci" spec -b "$work/bundle" &&
	jq --slurpfile s selftests/data/seccomp/podman.json '.ociVersion = "1.0.2" | .process.args = ["/pause"] | .process.terminal = false |
		del(.process.rlimits) | .linux.seccomp = $s[0]' "$work/bundle/config.json" >"$work/idle.json" &&
	jq '.process.args = ["/true"]' "$work/idle.json" >"$work/bundle/config.json" || exit 1
mkdir -p "$work/idle/rootfs" && cp "$work/bundle/rootfs/"* "$work/idle/rootfs/" && mv "$work/idle.json" "$work/idle/config.json"
for p in crun runc; do
	path=$(type -P $p) && adds+=(--add "$path:/usr/bin/$p")
done

# times NAME TARGET REPS PEER OURS… --- PEER'S…, in the guest; without the peer a row that says so
cat >"$work/times" <<EOF2
times() {
	local name=\$1 target=\$2 reps=\$3 peer=\$4
	shift 4
	if command -v "\$peer" >/dev/null; then
		compare "\$name" "\$target" "\$reps" "\$peer" -- "\$@"
	else
		while [ "\${*: -1}" != --- ]; do set -- "\${@:1:\$#-1}"; done
		compare "\$name" "\$target" "\$reps" "\$peer" --absent "\$peer is not installed" -- "\${@:1:\$#-1}"
	fi
}
ours="$ours"
times oci_vm_run 0.254 15 crun \$ours run -b /b/bundle b --- crun --root /tmp/crun run -b /b/bundle b
times oci_vm_run_runc 0.042 5 runc \$ours run -b /b/bundle b --- runc --root /tmp/runc run -b /b/bundle b
\$ours run -d -b /b/idle e </dev/null >/dev/null 2>&1
crun --root /tmp/crun run -d -b /b/idle e </dev/null >/dev/null 2>&1
times oci_vm_exec 0.24 10 crun \$ours exec e /true --- crun --root /tmp/crun exec e /true
\$ours delete -f e
crun --root /tmp/crun delete -f e 2>/dev/null
true
EOF2
selftests/vm/run-in-vm.sh 6.12 --icount --timeout 500 --log "$O/vm/icount.log" --add "$work:/b" \
	--add "$O/bench/compare:/usr/bin/compare" "${adds[@]}" -- bash /b/times >"$work/out" || { cat "$work/out" >&2 && exit 1; }
# Wall time is the same count with the idle time in it.
grep '^{' "$work/out" | jq -c 'select(.name | endswith("_cpu")) | .unit = "Minsn" | .name |= sub("_cpu$"; "_insns")'
