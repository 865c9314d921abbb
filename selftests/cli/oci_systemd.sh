#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The systemd cgroup driver against a systemd that runs for this test alone: what the unit is, what it
# limits, what is left of it, and what is said when systemd says no.
. selftests/lib/tap.sh
. selftests/lib/systemd.sh
systemd_box jq busybox
. selftests/lib/oci.sh

helper=$O/bin/rast-oci-systemd
sd() { leaving --systemd-cgroup "$@"; }
begin_sd() { config "$@" && sd run -b "$tmp" -d "$id"; } # JQ COMMAND…
prop() { systemctl show --value -p "$2" "$1"; }
no_unit() { ! systemctl list-units --all --plain --no-legend "$1" | grep -q .; }
# Where systemd has put it, and the file of a controller there (v2 name, v1 controller and name).
cgroup_of() { prop "$1" ControlGroup; }
limit_file()
{
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		echo "/sys/fs/cgroup$(cgroup_of "$1")/$2"
	else
		echo "/sys/fs/cgroup/$3$(cgroup_of "$1")/$4"
	fi
}
limit() { cat "$(limit_file "$@")"; }
v2_root=/sys/fs/cgroup
[ -e $v2_root/cgroup.controllers ] || v2_root=/sys/fs/cgroup/unified
if [ $v2_root = /sys/fs/cgroup ]; then
	memory=MemoryMax cpu=CPUWeight weight=59
else
	memory=MemoryLimit cpu=CPUShares weight=512
fi
path() { printf '.linux.cgroupsPath = "%s"' "$1"; }

# ---- the unit ----
id=one
out=$(begin_sd "$(path my-own.slice:pre:one)"' | .linux.resources = {memory: {limit: 67108864}, pids: {limit: 20},
	cpu: {shares: 512, quota: 50000, period: 100000}} | .annotations = {
	"org.systemd.property.TimeoutStopUSec": "uint64 7000000",
	"org.systemd.property.RuntimeMaxSec": "5000",
	"org.systemd.property.After": "['"'dbus.socket'"']",
	"org.systemd.property.SendSIGHUP": "true",
	"org.systemd.property.KillSignal": "10"}' sleep 1000)
is "$out" "" "run --systemd-cgroup starts a container"
u=pre-one.scope
is "$(systemctl is-active $u)" active "slice:prefix:name is a scope prefix-name"
pid=$(oci state one | jq .pid)
is "$(cgroup_of $u)" /my.slice/my-own.slice/$u "its slice is below what the slice's name says"
is "$(grep ^0:: "/proc/$pid/cgroup")" "0::$(cgroup_of $u)" "the container's process is in it"
is "$(cat $v2_root/my.slice/my-own.slice/$u/cgroup.procs)" "$pid" "and nobody else"
if [ -d /sys/fs/cgroup/systemd ]; then
	is "$(grep :name=systemd: "/proc/$pid/cgroup" | cut -d : -f 3)" "$(cgroup_of $u)" \
		"in systemd's own v1 hierarchy too"
fi
is "$(prop $u Slice) $(prop $u Delegate) $(prop $u DefaultDependencies) $(prop $u CollectMode) $(prop $u Transient)" \
	"my-own.slice yes no inactive-or-failed yes" "slice, delegation, dependencies and collection are as asked for"
is "$(prop $u Description)" "rast-oci container one" "the description names the container"
is "$(prop $u $memory) $(prop $u TasksMax) $(prop $u $cpu) $(prop $u CPUQuotaPerSecUSec)" \
	"67108864 20 $weight 500ms" "systemd knows the limits"
is "$(limit $u memory.max memory memory.limit_in_bytes) $(limit $u pids.max pids pids.max)" "67108864 20" \
	"and they are in force"
like "$(limit $u cpu.max cpu cpu.cfs_quota_us)" '^50000' "also the processor's"
is "$(prop $u TimeoutStopUSec) $(prop $u SendSIGHUP) $(prop $u KillSignal)" "7s yes 10" \
	"annotations set properties of the unit"
is "$(prop $u RuntimeMaxUSec)" "1h 23min 20s" "a property in seconds is one in microseconds"
like "$(prop $u After)" dbus.socket "an annotation may be a list"
is "$(jq -r '"\(.systemd_scope) \(.cgroup)"' "$tmp/state/one/state.json")" "$u my.slice/my-own.slice/$u" \
	"the state remembers unit and cgroup"
check "what was known before the state is gone" test ! -e "$tmp/state/one/scope.json"

