#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# runtime.md: the operations, what each may do to a container in which state, and what is left of it.
. selftests/lib/tap.sh
. selftests/lib/oci.sh

# ---- create ----
config 'sh("touch /ran; exec sleep 60") | .annotations = {"org.test.key": "a value"}'
check "create makes a container" create --pid-file "$tmp/pid"
state=$(oci state "$id")
is "$(status)" created "after create its status is created"
[ -e "$tmp/rootfs/ran" ] && nok "create does not run the process" || ok "create does not run the process"
is "$(echo "$state" | jq -r .id)" "$id" "the state has the id"
is "$(echo "$state" | jq -r .ociVersion)" "$(jq -r .ociVersion <"$tmp/config.json")" "the state has the version of config.json"
is "$(echo "$state" | jq -r .bundle)" "$(realpath "$tmp")" "the state has the absolute path of the bundle"
is "$(echo "$state" | jq -r '.annotations["org.test.key"]')" "a value" "the state has the annotations"
pid=$(echo "$state" | jq .pid)
is "$(cat "$tmp/pid")" "$pid" "--pid-file and the state name the same process"
unlike "$(readlink "/proc/$pid/ns/pid")" "^$(readlink /proc/self/ns/pid | sed 's/[][]/\\&/g')\$" "that process is in the container's namespaces already"
check_fails "a second create of the same id is an error" create
is "$(status)" created "which leaves the first as it was"
check_fails "create without an id is an error" oci create -b "$tmp"
check_fails "create of an id with a slash is an error" oci create -b "$tmp" ../x
check_fails "create with a bundle that is not there is an error" oci create -b "$tmp/none" "$id-2"

# ---- start ----
jq '.process.args = ["/bin/false"]' <"$tmp/config.json" >"$tmp/c2" && mv "$tmp/c2" "$tmp/config.json"
check "start runs it" oci start "$id"
is "$(status)" running "after start its status is running"
wait_for 5 test -e "$tmp/rootfs/ran" && ok "the process of config.json has run, as it was at create" || nok "the process of config.json has run, as it was at create"
check_fails "start of a running container is an error" oci start "$id"
is "$(oci state "$id" | jq .pid)" "$pid" "which has no effect on it"
check_fails "start of a container that does not exist is an error" oci start "$id-no"
check_fails "start without an id is an error" oci start

# ---- kill and delete ----
check_fails "delete of a running container is an error" oci delete "$id"
is "$(status)" running "and it runs on"
check "kill sends the signal" oci kill "$id" KILL
wait_for 5 stopped
is "$(status)" stopped "when its process has ended the status is stopped"
is "$(oci state "$id" | jq .pid)" 0 "a stopped container has no pid"
check_fails "kill of a stopped container is an error" oci kill "$id" TERM
check_fails "start of a stopped container is an error" oci start "$id"
check_fails "exec in a stopped container is an error" oci exec "$id" /bin/true
check "delete removes a stopped container" oci delete "$id"
check "no folder and no cgroup are left" gone
[ -d "$tmp/rootfs" ] && [ -f "$tmp/config.json" ] && ok "what the container did not make is left" || nok "what the container did not make is left"
for c in state kill delete pause resume ps update start; do
	check_fails "$c of a container that does not exist is an error" oci $c "$id"
done
for c in state kill delete exec; do
	check_fails "$c without an id is an error" oci $c
done
check "delete --force of what does not exist is none" oci delete --force "$id"
begin . sleep 60
check "delete --force ends a running container" oci delete --force "$id"
check "and leaves nothing" gone
config . sleep 60
create && check "a created container takes signals" oci kill "$id" KILL
wait_for 5 stopped && ok "and ends by them" || nok "and ends by them"
oci delete "$id"
for s in 15 TERM SIGTERM sigterm; do
	begin 'sh("trap \"exit 7\" TERM; touch /tmp/set; while :; do sleep 0.05; done")'
	wait_for 5 test -e "$tmp/rootfs/tmp/set"
	oci kill "$id" $s
	wait_for 5 stopped && ok "kill takes the signal as $s" || nok "kill takes the signal as $s"
	rm -f "$tmp/rootfs/tmp/set"
	oci delete -f "$id"
done
begin . sleep 60
check_fails "a signal that does not exist is an error" oci kill "$id" SIGNONE
is "$(status)" running "which has no effect"

# ---- pause ----
check "pause stops all processes" oci pause "$id"
is "$(status)" paused "its status is paused"
check_fails "exec in a paused container is an error" oci exec "$id" /bin/true
check_fails "pause of a paused container is an error" oci pause "$id"
check "resume lets it go on" oci resume "$id"
is "$(status)" running "its status is running again"
check_fails "resume of a running container is an error" oci resume "$id"
check "list shows it" sh -c "'$R' --root '$tmp/state' list -q | grep -qx $id"
is "$(oci list --format json | jq -r '.[0].status')" running "list --format json has the state"
is "$(oci ps --format json "$id" | jq length)" 1 "ps lists its processes"
check "a paused container can be deleted by force" sh -c "'$R' --root '$tmp/state' pause $id && '$R' --root '$tmp/state' delete -f $id"

# ---- errors leave nothing ----
# broken SENTENCE WORDS JQ
broken()
{
	config "$3" true
	out=$(create 2>&1) && nok "$1: create fails" && oci delete -f "$id"
	like "$out" "$2" "$1: the error says it"
	check "$1: nothing is left" gone
}
broken "no root" 'root' 'del(.root)'
broken "a root that is not there" 'root.path' '.root.path = "none"'
broken "no arguments" 'process.args' '.process.args = []'
broken "a relative cwd" 'process.cwd' '.process.cwd = "tmp"'
broken "a command that is not there" 'no-such' '.process.args = ["/no-such"]'
broken "a bind without its source" 'no-src' 'mnt({destination: "/mnt", type: "bind", source: "/no-src", options: ["bind"]})'
broken "a file system that does not exist" '/mnt' 'mnt({destination: "/mnt", type: "nofs", source: "x"})'
broken "a namespace path that is none" 'network' 'ns("network"; "/etc/passwd")'
broken "a namespace of the wrong kind" 'network' 'ns("network"; "/proc/self/ns/uts")'
broken "a namespace twice" 'namespaces' '.linux.namespaces += [{type: "pid"}]'
broken "a version that is none" 'ociVersion' '.ociVersion = "x"'
broken "a sysctl of the machine" 'sysctl' '.linux.sysctl = {"kernel.core_pattern": "|/x"}'
broken "a mask below a relative path" 'maskedPaths' '.linux.maskedPaths = ["etc"]'
echo '{' >"$tmp/config.json"
check_fails "broken JSON is an error" create
check "and leaves nothing" gone

# ---- run ----
config 'sh("exit 42")'
run >/dev/null
is $? 42 "run exits as the process does"
check "and leaves nothing" gone

begin . sleep 60
check_fails "run of an id that exists is an error" run
is "$(status)" running "which has no effect on it"
oci delete -f "$id"
config . true
oci run --keep -b "$tmp" "$id" </dev/null
is "$(status)" stopped "run --keep keeps the container"
oci delete "$id"
check "features says what there is" sh -c "'$R' features | jq -e '.ociVersionMin and .ociVersionMax and (.linux.namespaces | index(\"time\")) and .linux.capabilities and .linux.cgroup and .linux.seccomp and (.mountOptions | index(\"rro\")) and (.hooks | index(\"startContainer\"))'"
tap_done
