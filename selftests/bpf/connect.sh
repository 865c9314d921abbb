#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 200
# Verdicts at connect(2) and sendto(2), asked by programs in containers that `rastbpf up` started; and the same
# by packets of processes that are in the pod's network but in no container, which no such hook sees.
# shellcheck disable=SC2154 # addresses and pids are set by name in find_pods
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
for tool in busybox jq nsenter unshare ip; do
	command -v $tool >/dev/null || skip_all "$tool"
done
R=$O/bin/rastbpf D=$O/tests/policy_driver T=$O/tests/traffic A=$O/tests/connect_ask
export RAST_INSTANCE=tconn1
tmp=$(mktemp -d)
clear_instance()
{
	$R down --all --now >/dev/null 2>&1
	$R daemon stop >/dev/null 2>&1
	$R gc --all >/dev/null 2>&1
	rm -rf "/var/lib/$RAST_INSTANCE"
}
tap_cleanup 'rm -rf "$tmp"'
tap_cleanup clear_instance

make_image()
{
	i=/var/lib/$RAST_INSTANCE/images/box
	mkdir -p "$i/rootfs/bin" "$i/rootfs/proc" "$i/rootfs/sys" "$i/rootfs/dev" "$i/rootfs/etc" "$i/rootfs/tmp" "$i/rootfs/run"
	cp "$(command -v busybox)" "$i/rootfs/bin/busybox"
	cp "$T" "$A" "$i/rootfs/bin"
	cat >"$i/image.json" <<-J
		{"name":"box","digest":"test","built":"2026-01-01T00:00:00Z","size_bytes":1,"packages":[],
		"config":{"command":["/bin/busybox","sleep","100000"],"env":[],"user":"0:0","working_dir":"/","ports":[]}}
	J
}
pod() # NAME COMMAND [SECURITY]
{
	printf -- '---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: t, labels: {app: %s}}\n' "$1" "$1"
	printf 'spec:\n  containers:\n    - name: main\n      image: box\n      command: [%s]\n' "$2"
	[ -z "${3:-}" ] || printf '      securityContext: %s\n' "$3"
}
# The client may use TCP 80 to 90 and UDP 53 of the server; the server takes all but TCP 85, and opens nothing.
policy() # EXTRA PORTS OF THE CLIENT
{
	cat <<-Y
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: client, namespace: t}
		spec:
		  podSelector: {matchLabels: {app: client}}
		  policyTypes: [Egress]
		  egress:
		    - to: [{podSelector: {matchLabels: {app: server}}}]
		      ports: [${1:-}{port: 80, endPort: 90}, {port: 53, protocol: UDP}]
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: server, namespace: t}
		spec:
		  podSelector: {matchLabels: {app: server}}
		  policyTypes: [Ingress, Egress]
		  ingress:
		    - ports: [{port: 1, endPort: 84}, {port: 86, endPort: 65535}, {port: 1, endPort: 65535, protocol: UDP}]
	Y
}
find_pods() # sets client, client_pid, client_slot, ...
{
	$R -j container list >"$tmp/list" || return 1
	for p in client server admin; do
		eval "$(jq -r "first(.[]|select(.pod==\"$p\"))|\"$p=\(.address) ${p}_pid=\(.pid) ${p}_slot=\(.slot)\"" "$tmp/list")"
	done
}
# asked POD "PROTO ADDR PORT" [OPTIONS]: by a program of the pod's container
asked()
{
	who=$1 what=$2
	shift 2
	printf '%s\n' "$what" | $R container exec "t/$who" /bin/connect_ask "$@" 2>&1
}
# outside POD "PROTO ADDR PORT" [OPTIONS]: in the pod's network, in nobody's container
outside()
{
	eval "n=\$$1_pid"
	what=$2
	shift 2
	printf '%s\n' "$what" | nsenter -t "$n" -n -- "$A" "$@"
}
dropped() { $D counters "$1" | jq ".$2.dropped.policy"; }

make_image
{
	pod server '/bin/traffic, serve, "tcp:80", "tcp:81", "tcp:85", "tcp:443", "udp:53", "udp:54", "udp:81"'
	pod client '/bin/busybox, sleep, "100000"'
	pod admin '/bin/busybox, sleep, "100000"' '{capabilities: {add: [NET_ADMIN]}}'
} >"$tmp/pods.yaml"
check "pods come up without a policy" $R up -f "$tmp/pods.yaml"
[ $TAP_FAILED = 0 ] || tap_done
find_pods
like "$(ls "/sys/fs/bpf/$RAST_INSTANCE/link")" '^policy_conn4$' "the programs are attached to the instance's cgroup"
wait_for 10 "$T" tcp "$server" 80
is "$(asked client "tcp $server 443")" connected "without a policy a program connects"
is "$(asked client "udp $server 54")" answered "and sends"

policy >"$tmp/policy.yaml"
check "a policy is applied" $R policy apply -f "$tmp/policy.yaml"
is "$(asked client "tcp $server 80")" connected "an allowed port is connected to"
is "$(asked client "tcp $server 80" -6)" connected "also by an AF_INET6 socket"
is "$(asked client "udp $server 53")" answered "an allowed datagram is sent and answered, by a server that may open nothing"
is "$(asked client "udp $server 53" -6)" answered "also by an AF_INET6 socket"
is "$(asked client "udpc $server 53")" answered "and by one that is connected"
is "$(asked client "tcp $server 443")" eperm "another port gets EPERM at once"
is "$(asked client "tcp $server 443" -6)" eperm "also by an AF_INET6 socket and a mapped address"
is "$(asked client "udp $server 54")" eperm "a datagram to another port gets EPERM"
is "$(asked client "udp $server 54" -6)" eperm "also by an AF_INET6 socket"
is "$(asked client "udpc $server 54")" eperm "and a UDP socket that connects"
is "$(asked client "tcp 192.0.2.1 80")" eperm "an address outside gets EPERM"
is "$(asked client "tcp $server 85")" eperm "what the other pod does not let in gets EPERM too"
is "$(asked server "tcp $client 80")" eperm "a pod that may open nothing gets EPERM"
is "$(asked server "udp $client 80")" eperm "also for datagrams that answer nothing"
is "$(outside client "tcp $server 443")" silent "a process outside of containers gets no EPERM; its packets are dropped"

is "$(asked client "tcp 127.0.0.1 443")" refused "loopback is no matter of policy"
is "$(asked client "tcp $client 443")" refused "nor is the pod's own address"
is "$(asked client "tcp 0.0.0.0 443")" refused "nor 0.0.0.0"
is "$(asked client "tcp ::1 443")" refused "nor ::1"
is "$(asked client "udpc $server 81")" silent "a UDP socket may be connected to where TCP may go; its datagram is dropped"
is "$(asked client "udp $server 81")" eperm "but a datagram by itself gets EPERM"
sed 's/{app: client}/{app: admin}/' "$tmp/policy.yaml" >"$tmp/admin.yaml"
sed -i '/^metadata/s/name: client/name: admin/; /name: server/,$d' "$tmp/admin.yaml"
sed -i '$d' "$tmp/admin.yaml"
sed -i '$d' "$tmp/admin.yaml"
check "the same policy for a pod that may change its network" $R policy apply -f "$tmp/admin.yaml"
is "$(asked admin "tcp $server 443")" silent "is enforced by packets alone"
nested=$(cat "/proc/$client_pid/cgroup" | sed -n 's/^0:://p')
is "$(printf 'tcp %s 443\n' "$server" | sh -c 'echo $$ >"$1/cgroup.procs" && exec unshare -n "$2"' sh \
	"$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)$nested" "$A")" ENETUNREACH \
	"in a network namespace that a program made itself addresses mean something else: no verdict"

