#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# rast-oci mounts: mounts that come and go while the container runs, all of a list or none, and containers
# that are hostile meanwhile.
. selftests/lib/tap.sh
. selftests/lib/oci.sh
all_caps='caps(["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_SETUID", "CAP_KILL"]) | .process.noNewPrivileges = false'
root=$tmp/rootfs
mkdir -p "$tmp/src/sub" "$tmp/node"
echo one >"$tmp/src/f"

# file JQ: the list for the next command.
file() { jq -n --arg tmp "$tmp" "$1" >"$tmp/mounts.json"; }
# add JQ, rem JQ: of $id; output and errors together.
add() { file "$1" && timeout 30 "$R" --root "$tmp/state" mounts add "$id" "$tmp/mounts.json" 2>&1; }
rem() { file "$1" && timeout 30 "$R" --root "$tmp/state" mounts remove "$id" "$tmp/mounts.json" 2>&1; }
in_it() { oci exec "$id" "$@" </dev/null 2>&1; }
points() { in_it cat /proc/self/mountinfo | wc -l; }
bind() { echo "{destination: \"$1\", type: \"bind\", source: \"\\(\$tmp)/src\", options: [\"bind\"$2]}"; }

# ---- add, list, remove ----
# Only what is ours: others mount, too.
ours() { grep -c "$tmp" /proc/self/mountinfo; }
before=$(ours)
begin "$all_caps" sleep 300
at_first=$(points)
is "$(add "[$(bind /mnt)]")" "" "a bind is added"
is "$(in_it cat /mnt/f)" one "and is there in the container"
is "$(add "[$(bind /new/deep ', "ro"'), {destination: \"/etc/file\", type: \"bind\", source: \"src/f\", options: [\"bind\"]}]")" "" "places are made, and a relative source is of the bundle"
like "$(in_it touch /new/deep/x)" 'ead-only' "options are those of config.json"
is "$(in_it cat /etc/file)" one "a file is bound on a file"
is "$(add '{mounts: [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=64k", "mode=701"]}]}')" "" "an object with a list is taken as well, and a tmpfs"
like "$(in_it stat -f -c %b -t /tmp; in_it stat -c %a /tmp)" 701 "with the file system's own options"
is "$(oci mounts list "$id" -f json | jq -r '.[].destination' | tr '\n' ' ')" "/mnt /new/deep /etc/file /tmp " "list shows what was added, in order"
like "$(oci mounts list "$id")" '/new/deep +bind +.*/src' "as a table too"
is "$(rem '[{destination: "/etc/file"}, {destination: "/tmp"}]')" "" "two of them are removed"
is "$(in_it ls /etc/file; points)" "/etc/file
$((at_first + 2))" "and are gone, but for the places that were made"
is "$(oci mounts list "$id" -f json | jq -r '.[].destination' | tr '\n' ' ')" "/mnt /new/deep " "list has what is left"
like "$(rem '[{destination: "/tmp"}]')" 'mounts\[0\].destination: /tmp was not added' "what was removed cannot be removed again"
like "$(rem '[{destination: "/mnt"}, {destination: "/proc"}]')" '/proc was not added' "nor what came with the container"
is "$(in_it cat /mnt/f)" one "and then nothing is removed"
is "$(rem '[{destination: "/mnt"}, {destination: "/new/deep"}]'; points)" "$at_first" "all is as it was"
is "$(add "[$(bind /mnt), $(bind /mnt/sub)]"; in_it cat /mnt/sub/f; rem "[$(bind /mnt/sub), $(bind /mnt)]")" one "one may lie in another"

