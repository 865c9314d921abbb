#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 300
# Network policy under real traffic: three containers brought up by `rastbpf up`, TCP, UDP and ICMP
# between them, policies changed and processes killed meanwhile. On the host everything twice: with
# the programs on tcx and on clsact; a guest uses what its kernel has.
# shellcheck disable=SC2154 # addresses and pids are set by name in find_pods
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
for tool in busybox jq nsenter ip tc bpftool; do
	command -v $tool >/dev/null || skip_all "$tool"
done
R=$O/bin/rastbpf D=$O/tests/policy_driver T=$O/tests/traffic
tmp=$(mktemp -d)
bg=
end_background()
{
	for p in $bg; do kill "$p" 2>/dev/null; done
	for p in $bg; do wait "$p" 2>/dev/null; done
	bg=
}
clear_instance()
{
	[ -n "${RAST_INSTANCE:-}" ] || return 0
	$R down --all --now >/dev/null 2>&1
	$R daemon stop >/dev/null 2>&1
	$R gc --all >/dev/null 2>&1
	rm -rf "/var/lib/$RAST_INSTANCE"
}
tap_cleanup 'rm -rf "$tmp"'
tap_cleanup 'clear_instance'
tap_cleanup 'end_background'

# An image is a folder; this one holds two static programs.
make_image()
{
	i=/var/lib/$RAST_INSTANCE/images/box
	mkdir -p "$i/rootfs/bin" "$i/rootfs/www" "$i/rootfs/proc" "$i/rootfs/sys" "$i/rootfs/dev" \
		"$i/rootfs/etc" "$i/rootfs/tmp" "$i/rootfs/run"
	cp "$(command -v busybox)" "$i/rootfs/bin/busybox"
	cp "$T" "$i/rootfs/bin/traffic"
	echo "a page" >"$i/rootfs/www/index.html"
	cat >"$i/image.json" <<-J
		{"name":"box","digest":"test","built":"2026-01-01T00:00:00Z","size_bytes":1,"packages":[],
		"config":{"command":["/bin/busybox","sleep","100000"],"env":[],"user":"0:0","working_dir":"/","ports":[]}}
	J
}

pod() # NAME COMMAND...
{
	name=$1
	shift
	printf -- '---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: t, labels: {app: %s}}\n' "$name" "$name"
	printf 'spec:\n  containers:\n    - name: main\n      image: box\n      command: [%s]\n' "$1"
	[ "$#" = 1 ] || printf '    - name: second\n      image: box\n      command: [%s]\n' "$2"
}

# Only the client may use TCP 80, 8080 and UDP 53 of the server, only the friend all of it. The server
# itself may open nothing. $1 is added to the client's ports.
policy()
{
	cat <<-Y
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: server, namespace: t}
		spec:
		  podSelector: {matchLabels: {app: server}}
		  policyTypes: [Ingress, Egress]
		  ingress:
		    - from: [{podSelector: {matchLabels: {app: client}}}]
		      ports: [${1:-{port: 80\}, }{port: 8080}, {port: 53, protocol: UDP}]
		    - from: [{podSelector: {matchLabels: {app: friend}}}]
	Y
}

find_pods() # sets client, client_pid, client_slot, client_if, ... and so on
{
	$R -j container list >"$tmp/list" && $D status >"$tmp/status" || return 1
	for p in client server friend; do
		a=$(jq -r "first(.[]|select(.pod==\"$p\")|.address)" "$tmp/list")
		n=$(jq -r "first(.[]|select(.pod==\"$p\" and .name==\"main\")|.pid)" "$tmp/list")
		eval "$p=$a ${p}_pid=$n"
		eval "$(jq -r ".endpoints[]|select(.address==\"$a\")|\"${p}_slot=\(.slot) ${p}_index=\(.ifindex) ${p}_id=\(.identity)\"" "$tmp/status")"
		eval "i=\$${p}_index"
		eval "${p}_if=$(ip -j link | jq -r ".[]|select(.ifindex==$i)|.ifname")"
	done
}

