#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 240
# kill -9 of any part, at any moment, and what gc makes of it. A start, a stop, a controller and a
# container's own process are killed after delays that spread over the whole of what they do; after each,
# one gc, and then nothing may be left of what had not come about: no cgroup, link, namespace, mount,
# process, folder. At the end the same pods start, work and go.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
box=$(command -v busybox) || skip_all "busybox"
export RAST_INSTANCE=tkilled
R=$O/bin/rastbpf
img=/var/lib/$RAST_INSTANCE/images/bb/rootfs
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp" /var/lib/tkilled'
tap_cleanup '"$R" down --all --now >/dev/null 2>&1; "$R" daemon stop >/dev/null 2>&1; "$R" gc --all >/dev/null 2>&1'
"$R" gc --all >/dev/null 2>&1
selftests/lib/traces.sh >"$tmp/before"
mkdir -p $img/bin $img/tmp $img/proc $img/sys $img/dev $img/etc
cp "$box" $img/bin/busybox
for i in sh sleep; do ln -sf busybox $img/bin/$i; done
cat >"$tmp/two.yaml" <<E
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: k, labels: {app: one}}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: v, emptyDir: {medium: Memory}}]
  containers:
    - {name: a, image: bb, command: [sleep, "1000"], volumeMounts: [{name: v, mountPath: /v}]}
    - {name: b, image: bb, command: [sleep, "1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: two, namespace: k}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: Never
  containers:
    - {name: c, image: bb, command: [sleep, "1000"]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: shut, namespace: k}
spec: {podSelector: {matchLabels: {app: one}}, policyTypes: [Ingress]}
E
up() { "$R" up -f "$tmp/two.yaml"; }

# What there is of pods that are not: everything that belongs to this instance but its own frame.
left() {
	find /run/tkilled/pods -mindepth 2 -maxdepth 2 -type d 2>/dev/null
	find /sys/fs/cgroup/tkilled /sys/fs/cgroup/*/tkilled -mindepth 1 -type d 2>/dev/null
	find /var/lib/tkilled/pods -mindepth 2 -maxdepth 2 -type d 2>/dev/null
	grep -oE ' /(run|var/lib)/tkilled/pods/[^ ]*' /proc/self/mountinfo
	ip -o link show master tkilled0 2>/dev/null | awk -F'[:@]' '{print "link" $2}'
	# One that has ended and only waits to be waited for shows its cgroup as deleted.
	grep '/tkilled/' /proc/[0-9]*/cgroup 2>/dev/null | grep -v '(deleted)'
}
# after DELAY_MS COMMAND…: starts it, kills it then. The exit code is not looked at: it may have been done.
after() {
	local ms=$1 pid
	shift
	"$@" >/dev/null 2>&1 &
	pid=$!
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	true
}

up >/dev/null 2>&1
whole=$(left | wc -l)
if [ "$whole" -gt 6 ]; then ok "pods that run are seen by this test"; else nok "pods that run are seen by this test" "$(left)"; tap_done; fi
"$R" down --all --now >/dev/null 2>&1
is "$(left)" "" "pods that were taken down leave nothing"

# How long a start and a stop take here, to spread the kills over it.
span() { local a; a=$(date +%s%3N); "$@" >/dev/null 2>&1; echo $(($(date +%s%3N) - a)); }
t_up=$(span up)
t_down=$(span "$R" down --all --now)
diag "up takes $t_up ms, down $t_down ms"
bad='' killed=0
end=$((SECONDS + ${RAST_KILL_SECONDS:-40}))
for i in $(seq 1 24); do
	[ $SECONDS -lt $end ] || break
	after $((t_up * i / 22)) "$R" up -f "$tmp/two.yaml"
	killed=$((killed + 1))
	# What came up whole is no leftover: it is taken down; what did not is gc's.
	"$R" gc >/dev/null 2>"$tmp/err" || bad="$bad; up killed $i/22: gc: $(cat "$tmp/err")"
	"$R" down --all --now >/dev/null 2>"$tmp/err" || bad="$bad; up killed $i/22: down: $(cat "$tmp/err")"
	l=$(left)
	[ -z "$l" ] || bad="$bad; up killed $i/22 leaves: $l"
done
is "$bad" "" "up is killed at many moments: gc and down leave nothing"
diag "up was killed $killed times"

bad='' killed=0
end=$((SECONDS + ${RAST_KILL_SECONDS:-40}))
for i in $(seq 1 12); do
	[ $SECONDS -lt $end ] || break
	up >"$tmp/err" 2>&1 || bad="$bad; up before kill $i: $(cat "$tmp/err")"
	after $((t_down * i / 11)) "$R" down --all --now
	killed=$((killed + 1))
	"$R" gc >/dev/null 2>"$tmp/err" || bad="$bad; down killed $i/11: gc: $(cat "$tmp/err")"
	"$R" down --all --now >/dev/null 2>"$tmp/err" || bad="$bad; down killed $i/11: down: $(cat "$tmp/err")"
	l=$(left)
	[ -z "$l" ] || bad="$bad; down killed $i/11 leaves: $l"
done
is "$bad" "" "down is killed at many moments: gc and down leave nothing"
diag "down was killed $killed times"

bad=''
for i in $(seq 1 12); do
	after $i "$R" container run --network none -n short --rootfs $img -- sleep 1000
	"$R" gc >/dev/null 2>"$tmp/err" || bad="$bad; run killed after $i ms: gc: $(cat "$tmp/err")"
	"$R" down --all --now >/dev/null 2>&1
	l=$(left)
	[ -z "$l" ] || bad="$bad; run killed after $i ms leaves: $l"
done
is "$bad" "" "container run is killed in its first 12 ms: nothing is left"

# The same as the kills above at the one moment they seldom meet, and a file that a dying disk made.
up >/dev/null 2>&1
rm /run/tkilled/pods/k/one/pod.json
echo '{"name": ' >/run/tkilled/pods/k/two/pod.json
"$R" down --all --now >/dev/null 2>"$tmp/err"
is "$?" 1 "a pod whose pod.json is no JSON cannot be taken down"
like "$(cat "$tmp/err")" "pods/k/two/pod.json:.*rastbpf gc|rastbpf gc.*pods/k/two/pod.json:" "the error names the file and what helps"
check "gc takes what such pods left" "$R" gc
is "$(left)" "" "all of it"

# Stopped by one that was killed before it had ended any container.
up >/dev/null 2>&1
jq '.stopping = true' /run/tkilled/pods/k/one/pod.json >"$tmp/pod.json"
mv "$tmp/pod.json" /run/tkilled/pods/k/one/pod.json
"$R" gc >/dev/null 2>&1
is "$("$R" -j container list | jq -c '[.[].pod]')" '["two"]' "gc carries out a stop that was begun"
"$R" down --all --now >/dev/null 2>&1
is "$(left)" "" "and down the rest"

check "then the pods start" up
pid=$("$R" -j container list | jq '.[] | select(.pod == "two") | .pid')
kill -9 "$("$R" -j daemon status | jq .pid)"
kill -9 "$pid"
gone() { ! kill -0 "$pid" 2>/dev/null || grep -q '^State:.Z' "/proc/$pid/status"; }
check "a container's process dies while no controller runs" wait_for 5 gone
check "gc leaves the pods that there are" "$R" gc
is "$("$R" -j container list | jq -c '[.[] | [.pod, .name, (.status | startswith("running"))]] | sort')" \
	'[["one","a",true],["one","b",true],["two","c",false]]' "and what runs goes on running"
check "down takes them all" "$R" down --all --now
is "$(left)" "" "with everything that was theirs"
"$R" daemon stop >/dev/null 2>&1
check "gc --all" "$R" gc --all
rm -rf /var/lib/tkilled
selftests/lib/traces.sh >"$tmp/after"
is "$(comm -13 "$tmp/before" "$tmp/after" | grep tkilled)" "" "the machine is as it was"
tap_done