# ---- all or nothing ----
like "$(add "[$(bind /mnt), {destination: \"/tmp\", type: \"bind\", source: \"/none/at/all\", options: [\"bind\"]}]")" 'mounts\[1\]: .*/none/at/all' "a source that is not there is an error"
like "$(add "[$(bind /mnt), {destination: \"/tmp\", type: \"tmpfs\", source: \"x\"}, $(bind /proc/self/attr)]")" 'mounts\[2\]: .*/proc' "a place below /proc is refused"
like "$(add "[$(bind /mnt), {destination: \"/tmp\", type: \"tmpfs\", options: [\"size=x\"]}]")" 'mounts\[1\]: .*size' "an option that the file system does not know is named"
is "$(points) $(oci mounts list "$id" -f json | jq length)" "$at_first 0" "and of none of these lists is anything mounted or kept"

# ---- bad input ----
# Each: what is said, and what for.
bad()
{
	like "$(add "$1")" "$2" "$3"
}
bad '[{type: "tmpfs"}]' 'mounts\[0\]: field "destination" is missing' "a mount without a destination is refused"
bad '[{destination: "/mnt", type: "proc"}]' 'mounts\[0\].type: "proc": want a bind or tmpfs' "so is a kind of file system that would show more"
bad '[{destination: "/mnt", options: ["remount", "ro"]}]' 'options: remount' "so is a remount"
bad '[{destination: "/", type: "tmpfs"}]' 'destination: is the root' "so is the root"
bad '{mount: []}' 'field "mounts" is missing' "so is an object without a list"
bad '7' 'mounts.json' "so is a number"
bad '[range(200) | {destination: "/m/\(.)", type: "tmpfs"}]' '200 mounts; at most' "so are too many"
bad '[{destination: "/mnt", type: "bind", source: "\($tmp)/src", options: ["bind", "idmap"]}]' 'needs a namespace of type user' "so is idmap without maps and user namespace"
like "$(oci mounts add "$id" /none/file 2>&1)" '/none/file' "a list that is not there is named"
like "$(oci mounts move "$id" x 2>&1)" 'want add, remove or list' "an unknown verb is refused"
like "$(oci mounts add "$id" 2>&1)" 'usage' "a verb without its file is"
like "$(oci mounts list none 2>&1)" 'container none does not exist' "and so is an unknown container"
is "$(add '[]'; points)" "$at_first" "an empty list is nothing to do"

# ---- the container's doings ----
ln -sfn ../../../../../../../.. "$root/mnt/up"
is "$(add "[$(bind "/mnt/up$tmp/node")]"; ls -A "$tmp/node"; in_it cat "$tmp/node/f")" one "a link in the container leads nowhere but into it"
rem "[$(bind "/mnt/up$tmp/node")]" >/dev/null
add "[$(bind /mnt)]" >/dev/null
in_it umount /mnt >/dev/null
is "$(rem '[{destination: "/mnt"}]'; points)" "$at_first" "what the container has taken away itself is removed without an error"
add "[$(bind /mnt)]" >/dev/null
in_it mount -t tmpfs over /mnt >/dev/null
like "$(rem '[{destination: "/mnt"}]')" '/mnt: .*busy' "what it has mounted over is not"
in_it umount /mnt >/dev/null
is "$(rem '[{destination: "/mnt"}]'; points)" "$at_first" "until it is free again"
oci delete -f "$id"
like "$(add "[$(bind /mnt)]")" 'does not exist' "a container that is gone has no mounts"

# Swaps a folder and a link to a folder of the node's, and to /proc, as fast as it can.
# shellcheck disable=SC2016
begin "$all_caps" sh -c "mkdir -p /tmp/dir /tmp/here; cd /tmp; while :; do mv here was; ln -s ../../../../../..$tmp/node here; rm here; ln -s /proc/self/fd/../../.. here; rm here; mv was here; done"
wait_for 5 test -d "$root/tmp/dir"
# Round by round in one process would not race: each looks the place up anew.
n=0 done_=0 broken=
while [ $n -lt 50 ]; do
	n=$((n + 1))
	out=$(add "[$(bind /tmp/dir), $(bind /tmp/here/sub)]") && done_=$((done_ + 1)) && rem "[$(bind /tmp/here/sub), $(bind /tmp/dir)]" >/dev/null
	[ -z "$(ls -A "$tmp/node")" ] || broken="$broken $n"
	case $out in
	'' | *mounts?1?:*) ;;
	*) broken="$broken $out" ;;
	esac
done
is "$broken" "" "swapped links never lead out, and an error is about the swapped place ($done_ of $n were mounted)"
oci delete -f "$id"
is "$(ours)" "$before" "nothing of all this is mounted on the node"

# ---- CVE-2019-5736: who lies in wait for somebody who enters ----
# In a pid namespace of its own: it writes to whatever executable it finds.
own=$tmp/rast-oci
cp "$R" "$own"
sum=$(cksum <"$own")
R=$own
cp "$O/tests/oci_lurk" "$root/lurk"
begin "$all_caps | .linux.maskedPaths = []" /lurk
wait_for 5 test -e "$root/tmp/ready"
n=0
while [ $n -lt 15 ] && [ ! -e "$root/tmp/seen" ]; do
	n=$((n + 1))
	add "[$(bind /mnt)]" >/dev/null
	rem "[$(bind /mnt)]" >/dev/null
done
oci delete -f "$id"
is "$(cksum <"$own") $(ls "$root"/tmp/seen "$root"/tmp/wrote 2>/dev/null)" "$sum " "a container with CAP_SYS_PTRACE gets nothing of the runtime's executable"
R=$O/bin/rast-oci

# ---- user namespaces ----
users='ns("user") | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
chmod 755 "$tmp"
chown -R 100000:100000 "$root"
begin "$users" sleep 300
if status_is running; then
	is "$(add '[{destination: "/tmp/t", type: "tmpfs", options: ["mode=700"]}]'; in_it stat -c '%u %a' /tmp/t)" "0 700" "a tmpfs is of the container's root"
	out=$(add "[$(bind /tmp/plain), $(bind /tmp/mapped ', "idmap"')]")
	is "$out $(in_it stat -c %u /tmp/plain/f) $(in_it stat -c %u /tmp/mapped/f)" " 65534 0" "a bind has the node's ids, with idmap those of the container"
	is "$(rem '[{destination: "/tmp/t"}, {destination: "/tmp/mapped"}, {destination: "/tmp/plain"}]'; in_it ls -A /tmp/t /tmp/mapped | grep -v : | grep .; oci mounts list "$id" -f json)" "[]" "and all are removed"
else
	skip "a tmpfs is of the container's root" "user namespaces"
fi
tap_done
