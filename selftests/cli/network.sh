#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The pod network, on a host of its own: a network and a mount namespace in which this script runs, so
# that the machine's links, rules and sysctls are never touched. "outside" is a namespace behind it.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
if [ -z "${RAST_TEST_HOST:-}" ]; then
	unshare -nm true 2>/dev/null || skip_all "network and mount namespaces"
	RAST_TEST_HOST=1 exec unshare -nm --propagation private "$0" "$@"
fi
export RAST_INSTANCE=tnet
D=$O/tests/network_driver R=/run/tnet P=/run/tnet/pods
tmp=$(mktemp -d)
pids=
tap_cleanup 'rm -rf "$tmp" /run/tnet /run/tnetb'
# The namespaces are gone with this script's mount namespace; listeners are ours to end.
tap_cleanup 'for p in $pids; do kill "$p" 2>/dev/null; done; umount -l "$P"/* 2>/dev/null'

in_ns()
{
	n=$1
	shift
	nsenter --net="$n" "$@"
}
reaches() { in_ns "$1" busybox ping -c 1 -W 2 "$2" >/dev/null; }
host_state() { ip -o link | cut -d: -f2 | cut -d@ -f1; nft list ruleset; sysctl -a 2>/dev/null |
	grep -E '^net\.(ipv4\.ip_forward|ipv[46]\.conf\.(all|default|lo|out0)\.)'; }

# same BEFORE SENTENCE: the host is as it was; shows only what differs.
same()
{
	host_state >"$tmp/now"
	is "$(printf '%s\n' "$1" | diff - "$tmp/now")" "" "$2"
}

# The outside: knows nothing of the pod range, so only masqueraded packets get an answer.
ip link set lo up
mkdir -p "$P"
$D create "$tmp/outside" || exit 1
tap_cleanup 'umount -l "$tmp/outside" 2>/dev/null'
ip link add out0 type veth peer name out1
in_ns "$tmp/outside" true && exec 9<"$tmp/outside"
ip link set out1 netns /proc/self/fd/9
exec 9<&-
ip addr add 198.18.0.1/24 dev out0
ip link set out0 mtu 1450 up
ip route add default via 198.18.0.2
in_ns "$tmp/outside" sh -c 'ip link set lo up; ip addr add 198.18.0.2/24 dev out1; ip link set out1 up'
nft list ruleset >/dev/null 2>&1 && nft=1 || nft=
before=$(host_state)

check "prepare makes the network" $D prepare
check "prepare again changes nothing and succeeds" $D prepare
like "$(ip -o addr show dev tnet0)" 'inet 10\.74\.96\.1/20' "the bridge has the first address of the range"
like "$(ip -o link show tnet0)" 'mtu 1450 ' "the bridge has the MTU of the way outside"
if [ -e /proc/sys/net/ipv6 ]; then
	v6=1 range6=fd77:7261:7374::a4a:6000:
	is "$(ip -6 -o addr show dev tnet0 | awk '{print $4}' | sort)" "${range6}1/112
fe80::858:aff:fe4a:6001/64" "and of the IPv6 range, beside the link-local one of its MAC"
else
	v6=
	skip "and of the IPv6 range, beside the link-local one of its MAC" "IPv6"
fi

for p in a b; do
	check "a network namespace without a process is made for pod $p" $D create $P/$p
done
a=$($D add $P/a test/a) && b=$($D add $P/b test/b)
a_addr=${a%% *} b_addr=${b%% *}
is "$a_addr $b_addr" "10.74.96.2 10.74.96.3" "pods get addresses in order"
is "$(in_ns $P/a ip -o link show eth0 | grep -o 'link/ether [^ ]*')" "link/ether ${a##* }" \
	"the pod has the MAC made from its address"
is "$(in_ns $P/a ip route | sed 's/ *$//')" "default via 10.74.96.1 dev eth0
10.74.96.0/20 dev eth0 proto kernel scope link src 10.74.96.2" "the pod has its subnet and a default route"
if [ "$v6" ]; then
	is "$(in_ns $P/a ip -6 -o addr show dev eth0 | awk '{print $4}' | sort)" "${range6}2/112
fe80::858:aff:fe4a:6002/64" "the pod has the same index in the IPv6 range, and no address that nobody asked for"
	is "$(in_ns $P/a ip -6 -o addr show dev eth0 | grep -c tentative)" 0 "both are there at once: nothing is waited for"
	like "$(in_ns $P/a ip -6 route)" "default via ${range6}1 dev eth0" "and an IPv6 default route"
	is "$(in_ns $P/a cat /proc/sys/net/ipv6/conf/eth0/accept_ra)" 0 "routers are not listened to"
	check "a pod reaches another in IPv6" reaches $P/a ${range6}3
	check "and the node" reaches $P/a ${range6}1
	check "the node reaches a pod in IPv6" busybox ping -c 1 -W 2 ${range6}3
	is "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" 0 "without a way outside IPv6 is not forwarded"