# ---- what is told ----
$R daemon start >/dev/null 2>&1
$R -j flow watch --verdict deny >"$tmp/events" 2>/dev/null &
watch=$!
tap_cleanup 'kill $watch 2>/dev/null'
wait_for 10 sh -c "printf 'tcp $server 444\n' | $R container exec t/client /bin/connect_ask >/dev/null; [ -s $tmp/events ]"
before=$(dropped "$client_slot" egress)
is "$(asked client "tcp $server 445")" eperm "a port is refused that nobody has asked for before"
wait_for 10 grep -q '"dst_port": *445' "$tmp/events"
is "$(jq -c 'select(.dst_port==445)|[.pod,.peer_pod,.direction,.verdict,.reason,.at_connect,.comm,.packets]' "$tmp/events")" \
	'["client","server","egress","deny","policy",true,"connect_ask",1]' "one event tells of it, with the program that asked, and that it was at connect"
like "$(jq -c 'select(.dst_port==445)|.rule.isolated_by' "$tmp/events")" 't/client' "and the policy that isolates"
is "$(($(dropped "$client_slot" egress) - before))" 1 "it is counted once"
is "$(jq -r 'select(.dst_port==445)|.pid' "$tmp/events" | grep -c '^[1-9]')" 1 "the pid is told"
is "$(asked client "tcp $server 85")" eperm "and what the server does not let in"
wait_for 10 grep -q '"dst_port": *85\b' "$tmp/events"
is "$(jq -c 'select(.dst_port==85)|[.pod,.peer_pod,.direction,.at_connect]' "$tmp/events" | head -n 1)" \
	'["server","client","ingress",true]' "is an event of the server's link, as if a packet had come there"

