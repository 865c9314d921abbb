#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 900
# rastbpf prog, map, link and feature against what bpftool says of the same things. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh
export RAST_INSTANCE=tinspect
R=$O/bin/rastbpf
[ "$(id -u)" = 0 ] || skip_all "root"
for tool in bpftool jq ip; do command -v $tool >/dev/null || skip_all $tool; done
tap_cleanup 'rm -rf /run/$RAST_INSTANCE /var/lib/$RAST_INSTANCE'
tap_cleanup '"$R" gc --all >/dev/null 2>&1'
tap_cleanup '"$R" daemon stop >/dev/null 2>&1'
"$R" daemon start >/dev/null || { nok "the controller starts"; tap_done; }
pins=/sys/fs/bpf/$RAST_INSTANCE

# Ours and bpftool's view of every pin: id, type or program.
ours=$("$R" -j prog show | jq -c '[.[]|[.name,.id,.type,.tag]]|sort')
theirs=$(for p in $pins/prog/*; do bpftool -j prog show pinned "$p" | jq -c --arg n "${p##*/}" '[$n,.id,.type,.tag]'; done | jq -cs sort)
is "$ours" "$theirs" "prog show names the programs that bpftool finds, with id, type and tag"
[ "$(jq length <<<"$ours")" -ge 5 ]
is $? 0 "there are programs to look at"
theirs=$(bpftool -j prog show | jq -c --argjson ids "$(jq -c 'map(.[1])' <<<"$ours")" '[.[]|select(.id as $i|$ids|index($i))|[.name,.id,.type,.tag]]|sort')
is "$theirs" "$ours" "plain bpftool prog show has the same names"
is "$("$R" -j prog show | jq '[.[]|select(.btf_id==0)]|length')" 0 "every program has BTF"

ours=$("$R" -j map show | jq -c '[.[]|[.name[:15],.id,.type,.value_bytes,.max_entries]]|sort')
theirs=$(bpftool -j map show | jq -c --argjson ids "$(jq -c 'map(.[1])' <<<"$ours")" '[.[]|select(.id as $i|$ids|index($i))|[.name,.id,.type,.bytes_value,.max_entries]]|sort')
is "$theirs" "$ours" "plain bpftool map show has the same maps (names cut to the kernel's 15 characters)"
is "$("$R" -j map show | jq -r '[.[]|select(.type!="ringbuf" and .type!="array_of_maps" and .value_type==null)|.name]|join(" ")')" "" \
	"every map with values has a type by BTF"

ours=$("$R" -j link show | jq -c '[.[]|select(.id)|[.id,.type,.program_id]]|sort')
theirs=$(bpftool -j link show | jq -c --argjson ids "$(jq -c 'map(.[0])' <<<"$ours")" '[.[]|select(.id as $i|$ids|index($i))|[.id,.type,.prog_id]]|sort')
is "$theirs" "$ours" "link show has the ids, types and programs that bpftool has"
is "$("$R" -j link show account_exec | jq -r '.[0]|.attach,.target')" "tp_btf/sched_process_exec
sched_process_exec" "a tracepoint link says which tracepoint"
cg=$("$R" -j link show account_rx | jq -r '.[0].cgroup')
is "$(stat -c %i "$cg" 2>/dev/null)" "$(bpftool -j link show pinned $pins/link/account_rx | jq .cgroup_id)" \
	"the path of a cgroup link is the cgroup of bpftool's number"
is "$("$R" -j link show account_collect | jq -r '.[0]|.iterator')" cgroup "an iterator link says what it walks"
like "$("$R" -j prog show account_rx | jq -r '.[0].attached[]')" "cgroup_inet_ingress .*/$RAST_INSTANCE\$" \
	"a program says where it is attached"
like "$("$R" -j prog show account_rx | jq -r '.[0].maps|join(" ")')" "container_by_cgroup" "a program names its maps in full"
like "$("$R" -j map show container_by_cgroup | jq -r '.[0].used_by|join(" ")')" "account_rx" "a map names its programs"

# Filters at clsact are links too: the policy's programs, pinned as the loader would, on an interface
# made here.
if command -v tc >/dev/null && bpftool prog loadall "$O/bpf/policy.bpf.o" $pins/new type classifier >/dev/null 2>&1; then
	mv $pins/new/policy_in $pins/new/policy_out $pins/prog && rmdir $pins/new
	ip link add rtinspect0 type veth peer name rtinspect1
	tap_cleanup 'ip link del rtinspect0 2>/dev/null'
	tc qdisc add dev rtinspect0 clsact
	tc filter add dev rtinspect0 egress prio 3 bpf da object-pinned $pins/prog/policy_in
	tc filter add dev rtinspect0 ingress prio 2 bpf da object-pinned $pins/prog/policy_out
	is "$("$R" -j link show | jq -r '.[]|select(.interface=="rtinspect0")|[.type,.program,.direction,.priority]|join(" ")' | sort)" \
		"clsact policy_in egress 3
clsact policy_out ingress 2" "clsact filters that run our programs are attachments"
	like "$("$R" -j prog show policy_in | jq -r '.[0].attached[0]')" '^clsact/egress rtinspect0$' \
		"a program says on which interface it is"
	ip link del rtinspect0
	is "$("$R" -j link show | jq '[.[]|select(.type=="clsact")]|length')" 0 "an interface that is gone has no attachment"