else
	skip "the pod has the same index in the IPv6 range" "IPv6"
fi
check "a pod reaches another through the bridge" reaches $P/a "$b_addr"
check "a pod reaches the node" reaches $P/a 10.74.96.1
check "the node reaches a pod" busybox ping -c 1 -W 2 "$b_addr"
check "a pod reaches itself by its address" reaches $P/a "$a_addr"
check "a pod reaches its loopback" reaches $P/a 127.0.0.1
is "$(in_ns $P/a true && readlink /proc/self/ns/net)" "$(readlink /proc/$$/ns/net)" \
	"the caller stays in its own namespace"
if [ "$nft" ]; then
	check "a pod reaches the outside, masqueraded" reaches $P/a 198.18.0.2
	nft flush ruleset
	check "prepare after nft flush ruleset" $D prepare
	check "puts the masquerade back" reaches $P/b 198.18.0.2
	nft -f - <<'END'
table ip filter {
	chain DOCKER-USER { }
	chain FORWARD { type filter hook forward priority filter; policy drop; jump DOCKER-USER; }
}
END
	check_fails "a dropping FORWARD chain stops the way outside" reaches $P/a 198.18.0.2
	nft delete table ip rast_tnet
	check "prepare on a host with docker's rules" $D prepare
	check "lets the pods pass" reaches $P/a 198.18.0.2
	check "and to each other, also with br_netfilter" reaches $P/a "$b_addr"
	is "$(nft list chain ip filter DOCKER-USER | grep -c 'comment "rast_tnet"')" 2 "by two rules in DOCKER-USER"
	nft -f - <<'END'
table inet strict {
	chain fw { type filter hook forward priority 10; policy drop; }
}
END
	nft delete table ip rast_tnet
	$D prepare
	like "$($D warning)" 'dropped by chain inet strict fw' "a dropping chain of somebody else is named, not changed"
	is "$(nft list chain ip filter DOCKER-USER | grep -c 'comment "rast_tnet"')" 2 "the rules are not doubled"
	nft delete table inet strict
else
	skip "a pod reaches the outside, masqueraded" "nf_tables"
fi

# Half-way failures.
links=$(ip -o link | wc -l)
check_fails "a second link into the same namespace is refused" $D add $P/a test/again
is "$(ip -o link | wc -l)" "$links" "and leaves no link"
is "$($D addresses | cut -d' ' -f1)" 2 "and no address"
check_fails "a namespace that is none is refused" $D add /proc/self/ns/mnt test/x
check_fails "creating over an existing namespace is refused" $D create $P/a

check "fifty pods come and go one after another" $D loop $P/c test/c 50
diag "mean of fifty: $($D loop $P/c test/c 50 | tr '\n' ' ')"
is "$($D links | cut -d' ' -f1) $(ip -o link | wc -l)" "2 $links" "and leave only the two that stay"

# Two at once: twenty pods each, no address twice.
many()
{
	for i in $(seq 20); do
		$D prepare && $D create "$P/$1$i" && $D add "$P/$1$i" "test/$1$i" || return 1
	done
}
many x >"$tmp/x" 2>&1 &
x=$!
many y >"$tmp/y" 2>&1
y=$?
wait $x
is "$? $y" "0 0" "two processes add twenty pods each at the same time"
is "$(cut -d' ' -f1 "$tmp/x" "$tmp/y" | sort -u | grep -c '^10\.74')" 40 "and get forty different addresses"
is "$($D links | cut -d' ' -f1)" 42 "and forty links"
check "the last of them reaches the first pod" reaches $P/y20 "$a_addr"

# The way outside in IPv6: a host that has none, one that learns its router, one that knows it.
if [ "$v6" ] && [ "$nft" ]; then
	ip addr add 2001:db8:1::1/64 dev out0 nodad
	in_ns "$tmp/outside" ip addr add 2001:db8:1::2/64 dev out1 nodad
	again() { nft delete table ip rast_tnet; $D prepare; }
	ip -6 route add default via 2001:db8:1::2 proto ra
	again
	like "$($D warning)" 'learns its router by advertisements' "forwarding does not take away the host's own router"
	is "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" 0 "and stays off"
	echo 2 >/proc/sys/net/ipv6/conf/out0/accept_ra
	again
	check "with accept_ra 2 a pod reaches the outside, masqueraded" reaches $P/b 2001:db8:1::2
	is "$($D warning)" "" "and nothing is warned of"
	nft flush table ip6 rast_tnet
	check_fails "without the masquerade it does not" reaches $P/b 2001:db8:1::2
	nft delete table ip6 rast_tnet
	check "prepare misses the table" $D prepare
	check "and puts it back" reaches $P/b 2001:db8:1::2
	nft -f - <<'END'