inside() # POD COMMAND...: in the pod's network
{
	eval "n=\$$1_pid"
	shift
	nsenter -t "$n" -n -- "$@"
}
passes() { check "$1" inside "$2" "$T" "$3" "$4" "$5" 2000; }
denied() { is "$(inside "$2" "$T" "$3" "$4" "$5" 200 2>&1)" "nothing came back" "$1"; }
dropped() # SLOT DIRECTION REASON
{
	$D counters "$1" | jq ".$2.dropped.$3"
}
last_is() { [ "$(tail -n 1 "$1")" = "$2" ]; }
generation() { $D status | jq .generation; }
told() # packets that events told of: denied UDP to port 54
{
	jq -s "[.[]|select(.verdict==\"deny\" and .dst_port==54 and .protocol==\"UDP\" and .src_port==4444)|.packets]|add//0" "$tmp/events"
}
told_is() { [ "$(told)" = "$1" ]; }

# The stream's counts are "good N lost N bad N passed N".
stream_begin()
{
	nsenter -t "$client_pid" -n -- "$T" stream "$server" 80 81 >"$tmp/stream" &
	stream=$!
	bg="$bg $stream"
}
stream_at() # COUNT: so many attempts were made
{
	[ "$(tail -n 1 "$tmp/stream" | cut -d' ' -f2)" -ge "$1" ]
}
stream_end() # SENTENCE LEAST
{
	stream_now=$(tail -n 1 "$tmp/stream" | cut -d' ' -f2)
	wait_for 20 stream_at $((${stream_now:-0} + $2))
	kill -TERM $stream
	wait $stream
	counts=$(tail -n 1 "$tmp/stream")
	like "$counts" '^good [1-9][0-9]* lost 0 bad [1-9][0-9]* passed 0$' "$1 ($counts)"
}

verdicts()
{
	passes "$m: an allowed port passes, and its answers, though the server may send nothing itself" client tcp "$server" 80
	denied "$m: another port of the server is denied" client tcp "$server" 81
	passes "$m: another client has all ports" friend tcp "$server" 81
	denied "$m: the server cannot open a connection" server tcp "$client" 80
	passes "$m: a pod that no policy selects is open" friend tcp "$client" 80
	check "$m: the node reaches what policy isolates, as probes must" "$T" tcp "$server" 81 2000
	like "$(printf 'GET / HTTP/1.0\r\n\r\n' | inside client busybox nc -w 3 "$server" 8080)" "^a page" "$m: a page is fetched over HTTP"
	passes "$m: an allowed datagram is answered" client udp "$server" 53
	denied "$m: a datagram to another port is not" client udp "$server" 54
	denied "$m: a TCP port's number does not allow UDP" client udp "$server" 80
	check "$m: ping passes where everything is allowed" inside friend busybox ping -c 1 -W 2 "$server"
	check_fails "$m: ping is denied where ports are" inside client busybox ping -c 1 -W 1 "$server"
	check_fails "$m: the server cannot ping" inside server busybox ping -c 1 -W 1 "$friend"
}

bridged() # packets that the bridge has sent to the server
{
	ip -j -s link show "$server_if" | jq '.[0].stats64.tx.packets'
}
# Between pods of a host packets go from one into the other; told not to, they pass the bridge.
short_cut()
{
	before=$(bridged)
	inside client "$T" rr "$server" 80 0.3 >"$tmp/rr"
	is $? 0 "$m: connections are made one after the other"
	n=$(($(bridged) - before))
	[ $n -lt 10 ]
	is $? 0 "$m: their packets pass no bridge ($n)"
	check "$m: the short cut is switched off" env RAST_SHORT_CUT=0 $D load
	before=$(bridged)
	inside client "$T" rr "$server" 80 0.3 >"$tmp/rr"
	is $? 0 "$m: connections are made as before"
	n=$(($(bridged) - before))
	[ $n -gt 10 ]
	is $? 0 "$m: now their packets pass the bridge ($n)"
	denied "$m: what is denied is denied" client tcp "$server" 81
	check "$m: the short cut is back" $D load
	before=$(bridged)
	inside client "$T" rr "$server" 80 0.1 >"$tmp/rr"
	n=$(($(bridged) - before))
	[ $n -lt 10 ]
	is $? 0 "$m: also for links that were there before ($n)"
}

spoofing()
{
	before=$(dropped "$client_slot" egress spoofed)
	inside client "$T" forge "$friend" "$server" 53 25
	is $(($(dropped "$client_slot" egress spoofed) - before)) 25 "$m: 25 packets with another pod's address are dropped and counted"
	before=$(dropped "$client_slot" egress spoofed)
	inside client sh -c "ip addr flush dev eth0 && ip addr add ${server%.*}.99/16 dev eth0"
	denied "$m: with an address of its own choice a pod is cut off" client tcp "$server" 80
	[ "$(dropped "$client_slot" egress spoofed)" -gt "$before" ]
	is $? 0 "$m: and counted as spoofing"
	inside client sh -c "ip addr flush dev eth0 && ip addr add $client/16 dev eth0"
	passes "$m: with its own address it is back" client tcp "$server" 80
}

