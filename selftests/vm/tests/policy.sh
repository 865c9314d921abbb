#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Three pods and their policies from one file: every edge gets its verdict, on 6.1 by clsact, on 6.12
# by tcx; a change and its rollback show in traffic; the controller's death during traffic does not.
export RAST_INSTANCE=vmp
. selftests/lib/tap.sh
. selftests/vm/lib.sh
busybox_image
tap_cleanup 'rm -f /tmp/vmp.*'

pod() # NAME
{
	cat <<END
apiVersion: v1
kind: Pod
metadata: {name: $1, namespace: shop, labels: {app: $1}}
spec:
  containers:
    - name: main
      image: box
      command: [/bin/sh, -c, "httpd -p 6379 -h /www; httpd -p 8080 -h /www; exec sleep 1000"]
---
END
}
policy() # APP FROM PORT EGRESS
{
	cat <<END
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: $1, namespace: shop}
spec:
  podSelector: {matchLabels: {app: $1}}
  policyTypes: [Ingress, Egress]
  ingress:
    - from: [{podSelector: {matchLabels: {app: $2}}}]
      ports: [{port: $3}]
  egress: $4
---
END
}
to() { echo "[{to: [{podSelector: {matchLabels: {app: $1}}}], ports: [{port: $2}]}]"; }
{
	pod web && pod api && pod db
	policy web nobody 1 "$(to api 8080)"
	policy api web 8080 "$(to db 6379)"
	policy db api 6379 "[]"
} >/tmp/vmp.yaml

check "up brings three pods and their policies" rastbpf up -f /tmp/vmp.yaml
pods=$(rastbpf -j container list)
addr() { echo "$pods" | jq -r --arg p "$1" '.[] | select(.pod==$p) | .address'; }
web=$(addr web) api=$(addr api) db=$(addr db)
# From a pod's network namespace: the way of its packets, without the launch of a process in it.
get()
{
	nsenter --net=$RUN_DIR/pods/shop/$1/netns curl -s -o /dev/null -m "${4:-1}" "http://$2:$3/ping"
}
node_gets() { curl -s -o /dev/null -m 2 "http://$1:$2/ping"; }
refused() { ! get "$@"; }
for p in "$web" "$api" "$db"; do
	wait_for 20 node_gets "$p" 8080 && wait_for 5 node_gets "$p" 6379
done
check "the node reaches every pod, as probes must" node_gets "$web" 8080
case $(uname -r) in
6.1.*)
	veth=$(jq -r .ifname $RUN_DIR/pods/shop/web/pod.json)
	like "$(tc filter show dev "$veth" ingress; tc filter show dev "$veth" egress)" policy_ "verdicts are by clsact here"
	;;
esac
check "web reaches api" get web "$api" 8080 5
check "api reaches db" get api "$db" 6379 5
check "web does not reach db" refused web "$db" 6379
check "api does not reach db on another port" refused api "$db" 8080
check "web does not reach api on another port" refused web "$api" 6379
check "db, which has no egress, reaches nobody" refused db "$web" 8080
check "nobody but web reaches api" refused db "$api" 8080
check "a process inside is under the same policy" rastbpf container exec shop/web -- /bin/busybox nc -w 5 "$api" 8080
check_fails "also for what is denied" rastbpf container exec shop/web -- /bin/busybox nc -w 2 "$db" 6379
check "a denied connection is in the audit log with container and port" wait_for 10 audit_has \
	".event.action==\"flow-denied\" and .container.pod==\"web\" and .destination.ip==\"$db\" and .destination.port==6379"
like "$(rastbpf policy explain --from shop/web --to shop/db --port 6379)" '[Dd]en' "explain says denied too"

# A change, and back.
policy db backup 6379 "[]" >/tmp/vmp.change
first=$(rastbpf -j config log NetworkPolicy/shop/db | jq ".[0].version")
check "a policy is changed" rastbpf policy apply -f /tmp/vmp.change
check "api no longer reaches db" refused api "$db" 6379
check "web still reaches api" get web "$api" 8080 5
like "$(rastbpf config diff NetworkPolicy/shop/db)" backup "diff shows the change"
like "$(rastbpf config rollback NetworkPolicy/shop/db --to 999 2>&1)" '^error: .*999' "a version that is none is one clear error"
check "rollback is accepted" rastbpf config rollback NetworkPolicy/shop/db --to "$first"
check "and brings the old verdict back" wait_for 10 get api "$db" 6379
printf 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: db, namespace: shop}\nspec: {podSelector: 5}\n' >/tmp/vmp.bad
check_fails "a policy that is none is refused" rastbpf policy apply -f /tmp/vmp.bad
check "and leaves the old one in force" get api "$db" 6379 5
check "also where it denies" refused web "$db" 6379

# The controller dies in the middle of traffic, and comes back.
rm -f /tmp/vmp.stop
: >/tmp/vmp.allowed
: >/tmp/vmp.denied
while [ ! -e /tmp/vmp.stop ]; do get web "$api" 8080 10 && echo yes || echo no; done >/tmp/vmp.allowed &
a=$!
while [ ! -e /tmp/vmp.stop ]; do get web "$db" 6379 1 && echo yes || echo no; done >/tmp/vmp.denied &
d=$!
tap_cleanup 'touch /tmp/vmp.stop; wait $a $d'
more() { [ "$(wc -l <"/tmp/vmp.$1")" -ge "$2" ]; }
wait_for 20 more allowed 3
pid=$(daemon_pid)
kill -9 "$pid"
n=$(wc -l </tmp/vmp.allowed) m=$(wc -l </tmp/vmp.denied)
check "traffic goes on while the controller is dead" wait_for 30 more allowed $((n + 5))
check "and so do refusals" wait_for 30 more denied $((m + 2))
check "a new controller starts amid traffic" rastbpf daemon start
wait_for 30 more allowed $(($(wc -l </tmp/vmp.allowed) + 3))
touch /tmp/vmp.stop
wait $a $d
is "$(grep -c no /tmp/vmp.allowed)" 0 "not one allowed connection was lost ($(wc -l </tmp/vmp.allowed) made)"
is "$(grep -c yes /tmp/vmp.denied)" 0 "not one denied connection came through ($(wc -l </tmp/vmp.denied) tried)"
check "with the new controller api reaches db" get api "$db" 6379 5
is "$(rastbpf -j config log NetworkPolicy/shop/db | jq length)" 3 "which still has every version of the policy"

check "down" rastbpf down -f /tmp/vmp.yaml --now
is "$(rastbpf -j container list)" "[]" "no container is left"
is "$(ip -o link | grep -c ": v.*vmp\|master ${RAST_INSTANCE}0")" 0 "nor a link"
tap_done
