#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# linux.resources and cgroupsPath on this machine's controllers (either version), and update.
. selftests/lib/tap.sh
. selftests/lib/oci.sh

cg=toci-res-$$
tap_cleanup 'find /sys/fs/cgroup -depth -type d -name "$cg*" -exec rmdir {} \; 2>/dev/null'
# file CONTROLLER V1-NAME V2-NAME: what the container's cgroup has there.
file()
{
	cat "/sys/fs/cgroup/$1/$cg/$2" 2>/dev/null || cat "/sys/fs/cgroup/$cg/$3" 2>/dev/null || echo none
}
has() { [ -d "/sys/fs/cgroup/$1" ] || grep -qw "$1" /sys/fs/cgroup/cgroup.controllers 2>/dev/null; }
# one CONTROLLER V1 V2 JQ WANT SENTENCE
one()
{
	has "$1" || { skip "$6" "cgroup controller $1"; return; }
	out=$(begin ".linux.cgroupsPath = \"/$cg\" | $4" sleep 60)
	is "$out$(file "$1" "$2" "$3" | head -1)" "$5" "$6"
	oci delete -f "$id"
}
one pids pids.max pids.max '.linux.resources.pids.limit = 33' 33 "pids.limit is set"
one pids pids.max pids.max '.linux.resources.pids.limit = -1' max "pids.limit -1 is no limit"
one memory memory.limit_in_bytes memory.max '.linux.resources.memory.limit = 67108864' 67108864 "memory.limit is set"
one memory memory.soft_limit_in_bytes memory.low '.linux.resources.memory = {limit: 67108864, reservation: 33554432}' 33554432 "memory.reservation is set"
one cpu cpu.cfs_quota_us none '.linux.resources.cpu = {quota: 50000, period: 100000}' "$([ -d /sys/fs/cgroup/cpu ] && echo 50000 || echo none)" "cpu.quota is set"
one cpu cpu.shares none '.linux.resources.cpu = {shares: 512}' "$([ -d /sys/fs/cgroup/cpu ] && echo 512 || echo none)" "cpu.shares is set"
one cpuset cpuset.cpus cpuset.cpus '.linux.resources.cpu = {cpus: "0", mems: "0"}' 0 "cpu.cpus is set"
if has pids; then
	like "$(inside '.linux.resources.pids.limit = 2 | sh("sleep 1 & sleep 1 & sleep 1 & wait")')" 'fork' "the limit of processes is felt"
else
	skip "the limit of processes is felt" "cgroup controller pids"
fi
like "$(inside '.linux.resources.memory = {limit: 1048576, swap: 4096}' true)" 'swap' "a swap limit below the memory limit is refused"
like "$(inside '.linux.resources.cpu.cpus = "x"' true)" 'cpus' "a list of CPUs that is none is refused"
check "and nothing is left" gone

# ---- path ----
out=$(begin ".linux.cgroupsPath = \"/$cg/a/b\"" sleep 60)
pid=$(oci state "$id" | jq .pid)
like "$(cat "/proc/$pid/cgroup")" ":/$cg/a/b\$" "an absolute cgroupsPath is below each cgroup mount"
oci delete -f "$id"
find /sys/fs/cgroup -path "*/$cg/a/b" | grep -q . && nok "delete removes the cgroup" || ok "delete removes the cgroup"
find /sys/fs/cgroup -depth -type d \( -path "*/$cg/a" -o -path "*/$cg" \) -exec rmdir {} \; 2>/dev/null
begin . sleep 60
like "$(cat "/proc/$(oci state "$id" | jq .pid)/cgroup")" "rast-oci-$id" "without a path there is a cgroup by its id"

# ---- update ----
oci delete -f "$id"
begin ".linux.cgroupsPath = \"/$cg\" | .linux.resources.pids.limit = 30 | .linux.resources.cpu = {quota: 50000, period: 100000} | .linux.resources.memory.limit = 67108864" sleep 60
if has pids; then
	check "update changes a running container" oci update --pids-limit 44 "$id"
	is "$(file pids pids.max pids.max)" 44 "and the kernel has the new limit"
	echo '{"pids": {"limit": 55}}' >"$tmp/res.json"
	check "update -r takes linux.resources" oci update -r "$tmp/res.json" "$id"
	is "$(file pids pids.max pids.max)" 55 "and sets it"
	is "$(echo '{"pids": {"limit": 56}}' | "$R" --root "$tmp/state" update -r - "$id" 2>&1; file pids pids.max pids.max)" 56 "from standard input, too"
fi
if has memory; then
	check "update --memory" oci update --memory 33554432 "$id"
	is "$(file memory memory.limit_in_bytes memory.max)" 33554432 "changes the memory limit"
fi
if has cpu && [ -d /sys/fs/cgroup/cpu ]; then
	check "update --cpu-quota and --cpu-period" oci update --cpu-period 100000 --cpu-quota 30000 "$id"
	is "$(file cpu cpu.cfs_quota_us none)" 30000 "change the quota"
fi
check_fails "update to a number that is none is an error" oci update --pids-limit x "$id"
check_fails "update of a file that is not there is an error" oci update -r "$tmp/none" "$id"
is "$(status)" running "and the container runs on"
oci delete -f "$id"
find /sys/fs/cgroup -depth -type d -name "$cg" | grep -q . && nok "no cgroup is left" || ok "no cgroup is left"
tap_done