events()
{
	$R -j flow watch --verdict deny >"$tmp/events" 2>"$tmp/watch.err" &
	watch=$!
	bg="$bg $watch"
	# The stream stands once an event of it has come.
	wait_for 10 sh -c "nsenter -t $client_pid -n $T tcp $server 81 50 >/dev/null; [ -s $tmp/events ]"
	before=$(dropped "$server_slot" ingress policy)
	inside client "$T" forge "$client" "$server" 54 40
	is $(($(dropped "$server_slot" ingress policy) - before)) 40 "$m: 40 denied datagrams are 40 in the counter of the server's link"
	wait_for 8 told_is 40
	is "$(told)" 40 "$m: and 40 in the events, most of them told of by one event"
	like "$(jq -c 'select(.dst_port==54)|[.pod,.peer_pod,.direction,.rule.isolated_by]' "$tmp/events" | head -n 1)" \
		'^\["server","client","ingress",\[.*t/server' "$m: the event names both pods and the policy that isolates"
	kill $watch
	wait $watch
	like "$($R -j flow edges | jq -c '.[]|[.from,.to,.port,.protocol,.verdict]')" '\["client","server",54,"UDP","deny"\]' "$m: the edge is in the list"
	like "$($R -j flow edges | jq -c '.[]|[.from,.to,.port,.protocol,.verdict]')" '\["client","server",80,"TCP","allow"\]' "$m: so is the allowed one"
}

withdrawn()
{
	nsenter -t "$client_pid" -n -- "$T" hold "$server" 80 >"$tmp/hold" &
	hold=$!
	bg="$bg $hold"
	wait_for 5 last_is "$tmp/hold" up
	is "$(tail -n 1 "$tmp/hold")" up "$m: a connection stands"
	policy ' ' >"$tmp/stricter.yaml"
	check "$m: its policy is withdrawn" $R policy apply -f "$tmp/stricter.yaml"
	wait_for 5 last_is "$tmp/hold" down
	is "$(tail -n 1 "$tmp/hold")" down "$m: the connection stops"
	g=$(generation)
	printf '%s\n' "$(policy | sed 's/port: 8080/port: 80800/')" >"$tmp/invalid.yaml"
	like "$($R policy apply -f "$tmp/invalid.yaml" 2>&1)" "invalid\\.yaml:[0-9]+:[0-9]+: " "$m: an invalid policy is refused with file, line and column"
	is "$(generation)" "$g" "$m: and the one in force stays"
	denied "$m: with its verdicts" client tcp "$server" 80
	check "$m: the first policy is applied again" $R policy apply -f "$tmp/policy.yaml"
	wait_for 8 last_is "$tmp/hold" up
	is "$(tail -n 1 "$tmp/hold")" up "$m: the same connection goes on"
	kill $hold
	wait $hold
}

killed()
{
	stream_begin
	wait_for 10 stream_at 50
	kill -9 "$($R -j daemon status | jq .pid)"
	wait_for 5 sh -c "! $R daemon status"
	check_fails "$m: no controller runs" $R daemon status
	stream_end "$m: rastd is killed, nothing of ours runs, and no verdict is wrong" 300
	$R daemon start >/dev/null
	passes "$m: with a new rastd as before" client tcp "$server" 80
	denied "$m: also what is denied" client tcp "$server" 81
}

# Two policies with other classes, peers and ports, that agree on 80 and 81 alone.
flips() # HOW MANY
{
	policy '{port: 80}, {port: 1}, {port: 3, endPort: 30}, {port: 443}, ' >"$tmp/other.yaml"
	cat >>"$tmp/other.yaml" <<-Y
		    - from:
		        - ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.7/32]}
		        - ipBlock: {cidr: 198.51.100.0/25}
		      ports: [{port: 82, endPort: 100}]
	Y
	$R daemon stop >/dev/null
	g=$(generation)
	stream_begin
	wait_for 10 stream_at 10
	check "$m: policy is changed $1 times" $D flip "$1" "$tmp/other.yaml" "$tmp/policy.yaml"
	stream_end "$m: over all of them no connection is judged wrongly" 20
	is $(($(generation) - g)) "$1" "$m: and each came into force"
}

