#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# rast-oci by a user who is not root: a user namespace with one id, no cgroup of one's own, state below
# XDG_RUNTIME_DIR.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root, to become somebody else"
box=$(command -v busybox) || skip_all "busybox"
command -v setpriv >/dev/null || skip_all "setpriv"
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp"'
mkdir -p "$tmp/run" "$tmp/b/rootfs/bin"
cp "$box" "$tmp/b/rootfs/bin/busybox"
cp "$O/bin/rast-oci" "$tmp/oci"
for a in sh id cat sleep touch; do ln -sf busybox "$tmp/b/rootfs/bin/$a"; done
chmod 755 "$tmp" "$tmp/oci"
chown -R 65534:65534 "$tmp"
cd "$tmp/b" || exit 1
oci() { setpriv --reuid 65534 --regid 65534 --clear-groups env XDG_RUNTIME_DIR="$tmp/run" "$tmp/oci" "$@"; }
command_is() { # SHELL TEXT
	jq --arg t "$1" '.process.terminal = false | .root.readonly = false | .process.args = ["sh", "-c", $t]' config.json >c && mv c config.json
}
setpriv --reuid 65534 --regid 65534 --clear-groups unshare -U true 2>/dev/null || skip_all "user namespaces for ordinary users"

check "spec --rootless writes a config" oci spec --rootless
command_is 'id -u; cat /proc/self/uid_map'
is "$(oci run r1 2>&1 | tr -s ' \n' ' ')" "0 0 65534 1 " "inside it is root, outside the caller"
command_is 'touch /made && echo made'
is "$(oci run r1 2>&1)" made "its files are the caller's"
is "$(stat -c %u rootfs/made)" 65534 "with the caller's id on the node"
command_is 'sleep 1000'
# What it was started with is the container's: no pipe of ours may be among it.
detached() { oci create r2 </dev/null >/dev/null 2>&1; }
check "create" detached
is "$(oci state r2 | jq -r .status)" created "it waits"
check "start" oci start r2
is "$(oci exec r2 id -u)" 0 "exec enters it"
check "kill" oci kill r2 KILL
stopped() { [ "$(oci state r2 | jq -r .status)" = stopped ]; }
check "it has stopped" wait_for 10 stopped
check "delete" oci delete r2
is "$(ls -A "$tmp/run/rast-oci")" "" "no state is left"
jq '.linux.resources = {pids: {limit: 10}}' config.json >c && mv c config.json
out=$(oci run r3 2>&1)
like "$? $out" '^1 rast-oci: .*cgroup' "a limit that cannot be had is an error"
is "$(ls -A "$tmp/run/rast-oci")" "" "which leaves nothing"
tap_done
