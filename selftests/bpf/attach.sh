#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 120
# Networks that another program has made, put under policy and taken out of it while traffic flows. The node
# is a network namespace of this test's own: a router with a bridge, two networks on it and one on a link.
if [ "$(id -u)" = 0 ] && [ -z "${ATTACH_INSIDE:-}" ] && command -v unshare >/dev/null; then
	ATTACH_INSIDE=1
	export ATTACH_INSIDE
	exec unshare --net sh "$0" "$@"
fi
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
for tool in jq nsenter unshare ip; do
	command -v $tool >/dev/null || skip_all "$tool"
done
R=$O/bin/rastbpf T=$O/tests/traffic A=$O/tests/connect_ask
export RAST_INSTANCE=tattach
tmp=$(mktemp -d)
bg=
tap_cleanup 'rm -rf "$tmp" "/var/lib/$RAST_INSTANCE"'
tap_cleanup 'for n in a b c; do ip netns del tatt$n 2>/dev/null; done'
tap_cleanup '$R gc --all >/dev/null 2>&1'
# The echo server goes on after a SIGTERM.
tap_cleanup 'for p in $bg; do kill -9 $p 2>/dev/null; done'

ip link set lo up
ip link add tattbr type bridge && ip addr add 10.203.9.1/24 dev tattbr && ip link set tattbr up
ip addr add 10.203.8.1/24 dev lo
echo 1 >/proc/sys/net/ipv4/ip_forward
network() # NAME
{
	ip netns add "tatt$1"
	ip link add "tattv$1" type veth peer name eth0 netns "tatt$1"
	ip link set "tattv$1" up
	ip -n "tatt$1" link set lo up
	ip -n "tatt$1" link set eth0 up
}
network a && network b && network c
ip link set tattva master tattbr && ip -n tatta addr add 10.203.9.11/24 dev eth0
ip link set tattvb master tattbr && ip -n tattb addr add 10.203.9.12/24 dev eth0
ip addr add 10.203.10.1/24 dev tattvc && ip -n tattc addr add 10.203.10.13/24 dev eth0
for n in a b; do ip -n tatt$n route add default via 10.203.9.1; done
ip -n tattc route add default via 10.203.10.1
inside() # NETWORK COMMAND...
{
	n=tatt$1
	shift
	nsenter --net="/run/netns/$n" -- "$@"
}
asked() { printf '%s\n' "$2" | inside "$1" "$A" -w "${3:-300}"; }
# Not inside(): in the background that is a shell of its own, which a signal does not go through.
nsenter --net=/run/netns/tatta -- "$T" serve tcp:80 tcp:81 udp:53 &
bg="$bg $!"
wait_for 10 inside b "$T" tcp 10.203.9.11 80
is "$(asked b 'tcp 10.203.9.11 81')" connected "two networks on a bridge reach each other"
is "$(asked c 'tcp 10.203.9.11 81')" connected "so does one that is routed"

# ---- what is refused ----
like "$($R policy attach --netns tattb --name Web 2>&1)" '"Web" ' "a name that is none is refused"
like "$($R policy attach --netns tattb --name web --labels app 2>&1)" 'KEY=VALUE' "a label without a value is refused"
like "$($R policy attach --netns tattb --name web --labels 'app=-' 2>&1)" 'app' "a value that is none is refused"
like "$($R policy attach --netns tattb --name web --labels app=a,app=b 2>&1)" 'twice' "a label twice is refused"
like "$($R policy attach --netns /dev/null --name web 2>&1)" 'no network namespace' "a file that is no network namespace is refused"
like "$($R policy attach --netns nosuch --name web 2>&1)" '/run/netns/nosuch' "so is one that is not there"
like "$($R policy attach --netns $$ --name web 2>&1)" 'node itself' "so is the node's own"
like "$($R policy attach --netns tattb --ifname eth7 --name web 2>&1)" 'no interface eth7' "so is an interface that is not there"
is "$($R -j policy attached)" "[]" "nothing of it is left"

# ---- under policy ----
cat >"$tmp/policy.yaml" <<-Y
	apiVersion: networking.k8s.io/v1
	kind: NetworkPolicy
	metadata: {name: web, namespace: shop}
	spec:
	  podSelector: {matchLabels: {app: web}}
	  policyTypes: [Ingress, Egress]
	  ingress:
	    - from: [{podSelector: {matchLabels: {app: friend}}}]
	      ports: [{port: 80}, {port: 53, protocol: UDP}]
