#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Pods with IPv6 beside IPv4: addresses, names, real traffic under policy in both families, what people are
# shown. On a host of its own, as network.sh.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
box=$(command -v busybox) || skip_all "busybox"
[ -e /proc/sys/net/ipv6 ] || skip_all "IPv6"
command -v jq >/dev/null || skip_all "jq"
command -v python3 >/dev/null || skip_all "python3"
if [ -z "${RAST_TEST_HOST:-}" ]; then
	unshare -nm true 2>/dev/null || skip_all "network and mount namespaces"
	RAST_TEST_HOST=1 exec unshare -nm --propagation private "$0" "$@"
fi
export RAST_INSTANCE=tipv6 RAST_POD_CIDR=10.99.0.0/24
R=$O/bin/rastbpf net6=fd77:7261:7374::a63:0:
img=/var/lib/tipv6/images/bb/rootfs
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp" /var/lib/tipv6 /run/tipv6'
tap_cleanup '"$R" down --all --now >/dev/null 2>&1; "$R" daemon stop >/dev/null 2>&1; "$R" gc --all >/dev/null 2>&1'
"$R" gc --all >/dev/null 2>&1
ip link set lo up
mkdir -p $img/bin $img/tmp $img/proc $img/sys $img/dev $img/etc
cp "$box" $img/bin/busybox
for i in sh sleep httpd nc ping cat echo; do ln -sf busybox $img/bin/$i; done

for p in web api db; do
	cat <<E
apiVersion: v1
kind: Pod
metadata: {name: $p, namespace: t, labels: {app: $p}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: bb, command: [sh, -c, "httpd -p [::]:8080; httpd -p [::]:9090; exec sleep 1000"]}]
---
E
done >"$tmp/pods.yaml"
cat >"$tmp/policy.yaml" <<'E'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: t}
spec:
  podSelector: {matchLabels: {app: api}}
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{port: 8080}]
E

in_pod() { p=$1; shift; "$R" container exec "t/$p" -- "$@" </dev/null; }
# open FROM ADDRESS PORT: can it connect?
opens() { in_pod "$1" nc -w 2 "$2" "$3" >/dev/null 2>&1; }
shut() { ! opens "$@"; }
reaches() { in_pod "$1" ping -c 1 -W 2 "$2" >/dev/null 2>&1; }

check "pods start" "$R" up -f "$tmp/pods.yaml"
of() { "$R" -j container list | jq -r --arg p "$1" ".[] | select(.pod==\$p) | .$2"; }
web=$(of web address6) api=$(of api address6) db=$(of db address6) api4=$(of api address)
is "$(printf '%s\n' "$web" "$api" "$db" | sort)" "$(printf '%s\n' ${net6}2 ${net6}3 ${net6}4)" \
	"container list shows their IPv6 addresses"
is "${api##*:}" "${api4##*.}" "which end as the IPv4 ones do"
like "$(in_pod web cat /etc/hosts)" "^$api api.t api\$" "hosts files have them"
check "a pod's name is reached in IPv6" in_pod web ping -6 -c 1 -W 2 api
check "without a policy a pod opens a connection in IPv6" opens web "$api" 8080
check "and so does another" opens db "$api" 9090
check "the node reaches a pod" "$box" ping -6 -c 1 -W 2 "$api"
check "a pod reaches the node" reaches web ${net6}1

check "a policy is applied" "$R" policy apply -f "$tmp/policy.yaml"
for a in "$api" "$api4"; do
	check "who is allowed connects to $a" opens web "$a" 8080
	check "to another port not" shut web "$a" 9090
	check "who is not allowed does not" shut db "$a" 8080
	check_fails "nor does a ping" reaches db "$a"
done
check "a pod that no policy selects is as open as before" opens api "$db" 9090
check "the node is let in" "$box" nc -w 2 "$api" 9090

like "$("$R" policy explain --from "$db" --to "$api" --port 8080)" 'denied|deny' "explain takes IPv6 addresses"
like "$("$R" policy explain --from "$web" --to "$api" --port 8080)" 't/web' "and knows whose they are"
# What a pod may not send: another's address. The address is the pod's own choice, the link knows better.
cat >"$tmp/from.py" <<'E'
import socket, sys
s = socket.socket(socket.AF_INET6)
s.settimeout(2)
s.bind((sys.argv[1], 0))
s.connect((sys.argv[2], 8080))
E
from() { nsenter -t "$(of "$1" pid)" -n python3 "$tmp/from.py" "$2" "$api" 2>/dev/null; }
nsenter -t "$(of db pid)" -n ip -6 addr add "$web/128" dev eth0 nodad
check "who is allowed connects from its address" from web "$web"
check_fails "with that address another pod does not" from db "$web"
nsenter -t "$(of db pid)" -n ip -6 addr del "$web/128" dev eth0
check "and the pod that has it is still reached by it" opens api "$web" 9090

# A block of IPv6 that holds the node's address there means the node.
egress() {
	cat >"$tmp/egress.yaml" <<E
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: t}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Egress]
  egress: [{to: [{ipBlock: {cidr: "$1"}}]}]
E
	"$R" policy apply -f "$tmp/egress.yaml" >/dev/null
}
egress ${net6}1/128
check "a block that holds the node's IPv6 address lets a pod reach it" reaches db ${net6}1
egress 2001:db8::/32
check_fails "another one does not" reaches db ${net6}1
"$R" policy delete t/out >/dev/null

"$R" policy delete t/api >/dev/null
check "without the policy all is open again" opens db "$api" 9090
"$R" down --all --now >/dev/null 2>&1
check "gc --all takes all of it away" "$R" gc --all
is "$(ip -o link show tipv60 2>/dev/null) $(ip -6 route show | grep -c fd77)" " 0" "bridge and routes are gone"

RAST_POD_CIDR6=off "$R" up -f "$tmp/pods.yaml" >/dev/null
is "$(of api address6)" null "switched off, pods have IPv4 alone"
check "and connect in it" opens web "$(of api address)" 8080
tap_done
