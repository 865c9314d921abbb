#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The controller's care for real pods: probes, restarts with back-off, exit statuses, and that none of it
# depends on one controller living on. The pods' image is a folder with busybox in it.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
box=$(command -v busybox) || skip_all "busybox"
export RAST_INSTANCE=tpods
R=$O/bin/rastbpf
img=/var/lib/$RAST_INSTANCE/images/bb/rootfs
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp" /var/lib/tpods'
tap_cleanup '"$R" down --all --now >/dev/null 2>&1; "$R" daemon stop >/dev/null 2>&1; "$R" gc --all >/dev/null 2>&1'
"$R" gc --all >/dev/null 2>&1
mkdir -p $img/bin $img/tmp $img/proc $img/sys $img/dev $img/etc
cp "$box" $img/bin/busybox
for i in sh sleep httpd touch test nc rm echo mkdir cat; do ln -sf busybox $img/bin/$i; done
ln -sf busybox $img/bin/tail

pods() { "$O/tests/ask" /run/tpods/rastd.sock '{"op":"pods.list"}' | jq -c .result; }
of() { pods | jq -r --arg p "$1" ".[] | select(.pod==\$p) | $2"; }             # POD JQ
now() { [ "$(of "$1" "$2")" = "$3" ]; }                                           # POD JQ WANT
event() { cat /var/lib/tpods/audit/audit.jsonl | jq -e --arg a "$1" --arg p "$2" --arg c "$3" -s \
	'any(.[]; .event.action==$a and .container.pod==$p and .container.name==$c)'; }
rastd_pid() { "$R" -j daemon status | jq .pid; }
started() { "$R" -j container list | jq -c '[.[] | select(.pod!="crash") | [.pod,.name,.pid,.restarts]]'; }

cat >"$tmp/good.yaml" <<E
apiVersion: v1
kind: Pod
metadata: {name: good, namespace: t}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: http
      image: bb
      command: [sh, -c, "mkdir /tmp/w; echo hi >/tmp/w/index.html; touch /tmp/alive; exec httpd -f -p 8080 -h /tmp/w"]
      readinessProbe: {httpGet: {path: /index.html, port: 8080}, periodSeconds: 1}
      livenessProbe: {exec: {command: [test, -e, /tmp/alive]}, initialDelaySeconds: 1, periodSeconds: 1, failureThreshold: 2}
    - name: tcp
      image: bb
      command: [sh, -c, "while :; do nc -l -p 9000 </dev/null >/dev/null; done"]
      readinessProbe: {tcpSocket: {port: 9000}, periodSeconds: 1}
    - name: plain
      image: bb
      command: [sleep, "1000"]
E
cat >"$tmp/bad.yaml" <<E
apiVersion: v1
kind: Pod
metadata: {name: crash, namespace: t}
spec:
  containers:
    - {name: c, image: bb, command: [sh, -c, "echo this is a run; exit 3"]}
---
apiVersion: v1
kind: Pod
metadata: {name: once, namespace: t}
spec:
  restartPolicy: Never
  containers:
    - {name: c, image: bb, command: [sh, -c, "exit 4"]}
---
apiVersion: v1
kind: Pod
metadata: {name: done, namespace: t}
spec:
  restartPolicy: OnFailure
  containers:
    - {name: c, image: bb, command: [sh, -c, "exit 0"]}
---
apiVersion: v1
kind: Pod
metadata: {name: deaf, namespace: t}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: c
      image: bb
      command: [sleep, "1000"]
      readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
    - name: slow
      image: bb
      command: [sleep, "1000"]
      readinessProbe: {exec: {command: [sleep, "777"]}, periodSeconds: 1, timeoutSeconds: 1}
E

check "up --wait returns when HTTP and TCP probes have passed" "$R" up -f "$tmp/good.yaml" --wait 30
is "$(of good '[.ready,.phase]|tostring')" '[true,"Running"]' "the pod is ready and running"
is "$(of good '[.containers[]|.ready]|tostring')" '[true,true,true]' "a container without a probe is ready when it runs"
is "$("$R" -j container list | jq -c '[.[]|.ready]')" '[true,true,true]' "container list shows readiness"
check "the start of a container is in the audit log" wait_for 5 event container-started good plain
check "its readiness too" wait_for 5 event container-ready good http

"$R" up -f "$tmp/bad.yaml" >/dev/null
check "a container that ends is started again at once" wait_for 20 now crash '.containers[0].restarts' 1
check "and then has to wait" wait_for 10 now crash '.containers[0]|[.running,.exit_code]|tostring' '[false,3]'
check "with the log of its last run kept" wait_for 5 sh -c "'$R' container logs crash | grep -q 'this is a run'"
check "and the log of the run before" sh -c "'$R' container logs crash --previous | grep -q 'this is a run'"
is "$("$R" -j container list | jq -r '.[]|select(.pod=="crash").status')" "exited (3)" "container list shows the exit code"
check "restartPolicy Never: the pod has failed" wait_for 10 now once '[.phase,.containers[0].restarts,.containers[0].exit_code]|tostring' '["Failed",0,4]'
check "restartPolicy OnFailure after code 0: the pod has succeeded" wait_for 10 now done '[.phase,.containers[0].restarts]|tostring' '["Succeeded",0]'
is "$(of deaf '.ready')" false "a pod that no probe reaches is not ready"
check_fails "up --wait says so" "$R" up -f "$tmp/bad.yaml" --wait 1
quiet() { [ "$(pgrep -cf '^sleep 777')" -le 1 ]; }
check "commands of probes that take too long are ended" wait_for 10 quiet

"$R" container exec t/good/http -- rm /tmp/alive
check "liveness failure is in the audit log" wait_for 15 event container-unhealthy good http
check "the container is started again" wait_for 20 now good '.containers[]|select(.name=="http").restarts' 1
check "and becomes ready" wait_for 20 now good '.ready' true
check "the restart is in the audit log" wait_for 5 event container-restarted good http

before=$(started)
"$R" container stop t/good/plain
check "a container stopped by hand" wait_for 10 now good '.containers[]|select(.name=="plain").running' false
check "is started again by hand only" "$R" container restart t/good/plain
check "and counts that as a restart" wait_for 10 now good '.containers[]|select(.name=="plain")|[.running,.restarts]|tostring' '[true,1]'

wait_for 10 now good '.ready' true
# A back-off that does not end while the controller is away.
backoff() { jq -c '.["t/crash/c"]|[.delay_s,.restart_ns]' /run/tpods/health.json; }
far_off() { [ "$(backoff | jq '.[1] / 1000000000 | floor')" -gt $(($(tap_now) + 9)) ]; }
check "a container that always ends waits longer each time" wait_for 90 far_off
before=$(started) waits=$(backoff)
kill -9 "$(rastd_pid)"
check "after kill -9 the next controller" "$R" daemon start
check "knows what is ready" wait_for 3 now good '.ready' true
is "$(started)" "$before" "starts no running container again and keeps the counts"
is "$(cat /var/lib/tpods/audit/audit.jsonl | jq -s '[.[]|select(.event.action=="container-started" and .container.name=="tcp")]|length')" 1 "tells no start twice"
is "$(backoff)" "$waits" "keeps the back-off"
"$R" down --all --now >/dev/null
check "pods that are taken down are forgotten" wait_for 5 sh -c "[ \"\$('$R' -j container list)\" = '[]' ]"
is "$(pods)" "[]" "by the controller too"
unlike "$(cat /run/tpods/rastd.log)" 'error|Sanitizer' "the controller's log has no errors"
tap_done
