#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# linux.seccomp of config.json, felt from inside: by what `run` starts and by what `exec` adds.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
box=$(command -v busybox) || skip_all "busybox"
command -v jq >/dev/null || skip_all "jq"
R=$O/bin/rast-oci
profile=$PWD/selftests/data/seccomp/podman.json
tmp=$(mktemp -d)
id=toci-seccomp-$$
tap_cleanup 'rm -rf "$tmp"'
tap_cleanup '"$R" --root "$tmp/state" delete -f "$id" >/dev/null 2>&1'

mkdir -p "$tmp/rootfs/bin" "$tmp/rootfs/tmp" "$tmp/rootfs/proc" "$tmp/rootfs/dev" "$tmp/rootfs/sys"
cp "$box" "$tmp/rootfs/bin/busybox"
(cd "$tmp" && "$R" spec && mv config.json plain.json)

# config FILTER ARG...: the bundle's config.json, changed by jq
config()
{
	filter=$1
	shift
	jq --slurpfile podman "$profile" "$filter | .process.terminal = false |
		.root.readonly = false | .process.args = \$ARGS.positional" \
		--args -- "$@" <"$tmp/plain.json" >"$tmp/config.json"
}
run() { "$R" --root "$tmp/state" run -b "$tmp" "$@" "$id" </dev/null 2>&1; }

config '.linux.seccomp = $podman[0]' /bin/busybox grep Seccomp: /proc/self/status
like "$(run)" 'Seccomp:.*2' "a container with podman's profile runs under a filter"

deny='.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
	{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}'
config "$deny" /bin/busybox mkdir /tmp/x
like "$(run)" 'No space left' "a denied call fails with the errno of the profile"

config "$deny" /bin/busybox sleep 60
run -d >/dev/null
like "$("$R" --root "$tmp/state" exec "$id" /bin/busybox mkdir /tmp/y 2>&1)" 'No space left' \
	"a process that enters later is under the same filter"
check "and what the profile allows works there" \
	"$R" --root "$tmp/state" exec "$id" /bin/busybox true

"$R" --root "$tmp/state" delete -f "$id"
config '.linux.seccomp = {"defaultAction": "SCMP_ACT_DENY"}' /bin/busybox true
like "$(run)" 'linux.seccomp.defaultAction' "a profile that makes no sense is refused by its field"
tap_done