Y
check "a policy is applied before anybody is there" $R policy apply -f "$tmp/policy.yaml"
nsenter --net=/run/netns/tattb -- "$T" stream 10.203.9.11 80 81 >"$tmp/stream" &
stream=$!
bg="$bg $stream"
wait_for 10 test -s "$tmp/stream"
check "a network is attached by the name that ip netns gave it, while connections are made" \
	$R policy attach --netns tattb --namespace shop --name friend --labels app=friend,tier=x
check "and one by its path" $R policy attach --netns /run/netns/tatta -n shop --name web --labels app=web
is "$($R -j policy attached | jq -c '[.[]|[.namespace,.name,.interface,.ifname,.address,.attached]]|sort')" \
	'[["shop","friend","eth0","tattvb","10.203.9.12","/run/netns/tattb"],["shop","web","eth0","tattva","10.203.9.11","/run/netns/tatta"]]' \
	"both are listed, with their links and addresses"
is "$(asked b 'tcp 10.203.9.11 80')" connected "what a rule allows passes, by labels"
is "$(asked b 'udp 10.203.9.11 53')" answered "and its answers, though it may send nothing itself"
is "$(asked b 'tcp 10.203.9.11 81')" silent "another port is denied"
is "$(asked c 'tcp 10.203.9.11 80')" silent "so is a network that nobody has attached"
is "$(asked a 'tcp 10.203.9.12 80')" silent "and what it opens itself"
is "$(asked b 'tcp 10.203.8.1 80')" refused "a network that no policy selects is open"
good() { tail -n 1 "$tmp/stream" | cut -d' ' -f2; }
before=$(good)
more() { [ "$(good)" -gt $((before + 20)) ]; }
wait_for 10 more
check "the connections that are allowed go on being made" more
like "$($R policy explain --from shop/friend --to shop/web --port 81 2>&1)" 'deny' "explain knows them by name"
like "$($R policy attach --netns tattb --namespace shop --name other 2>&1)" 'pod shop/friend already' "a network is attached once"
like "$($R policy attach --netns tattc --namespace shop --name friend 2>&1)" 'there already' "and a name is one network's"
nsenter --net=/run/netns/tattc -- sleep 100 &
sleeper=$!
bg="$bg $sleeper"
there() { [ "$(readlink "/proc/$sleeper/exe")" = "$(readlink -f "$(command -v sleep)")" ]; }
wait_for 10 there
check "a third one, by a process that is in it" $R policy attach --netns $sleeper --ifname eth0 -n shop --name late --labels app=friend
is "$(asked c 'tcp 10.203.9.11 80')" connected "is let in from then on"
check "it is detached" $R policy detach late -n shop
is "$(asked c 'tcp 10.203.9.11 80')" silent "and is a stranger again"
is "$(asked c 'tcp 10.203.8.1 80')" refused "whose link is open"
inside b ip addr flush dev eth0
inside b ip addr add 10.203.9.77/24 dev eth0
is "$(asked b 'tcp 10.203.9.11 80')" silent "with another address than the one it had when it was attached it is cut off"
inside b ip addr flush dev eth0
inside b ip addr add 10.203.9.12/24 dev eth0
is "$(asked b 'tcp 10.203.9.11 80')" connected "with its own it is back"

# ---- out of it ----
check "the policed one is detached" $R policy detach web -n shop
is "$(asked b 'tcp 10.203.9.11 81')" connected "and is as open as before"
is "$(tc filter show dev tattva ingress 2>/dev/null; ls "/sys/fs/bpf/$RAST_INSTANCE/link" | grep "policy_.*_$(cat /sys/class/net/tattva/ifindex 2>/dev/null)\$")" "" "with nothing on its link"
check_fails "once more there is nothing to detach" $R policy detach web -n shop
kill $stream
check "attached again" $R policy attach --netns tatta -n shop --name web --labels app=web
is "$(asked b 'tcp 10.203.9.11 81')" silent "it is policed again"
check "gc leaves what is there" $R gc
is "$($R -j policy attached | jq length)" 2 "both networks are"
for p in $bg; do kill -9 "$p" 2>/dev/null; done
bg=
ip netns del tattb
gone() { ! ip link show tattvb >/dev/null 2>&1; }
check "a network ends" wait_for 10 gone
check "gc takes what is gone" $R gc
is "$($R -j policy attached | jq -c '[.[].name]')" '["web"]' "and leaves the other"
check "gc --all takes the rest" $R gc --all
is "$({ ls -d "/sys/fs/bpf/$RAST_INSTANCE" "/run/$RAST_INSTANCE"; } 2>/dev/null)" "" "nothing is left"
tap_done