table ip6 filter {
	chain FORWARD { type filter hook forward priority filter; policy drop; }
}
END
	check_fails "a dropping FORWARD chain of ip6tables stops it" reaches $P/b 2001:db8:1::2
	again
	check "prepare lets the pods pass there too" reaches $P/b 2001:db8:1::2
	is "$(nft list chain ip6 filter FORWARD | grep -c 'comment "rast_tnet"')" 2 "by two rules"
	echo 1 >/proc/sys/net/ipv6/conf/out0/accept_ra
	ip -6 route del default
	ip addr del 2001:db8:1::1/64 dev out0
fi

python3 -c 'import socket, signal
s = socket.create_server(("127.0.0.1", 8099))
signal.pause()' &
pids="$pids $!"
wait_for 5 sh -c '! '"$D"' port tcp 8099'
like "$($D port tcp 8099 2>&1)" '^port 8099/tcp of the host .* is in use$' "a port in use is named"
check "a free port is free" $D port udp 8099

# ip_forward belongs to every instance: the one that changed it may leave first.
RAST_INSTANCE=tnetb $D prepare
check "teardown with pods still there" $D teardown
is "$(cat /proc/sys/net/ipv4/ip_forward)" 1 "forwarding stays on while another instance runs"
RAST_INSTANCE=tnetb $D teardown
is "$(cat /proc/sys/net/ipv4/ip_forward)" 0 "and goes back with the last"
if [ "$nft" ]; then
	is "$(nft list chain ip filter DOCKER-USER | grep -c rast)" 0 "no rule is left in docker's chain"
	nft delete table ip filter
	if [ "$v6" ]; then
		is "$(nft list chain ip6 filter FORWARD | grep -c rast)" 0 "nor in that of ip6tables"
		nft delete table ip6 filter
	fi
fi
same "$before" "teardown leaves links, rules and sysctls as they were"
check "teardown of nothing succeeds" $D teardown

out=$(RAST_POD_CIDR=198.18.0.0/16 $D prepare 2>&1)
like "$out" 'pod range 198.18.0.0/16 overlaps the route 198.18.0.0/24 on out0' "a range that the host uses is refused by name"
if [ "$v6" ]; then
	ip -6 route add fd77:7261:7374::a4a:6000:40/124 dev out0
	like "$($D prepare 2>&1)" "pod range fd77:7261:7374::a4a:6000:0/112 overlaps the route fd77:7261:7374::a4a:6000:40/124 on out0" \
		"so is an IPv6 range"
	ip -6 route del fd77:7261:7374::a4a:6000:40/124 dev out0
	RAST_POD_CIDR6=off $D prepare
	is "$(ip -6 addr show dev tnet0) $($D warning)" " " "switched off, the bridge has no IPv6, and nobody is told"
	$D teardown
	echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
	$D prepare
	like "$($D warning)" '^pods have IPv4 alone: net.ipv6.conf' "a host without IPv6 says so"
	is "$(ip -6 addr show dev tnet0)" "" "and its bridge has none"
	$D teardown
	echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
fi
ip link add tnet0 type veth peer name tnetx
like "$($D prepare 2>&1)" 'interface tnet0 exists and is no bridge' "an interface of the bridge's name is left alone"
ip link del tnet0
mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys
check_fails "prepare that cannot turn forwarding on fails" $D prepare
umount /proc/sys
same "$before" "and takes back what it had done"

lib=$(ldconfig -p | sed -n 's/.*libnftables\.so\.1 .*=> //p' | head -n 1)
if [ "$lib" ]; then
	mount --bind /dev/null "$(readlink -f "$lib")"
	check "without libnftables the network is made all the same" $D prepare
	like "$($D warning)" '^pods cannot reach the outside: libnftables' "and one line says what is missing"
	umount "$(readlink -f "$lib")"
	$D teardown
fi
for n in "$P"/*; do $D remove "$n" || nok "remove $n"; done
is "$(ls $P)" "" "every namespace can be removed"
is "$(grep -c " $R/" /proc/self/mountinfo)" 0 "no mount is left"
tap_done