# ---- what is done to it without options ----
is "$(oci exec one grep ^0:: /proc/self/cgroup)" "0::/" "exec joins the cgroup"
is "$(oci ps -f json one | jq -c .)" "[$pid]" "ps lists its processes"
oci pause one
is "$(status)" paused "pause"
oci resume one
is "$(status)" running "resume"
check "update changes limits" oci update --memory 33554432 --pids-limit 30 --cpu-quota 20000 one
is "$(prop $u $memory) $(prop $u TasksMax) $(prop $u CPUQuotaPerSecUSec)" "33554432 30 200ms" "systemd knows them"
systemctl daemon-reload
is "$(limit $u memory.max memory memory.limit_in_bytes) $(limit $u pids.max pids pids.max)" "33554432 30" \
	"daemon-reload leaves them as they are"
is "$(systemctl is-active $u)" active "and the unit too"
check "a file of resources is taken as well" sh -c "echo '{\"pids\": {\"limit\": 25}}' |
	$R --root $tmp/state update -r /dev/stdin one"
is "$(prop $u TasksMax)" 25 "and known to systemd"
check_fails "delete refuses what runs" oci delete one
check "delete --force" oci delete -f one
check "leaves no unit" wait_for 2 no_unit $u
check "and no cgroup" test ! -e $v2_root/my.slice/my-own.slice/$u

# ---- other names ----
id=two+2
check "without cgroupsPath" begin_sd . sleep 1000
is "$(jq -r .cgroup "$tmp/state/$id/state.json")" 'system.slice/rast-oci-two\x2b2.scope' \
	"it is in system.slice by its id"
oci kill "$id" KILL
check "it ends" wait_for 5 stopped
check "and is deleted" oci delete "$id"
check "leaving no unit" wait_for 2 no_unit 'rast-oci-two*'
id=three
begin_sd "$(path ::three)" sleep 1000
is "$(jq -r .cgroup "$tmp/state/three/state.json")" system.slice/three.scope "slice and prefix may be empty"
id=four
like "$(begin_sd "$(path system.slice::three)" sleep 1000)" "starting three.scope: Unit three.scope .*(exists|already)" \
	"a unit that runs already is an error that says so"
is "$(systemctl is-active three.scope) $(status)" "active none" "which harms neither it nor leaves anything"
oci delete -f three
for p in /a/b system.slice:x a::b "bad name.slice:a:b" "a--b.slice:x:y" "system.slice:x:"; do
	like "$(begin_sd "$(path "$p")" true)" 'linux.cgroupsPath: ' "cgroupsPath \"$p\" is refused"
done

# ---- a failed unit of that name ----
systemd-run -q --scope -u five -p RuntimeMaxSec=1 sleep 100 >/dev/null 2>&1
wait_for 5 systemctl is-failed five.scope
is "$(systemctl is-failed five.scope)" failed "a unit of that name has failed"
id=five
check "it is reset and the name taken" begin_sd "$(path system.slice::five)" sleep 1000
is "$(systemctl is-active five.scope)" active "the container's unit is active"
oci delete -f five

# ---- small and odd limits ----
id=six
config "$(path system.slice::six)"' | .linux.resources.pids.limit = 1' sleep 1000
check "a container may be limited to one process" sd create -b "$tmp" six
is "$(prop six.scope TasksMax) $(limit six.scope pids.max pids pids.max)" "1 1" \
	"and is, once the scope is its own"
oci delete -f six
id=seven
begin_sd "$(path system.slice::seven)"' | .annotations."run.oci.systemd.subgroup" = "inner" |
	.linux.resources.pids.limit = 9' sleep 1000
pid=$(oci state seven | jq .pid)
is "$(grep ^0:: "/proc/$pid/cgroup")" "0::/system.slice/seven.scope/inner" "a subgroup below the scope"
is "$(oci exec seven grep ^0:: /proc/self/cgroup)" "0::/" "which exec joins"
oci delete -f seven
check "is removed with it" wait_for 2 no_unit seven.scope

# ---- run in the foreground, and what fails ----
id=eight
config "$(path system.slice::eight)" sh -c 'exit 7'
rc=0; run_out=$(timeout 30 "$R" --root "$tmp/state" --cgroup-manager systemd run -b "$tmp" eight 2>&1) || rc=$?
is "$rc $run_out" "7 " "run hands the exit code on"
check "and leaves no unit" wait_for 2 no_unit eight.scope
like "$(begin_sd "$(path system.slice::eight)" nosuch)" "command nosuch" "a command that is not there is an error"
check "which leaves no unit either" wait_for 2 no_unit eight.scope
like "$(begin_sd "$(path system.slice::eight)"' | .linux.resources.unified = {"memory.nosuch": "1"}' true)" \
	'unified' "a limit that the kernel refuses is an error"