# ---- changes ----
policy '{port: 443}, ' >"$tmp/wider.yaml"
check "the policy is widened" $R policy apply -f "$tmp/wider.yaml"
is "$(asked client "tcp $server 443")" connected "and programs may connect"
check "and narrowed" $R policy apply -f "$tmp/policy.yaml"
is "$(asked client "tcp $server 443")" eperm "and they may not"

# ---- random policies ----
seed=${RAST_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
random_policy() # SEED
{
	awk -v seed="$1" '
	function ranges(n,   i, p, s) {
		for (i = 0; i < n; i++) {
			p = 1 + int(rand() * 120)
			s = s (i ? ", " : "") sprintf("{protocol: %s, port: %d, endPort: %d}", rand() < 0.6 ? "TCP" : "UDP", p, p + int(rand() * 90))
		}
		return s
	}
	function rules(dir, key,   i, n, peer) {
		printf "  %s:\n", dir
		n = 1 + int(rand() * 3)
		for (i = 0; i < n; i++) {
			peer = rand()
			if (peer < 0.5) printf "    - %s: [{podSelector: {matchLabels: {app: %s}}}]\n", key, rand() < 0.7 ? (dir == "egress" ? "server" : "client") : "admin"
			else if (peer < 0.75) printf "    - %s: [{ipBlock: {cidr: 0.0.0.0/%d}}]\n", key, int(rand() * 3)
			else printf "    - %s: [{namespaceSelector: {}}]\n", key
			printf "      ports: [%s]\n", ranges(1 + int(rand() * 3))
		}
	}
	function policy(name, dir, key) {
		printf "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: %s, namespace: t}\n", name
		printf "spec:\n  podSelector: {matchLabels: {app: %s}}\n  policyTypes: [%s]\n", name, dir == "egress" ? "Egress" : "Ingress"
		rules(dir, key)
	}
	BEGIN { srand(seed); policy("client", "egress", "to"); policy("server", "ingress", "from") }'
}
n=0 differ=0 refused=0 passed=0
while [ $n -lt 6 ]; do
	random_policy $((seed + n)) >"$tmp/random.yaml"
	$R policy apply -f "$tmp/random.yaml" >"$tmp/out" 2>&1 || break
	awk -v seed=$((seed + n)) -v server="$server" -v admin="$admin" 'BEGIN {
		srand(seed)
		for (i = 0; i < 120; i++) print "tcp", rand() < 0.8 ? server : admin, 1 + int(rand() * 150)
		print "udp", server, 53; print "udp", server, 54; print "udp", server, 81 }' >"$tmp/asks"
	$R container exec t/client /bin/connect_ask -w 500 <"$tmp/asks" >"$tmp/at_connect"
	nsenter -t "$client_pid" -n -- "$A" -w 1500 <"$tmp/asks" >"$tmp/by_packet"
	# EPERM there and silence here, or neither.
	set -- $(paste "$tmp/at_connect" "$tmp/by_packet" | awk '
		{ e = $1 == "eperm"; s = $2 == "silent"; r += e; p += !e; d += e != s }
		END { print d + 0, r + 0, p + 0 }')
	differ=$((differ + $1)) refused=$((refused + $2)) passed=$((passed + $3)) n=$((n + 1))
	[ "$1" = 0 ] || paste "$tmp/asks" "$tmp/at_connect" "$tmp/by_packet" | sed 's/^/# /' | head -n 20
done
is "$n" 6 "random policies are applied (RAST_SEED=$seed)"
is "$differ" 0 "of $((refused + passed)) connections each gets EPERM whose packets are dropped, and no other ($refused, $passed)"
[ $refused -gt 20 ] && [ $passed -gt 20 ]
is $? 0 "there are enough of both"
kill $watch
check "down" $R down -f "$tmp/pods.yaml" -f "$tmp/policy.yaml" --now
clear_instance
is "$(ls -d "/sys/fs/bpf/$RAST_INSTANCE" "/run/$RAST_INSTANCE" 2>/dev/null)" "" "nothing is left"
tap_done