else
	skip "clsact filters that run our programs are attachments" "tc, or the policy object loaded by bpftool"
fi

# Contents. A record written byte by byte: slot 7, identity 17, pid 258, exited, status -2.
id=$("$R" -j map show container_by_cgroup | jq '.[0].id')
bpftool map update id "$id" key hex 2a 00 00 00 00 00 00 00 value hex \
	07 00 00 00 11 00 00 00 02 01 00 00 01 00 00 00 fe ff ff ff 00 00 00 00 \
	00 ca 9a 3b 00 00 00 00 00 00 00 00 00 00 00 00
is "$("$R" -j map dump container_by_cgroup | jq -c '.entries[]|select(.key==42)|.value|[.slot,.identity,.init_pid,.flags,.exit_code,.started_ns]')" \
	'[7,17,258,1,-2,1000000000]' "map dump decodes a record that bpftool wrote"
like "$("$R" map dump container_by_cgroup)" '^42:' "a dump as text starts each entry with its key"
like "$("$R" map dump container_by_cgroup)" 'exit_code[=:] ?-2' "a dump as text has members by name"
bpftool map delete id "$id" key hex 2a 00 00 00 00 00 00 00
is "$("$R" -j map dump container_by_cgroup | jq '[.entries[]|select(.key==42)]|length')" 0 "a deleted entry is gone from the dump"
is "$("$R" -j map dump event_stats --slot 0 | jq '.entries[0].cpus|length')" "$(($(sed "s/.*-//" /sys/devices/system/cpu/possible) + 1))" \
	"a per-CPU map shows a value for each CPU"
is "$("$R" -j map dump syscall_by_slot --slot 5 | jq '.entries|length')" 1 "--slot shows an element though it is zero"
aid=$("$R" -j map show syscall_by_slot | jq '.[0].id')
val() { for ((i = 0; i < 512; i++)); do printf '%s 00 00 00 00 00 00 00 ' "$1"; done; }
# shellcheck disable=SC2046
bpftool map update id "$aid" key hex 05 00 00 00 value hex $(val 09)
is "$("$R" -j map dump syscall_by_slot --slot 5 --limit 3 | jq -c '.entries[0].value.count|[.elements,.nonzero,.left_out,.values["1"]]')" \
	'[511,511,508,9]' "a big array shows its limit of elements and counts what it leaves out"
# shellcheck disable=SC2046
bpftool map update id "$aid" key hex 05 00 00 00 value hex $(val 00)
is "$("$R" -j map dump ring_by_cpu --limit 1 | jq -c '[.shown, (.entries[0].value.map_id>0)]')" '[1,true]' \
	"a map of maps shows the numbers of its maps"
like "$("$R" -j map dump priority_ring | jq -r .error.text)" 'ring' "a ring has no entries, and that is said"
like "$("$R" -j map dump no_such_map | jq -r .error.text)" 'no_such_map' "an unknown map is named in the error"
like "$("$R" -j map dump container_by_cgroup --slot 1 | jq -r .error.text)" 'only an array' "a hash has no slots"

# Figures that move: --stats turns the kernel's counting on while it looks.
stats=$("$R" -j prog show account_syscall --stats)
is "$(jq '.[0]|.runs_per_s>0 and .measured_avg_ns>0 and .run_count>0' <<<"$stats")" true "prog show --stats measures runs"
is "$(cat /proc/sys/kernel/bpf_stats_enabled)" 0 "the kernel's counting setting is as before"

f=$("$R" -j feature show)
is "$(jq '[.kernel[]|select((.have|type)=="boolean" and .reason!="" and .used_for!="" and .otherwise!="")]|length == 31' <<<"$f")" true \
	"feature show answers all 31 questions with a reason, a use and a fallback"
is "$(jq -c '[.kernel[]|select(.name=="tp_btf" or .name=="cgroup_hooks" or .name=="btf" or .name=="ringbuf")|.have]|unique' <<<"$f")" '[true]' \
	"what the loaded programs use is found to work"
is "$(jq -r '.kernel[]|select(.name=="cgroup2")|.reason' <<<"$f")" "$(awk '$3=="cgroup2"{print $2; exit}' /proc/mounts)" \
	"cgroup2 is found where it is mounted"
is "$(jq -r '.controller[]|select(.name=="account")|.status, (.backend.syscalls)' <<<"$f")" "active
tp_btf/sys_exit" "with a controller, its features say what they run on"
is "$(find /sys/fs/cgroup -maxdepth 2 -name "$RAST_INSTANCE.probe*")" "" "the trials leave no cgroup behind"

for o in prog map link feature; do
	like "$("$R" $o show)" '^(NAME|FEATURE) ' "$o show prints a table"
	check "$o -p show is JSON" bash -c '"$0" -p "$1" show | jq -e . >/dev/null' "$R" $o
done
like "$("$R" prog show account_rx)" 'verified instructions' "one program is told in full"
check_fails "an unknown program is an error" "$R" prog show no_such

"$R" daemon stop >/dev/null
[ "$("$R" -j prog show | jq length)" -gt 0 ]
is $? 0 "without a controller everything is still shown"
is "$("$R" -j feature show | jq .controller)" null "without a controller, feature show has the kernel's half"
"$R" gc --all >/dev/null
is "$("$R" -j prog show)$("$R" -j map show)$("$R" -j link show)" '[][][]' "after gc --all nothing is listed"
tap_done