check "that leaves no unit" wait_for 2 no_unit eight.scope
note() { begin_sd "$(path system.slice::eight)"' | .annotations."org.systemd.property.'"$1"'" = "'"$2"'"' true; }
like "$(note TimeoutStopUSec 'uint64 -1')" 'annotations.org.systemd.property.TimeoutStopUSec: a number out of' \
	"an annotation out of its range is refused"
like "$(note X-Y true)" 'annotations.org.systemd.property.X-Y: no name' "so is a name that is none"
like "$(note PIDs '@au [1]')" 'PIDs: rast-oci sets this' "and what is ours"
like "$(note NoSuchThing true)" 'systemd: starting eight.scope: .*NoSuchThing' \
	"a property that systemd does not know is told in its words"
like "$(note KillSignal "'term'")" 'systemd: starting eight.scope: ' "and so is a value of the wrong type"
systemctl mask -q --runtime bad.slice
like "$(begin_sd "$(path bad.slice::eight)" true)" 'systemd: starting eight.scope: .*mask' \
	"a slice that systemd refuses is an error in its words"
check "none of these leaves a unit" no_unit eight.scope
is "$(status)" none "or a container"

# ---- no bus, no program ----
id=nine
begin_sd "$(path system.slice::nine)" true >/dev/null && oci delete -f nine
config "$(path system.slice::nine)" sleep 1000
out=$(DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere sd create -b "$tmp" nine)
is "$out" "" "without the bus root asks systemd itself"
is "$(systemctl is-active nine.scope)" active "and has the scope"
DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere oci delete -f nine
check "and is rid of it" wait_for 2 no_unit nine.scope
nobus() { unshare -m sh -c 'mount -t tmpfs x /run/systemd; mount -t tmpfs x /run/dbus; exec "$@"' - "$@"; }
like "$(nobus "$R" --root "$tmp/state" --systemd-cgroup create -b "$tmp" nine 2>&1)" \
	'systemd: no way to the system bus: No such file' "without any way to systemd that is said"
is "$(status)" none "and nothing is left"
config "$(path system.slice::nine)" sleep 1000
sd create -b "$tmp" nine
out=$(nobus "$R" --root "$tmp/state" delete -f nine 2>&1)
is "$?" 0 "a container is deleted when systemd does not answer"
like "$out" 'nine.scope: systemd: no way' "with a warning"
check "the unit ends without its processes" wait_for 5 no_unit nine.scope
like "$(RAST_OCI_SYSTEMD=/nowhere/x sd create -b "$tmp" nine)" 'systemd: running /nowhere/x: No such file' \
	"a program that is not there is an error"
like "$(RAST_OCI_SYSTEMD=/bin/true sd create -b "$tmp" nine)" 'systemd: /bin/true ended without a word' \
	"and so is one that ends"
printf '#!/bin/sh\nkill -9 $PPID\nexec %s "$@"\n' "$helper" >"$tmp/killer"
chmod +x "$tmp/killer"
RAST_OCI_SYSTEMD=$tmp/killer sd create -b "$tmp" nine >/dev/null 2>&1
is "$(status)" creating "a maker that is killed while systemd works leaves its folder"
check "its scope ends by itself" wait_for 5 no_unit nine.scope
check "and the rest is removed" oci delete -f nine
is "$(oci features | jq -c '[.linux.cgroup.systemd, .linux.cgroup.systemdUser]')" "[true,true]" "features says so"

# ---- many at a time ----
id=many
config "$(path many.slice:m:x)" sleep 1000
for i in 1 2 3 4 5 6; do
	mkdir "$tmp/b$i"
	jq ".linux.cgroupsPath = \"many.slice:m:$i\" | .root.path = \"$tmp/rootfs\"" "$tmp/config.json" >"$tmp/b$i/config.json"
	"$R" --root "$tmp/state" --systemd-cgroup run -b "$tmp/b$i" -d "many$i" </dev/null >/dev/null 2>&1 &
done
wait
is "$(systemctl list-units --plain --no-legend 'm-*.scope' | wc -l)" 6 "six are started at the same time"
for i in 1 2 3 4 5 6; do oci delete -f "many$i" & done
wait
check "and deleted" wait_for 5 no_unit 'm-*.scope'
tap_done
