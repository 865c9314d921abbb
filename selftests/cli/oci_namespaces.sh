#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# linux.namespaces of config.json: each type made anew, joined by path, and left out; id maps; offsets.
. selftests/lib/tap.sh
. selftests/lib/oci.sh

link() { readlink "/proc/self/ns/$1"; }
in_ns() { inside "$1" readlink "/proc/self/ns/$2"; }
maps='| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
	| .linux.gidMappings = [{containerID: 0, hostID: 200000, size: 65536}]'
chmod 755 "$tmp"
for p in pid:pid network:net ipc:ipc uts:uts mount:mnt cgroup:cgroup time:time; do
	type=${p%:*} file=${p#*:}
	[ -e "/proc/self/ns/$file" ] || { skip "a new $type namespace is made" "a kernel with it"; continue; }
	out=$(in_ns "ns(\"$type\")" "$file")
	[ -n "$out" ] && [ "$out" != "$(link "$file")" ] && ok "a new $type namespace is made" || nok "a new $type namespace is made" "$out"
done
for p in pid:pid network:net ipc:ipc uts:uts cgroup:cgroup; do
	type=${p%:*} file=${p#*:} more=
	[ $type = uts ] && more='| del(.hostname)'
	[ $type = network ] && more='| .mounts |= map(if .type == "sysfs" then {destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "ro"]} else . end)'
	is "$(in_ns "nons(\"$type\") $more" "$file")" "$(link "$file")" "without $type in the list the container has the runtime's"
done
like "$(inside 'nons("mount")' true)" 'mount' "a container without a mount namespace is refused"

# ---- by path ----
other=$tmp/other
mkdir "$other"
config '.hostname = "first" | ns("time") | .linux.timeOffsets = {boottime: {secs: 1000000}}' sleep 60
"$R" --root "$tmp/state" run -b "$tmp" -d "$id-1" </dev/null >/dev/null 2>&1
pid=$(oci state "$id-1" | jq .pid)
for p in pid:pid network:net ipc:ipc uts:uts cgroup:cgroup time:time; do
	type=${p%:*} file=${p#*:}
	is "$(in_ns "del(.hostname) | ns(\"$type\"; \"/proc/$pid/ns/$file\")" "$file")" "$(readlink "/proc/$pid/ns/$file")" "a $type namespace is joined by its path"
done
is "$(inside "del(.hostname) | ns(\"uts\"; \"/proc/$pid/ns/uts\")" hostname)" first "and what was set there is there"
is "$(inside "ns(\"pid\"; \"/proc/$pid/ns/pid\") | sh(\"cat /proc/1/comm\")")" sleep "in a joined pid namespace its first process is seen"
like "$(inside "ns(\"time\"; \"/proc/$pid/ns/time\")" cat /proc/uptime)" '^1[0-9]{6}\.' "in a joined time namespace its offset holds"
oci delete -f "$id-1"
like "$(inside 'ns("network"; "/none")' true)" 'network.*/none' "a path that is not there is named"
like "$(inside 'ns("uts"; "/proc/self/ns/net")' true)" 'uts' "a path of another kind is refused"

# ---- time ----
up=$(cut -d. -f1 /proc/uptime)
got=$(inside 'ns("time") | .linux.timeOffsets = {monotonic: {secs: 500, nanosecs: 1}, boottime: {secs: 5000000}}' cat /proc/uptime | cut -d. -f1)
[ "${got:-0}" -ge $((up + 5000000)) ] && [ "${got:-0}" -le $((up + 5000030)) ] && ok "timeOffsets move the clock" || nok "timeOffsets move the clock" "$got"
like "$(inside '.linux.timeOffsets = {boottime: {secs: 5}}' true)" 'timeOffsets' "timeOffsets without a time namespace are refused"

# ---- user ----
chown -R 100000:200000 "$tmp/rootfs"
U="ns(\"user\") $maps"
out=$(inside "$U | sh(\"cat /proc/self/uid_map /proc/self/gid_map; id -u; stat -c %u:%g /etc\")" 2>&1 | tr -s ' \n' ' ')
is "$out" " 0 100000 65536 0 200000 65536 0 0:0 " "uidMappings and gidMappings are the maps of a new user namespace"
is "$(inside "$U | .process.user = {uid: 5, gid: 6, additionalGids: [7]}" id)" "uid=5 gid=6 groups=7" "the user is one of the namespace's"
begin "$U" sleep 60
like "$(ps -o uid=,gid= -p "$(oci state "$id" | jq .pid)" | tr -s ' ')" '^ ?100000 200000' "on the node it is the mapped one"
is "$(oci exec -u 4:4 "$id" id </dev/null 2>&1)" "uid=4 gid=4" "exec enters the user namespace"
upid=$(oci state "$id" | jq .pid)
oci --root "$tmp/state" list >/dev/null
config "ns(\"user\"; \"/proc/$upid/ns/user\") | sh(\"id -u; readlink /proc/self/ns/user\")"
is "$(timeout 20 "$R" --root "$tmp/state" run -b "$tmp" "$id-2" </dev/null 2>&1 | tr '\n' ' ')" "0 $(readlink "/proc/$upid/ns/user") " "a user namespace is joined by its path"
oci delete -f "$id"
like "$(inside 'ns("user")| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 10}]' true)" 'gidMappings' "maps of one kind alone are refused"
like "$(inside "$U | .process.user.uid = 70000" true)" 'process.user.uid' "a user that is not mapped is refused"
like "$(inside "$U | .linux.uidMappings += [{containerID: 5, hostID: 1, size: 1}]" true)" 'uidMappings' "maps that overlap are refused"
is "$(inside "$U | sh(\"ls /dev/null && echo x >/dev/null && echo fine\")" | tail -1)" fine "devices work there"

# ---- id-mapped mounts ----
mkdir "$tmp/src"
echo x >"$tmp/src/f"
chown 1000:1000 "$tmp/src" "$tmp/src/f"
idm='mnt({destination: "/mnt", type: "bind", source: "\($tmp)/src", options: ["bind"],
	uidMappings: [{containerID: 1000, hostID: 3000, size: 10}], gidMappings: [{containerID: 1000, hostID: 4000, size: 10}]})'
out=$(inside "$idm" stat -c %u:%g /mnt/f)
case $out in
*"nvalid argument"*) skip "a mount's uidMappings and gidMappings are felt" "a file system with id-mapped mounts at $tmp" ;;
*) is "$out" 3000:4000 "a mount's uidMappings and gidMappings are felt" ;;
esac
chown 7:9 "$tmp/src/f"
out=$(inside "$U | mnt({destination: \"/mnt\", type: \"bind\", source: \"$tmp/src\", options: [\"bind\", \"idmap\"]})" stat -c %u:%g /mnt/f)
case $out in
*"nvalid argument"*) skip "idmap gives a mount the container's maps" "a file system with id-mapped mounts at $tmp" ;;
*) is "$out" 7:9 "idmap gives a mount the container's maps" ;;
esac

# ---- sysctl ----
chown -R 0:0 "$tmp/rootfs"
is "$(inside '.linux.sysctl = {"kernel.msgmax": "9000", "net.ipv4.ip_forward": "1"} | sh("cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward")' | tr '\n' ' ')" "9000 1 " "sysctls are set in the container's namespaces"
like "$(inside 'nons("ipc") | .linux.sysctl = {"kernel.msgmax": "9000"}' true)" 'kernel.msgmax' "but not in the node's"
tap_done