endpoints()
{
	key=$(printf '%02x %02x 00 00' $((client_index & 255)) $((client_index >> 8)))
	before=$(dropped 4096 egress no_policy)
	# shellcheck disable=SC2086 # bytes are words
	bpftool map delete pinned "/sys/fs/bpf/$RAST_INSTANCE/map/endpoint_by_ifindex" key hex $key
	denied "$m: a link that nobody announced is closed" client tcp "$server" 80
	[ "$(dropped 4096 egress no_policy)" -gt "$before" ]
	is $? 0 "$m: and counted as nobody's"
	mac=$(inside client ip -j link show eth0 | jq -r '.[0].address')
	check "$m: announced again" $D endpoint-add "$client_if" "$client_id" "$client_slot" "$client" "$mac"
	passes "$m: it is open" client tcp "$server" 80
	check "$m: an endpoint is taken out" $D endpoint-del "$client_if" "$client"
	is "$(cat "/sys/class/net/$client_if/operstate")" down "$m: its link is down"
	is "$($D status | jq -c "[.endpoints[].address|select(.==\"$client\")]")" '[]' "$m: it is in no map"
	is "$(hooks "$client_if" "$client_index")" "" "$m: nothing is attached to its link"
	check "$m: taking it out once more does nothing" $D endpoint-del "$client_if" "$client"
	check "$m: put back" $D endpoint-add "$client_if" "$client_id" "$client_slot" "$client" "$mac"
	ip link set "$client_if" up
	passes "$m: and up, it works" client tcp "$server" 80
	denied "$m: and is policed" client tcp "$server" 81
}

hooks() # IFNAME IFINDEX: what of ours hangs there
{
	for d in ingress egress; do
		tc filter show dev "$1" $d 2>/dev/null | grep -o 'policy_[a-z]*' | sort -u
	done
	ls "/sys/fs/bpf/$RAST_INSTANCE/link" | grep -E "^policy_(in|out)_$2\$"
}

scenario() # tcx|clsact
{
	m=$1
	export RAST_INSTANCE="tpt$m"
	clear_instance
	make_image
	{
		pod server '/bin/traffic, serve, "tcp:80", "tcp:81", "udp:53", "udp:54", "udp:80"' \
			'/bin/busybox, httpd, -f, -p, "8080", -h, /www'
		pod client '/bin/traffic, serve, "tcp:80"'
		pod friend '/bin/traffic, serve, "tcp:80"'
	} >"$tmp/pods.yaml"
	policy >"$tmp/policy.yaml"
	check "$m: three pods and their policy come up" $R up -f "$tmp/pods.yaml" -f "$tmp/policy.yaml"
	[ $TAP_FAILED = 0 ] || return
	find_pods
	wait_for 10 "$T" tcp "$server" 80
	wait_for 10 busybox nc -w 1 "$server" 8080 </dev/null
	wait_for 10 "$T" tcp "$client" 80
	wait_for 10 "$T" tcp "$friend" 80
	is "$($D status | jq -c '[.endpoints[].attach]|unique')" "[\"$m\"]" "$m: all links are policed by way of $m"
	verdicts
	short_cut
	spoofing
	withdrawn
	endpoints
	# Guests are emulated: what is no matter of the kernel's version is left to the host.
	if [ -z "$guest" ]; then
		events
		killed
		flips 200
	else
		flips 10
	fi
	check "$m: down" $R down -f "$tmp/pods.yaml" -f "$tmp/policy.yaml" --now
	is "$($D status | jq -c .endpoints)" '[]' "$m: no endpoint is left"
	clear_instance
	is "$({ ip -o link | grep -o " $RAST_INSTANCE[0-9a-f]*"; ls -d "/sys/fs/bpf/$RAST_INSTANCE" "/run/$RAST_INSTANCE"; } 2>/dev/null)" "" "$m: nothing is left"
}

guest=
[ "${RAST_TEST_NAME:-}" = guest ] && guest=1
case $(uname -r) in
6.[0-5].*)
	skip "tcx" "kernel 6.6"
	unset RAST_TCX # found out, not told
	scenario clsact
	;;
*)
	scenario tcx
	RAST_TCX=0
	export RAST_TCX
	[ -n "$guest" ] || scenario clsact
	;;
esac
tap_done
