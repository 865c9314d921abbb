#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 120
# The log of ended flows under real traffic: TCP by its sockets, at both ends, however it ends; and a flood
# while the controller does not read. UDP and sweeps: bpf_flow.
# shellcheck disable=SC2154 # addresses and pids are set by name
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
for tool in busybox jq nsenter; do
	command -v $tool >/dev/null || skip_all "$tool"
done
R=$O/bin/rastbpf T=$O/tests/traffic
RAST_INSTANCE=tflowlog
export RAST_INSTANCE
tmp=$(mktemp -d)
bg=
clear_instance()
{
	for p in $bg; do kill "$p" 2>/dev/null; done
	$R down --all --now >/dev/null 2>&1
	$R daemon stop >/dev/null 2>&1
	$R gc --all >/dev/null 2>&1
	rm -rf "/var/lib/$RAST_INSTANCE" "$tmp"
}
tap_cleanup clear_instance

make_image()
{
	i=/var/lib/$RAST_INSTANCE/images/box
	mkdir -p "$i/rootfs/bin" "$i/rootfs/www" "$i/rootfs/proc" "$i/rootfs/sys" "$i/rootfs/dev" \
		"$i/rootfs/etc" "$i/rootfs/tmp" "$i/rootfs/run"
	cp "$(command -v busybox)" "$i/rootfs/bin/busybox"
	cp "$T" "$i/rootfs/bin/traffic"
	head -c 300000 /dev/zero >"$i/rootfs/www/page"
	cat >"$i/image.json" <<-J
		{"name":"box","digest":"test","built":"2026-01-01T00:00:00Z","size_bytes":1,"packages":[],
		"config":{"command":["/bin/busybox","sleep","100000"],"env":[],"user":"0:0","working_dir":"/","ports":[]}}
	J
}

pods()
{
	cat <<-Y
		apiVersion: v1
		kind: Pod
		metadata: {name: server, namespace: t, labels: {app: server}}
		spec:
		  containers:
		    - {name: main, image: box, command: [/bin/traffic, serve, "tcp:80"]}
		    - {name: web, image: box, command: [/bin/busybox, httpd, -f, -p, "8080", -h, /www]}
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: client, namespace: t, labels: {app: client}}
		spec:
		  containers:
		    - {name: main, image: box}
	Y
}

policy() # PORTS
{
	cat <<-Y
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: server, namespace: t}
		spec:
		  podSelector: {matchLabels: {app: server}}
		  policyTypes: [Ingress, Egress]
		  ingress:
		    - from: [{podSelector: {matchLabels: {app: client}}}]
		      ports: [$1]
	Y
}

inside() { nsenter -t "$client_pid" -n -- "$@"; }
ends() # JQ CONDITION: ended flows so far that meet it
{
	jq -c "select(.type==\"flow_end\" and ($1))" "$tmp/events"
}
two_ends() { [ "$(ends "$1" | wc -l)" -ge 2 ]; }
stats() { "$O/tests/ask" "/run/$RAST_INSTANCE/rastd.sock" '{"op":"flow.stats"}' | jq .result; }

clear_instance
mkdir -p "$tmp"
make_image
pods >"$tmp/pods.yaml"
policy '{port: 80}, {port: 8080}' >"$tmp/policy.yaml"
check "two pods and their policy come up" "$R" up -f "$tmp/pods.yaml" -f "$tmp/policy.yaml"
$R -j container list >"$tmp/list"
server=$(jq -r 'first(.[]|select(.pod=="server")|.address)' "$tmp/list")
client_pid=$(jq -r 'first(.[]|select(.pod=="client")|.pid)' "$tmp/list")
$R -j flow watch >"$tmp/events" 2>"$tmp/err" &
bg="$bg $!"
wait_for 10 inside "$T" tcp "$server" 80
wait_for 10 sh -c "nsenter -t $client_pid -n $T tcp $server 80; [ -s $tmp/events ]"

request='GET /page HTTP/1.0

'
is "$(printf '%s\r\n' "$request" | inside busybox nc -w 3 "$server" 8080 | tail -c 300000 | wc -c)" 300000 "a page is fetched"
wait_for 10 two_ends '.dst_port==8080'
ends '.dst_port==8080 and .direction=="egress"' | tail -n 1 >"$tmp/out"
ends '.dst_port==8080 and .direction=="ingress"' | tail -n 1 >"$tmp/in"
is "$(jq -c '[.pod,.peer_pod,.verdict,.ended,.protocol]' "$tmp/out")" '["client","server","allow","fin","TCP"]' "the end that called says with whom, and that both said all"
is "$(jq -c '[.pod,.peer_pod,.verdict,.ended,.rule.policy]' "$tmp/in")" '["server","client","allow","fin","server"]' "the end that was called says so too, and which policy let it in"
is "$(jq .bytes_out "$tmp/out")" "$(printf '%s\r\n' "$request" | wc -c)" "the request is counted to the byte"
like "$(jq .bytes_back "$tmp/out")" '^300[0-9]{3}$' "so is the answer"
is "$(jq -c '[.bytes_out,.bytes_back]' "$tmp/in")" "$(jq -c '[.bytes_out,.bytes_back]' "$tmp/out")" "both ends have counted the same"
is "$(jq '.packets_out>2 and .packets_back>2 and .duration_ns>0 and (.tcp_flags%8)%2==1 and (.tcp_flags/2|floor)%2==1' "$tmp/out")" true "there are packets each way, a duration, SYN and FIN"

inside "$T" rr "$server" 80 0.05 >/dev/null
wait_for 10 two_ends '.ended=="rst"'
two_ends '.ended=="rst"'
is $? 0 "a connection that is reset ends so at both ends"
is "$(ends '.ended=="rst" and .direction=="egress"' | head -n 1 | jq -c '[.bytes_out,.bytes_back]')" '[1,1]' "with the byte that went each way"

check_fails "a filter that makes no sense is refused" "$R" flow watch --from 10.0.0.0/33
like "$($R flow watch --from 10.0.0.0/33 2>&1)" '--from 10.0.0.0/33: neither a pod' "and says which and why"
while [ ! -e "$tmp/enough" ]; do inside "$T" tcp "$server" 80; done >/dev/null 2>&1 &
is "$(timeout 20 "$R" -j flow watch --from app=client --to t/server --port 80 --ended --direction egress --count 1 | jq -c '[.type,.pod,.peer_pod]')" \
	'["flow_end","client","server"]' "filters leave what was asked for, and --count ends it"
like "$($R -j flow top --by edge --sort bytes | jq -c '.[]|[.from,.to,.port,.flows_s>0,.bytes_s>0]')" \
	'^\["t/client","t/server",80,true,true\]' "top shows the edge with its rates"
: >"$tmp/enough"
wait $!
check_fails "top refuses a key that is none" "$R" flow top --sort size

rastd=$($R -j daemon status | jq .pid)
stats >"$tmp/before"
: >"$tmp/mark"
kill -STOP "$rastd"
inside "$T" rr "$server" 80 1 >/dev/null
kill -CONT "$rastd"
settled()
{
	stats >"$tmp/after" || return 1
	[ "$(flood opened)" -gt 2000 ] && [ "$(flood opened)" = "$(($(flood ended) + $(flood missed)))" ]
}
flood() { echo $(($(jq ".$1" "$tmp/after") - $(jq ".$1" "$tmp/before"))); }
wait_for 20 settled
settled
is $? 0 "thousands of connections while nobody reads: all have ended ($(flood opened) at both ends, $(flood missed) missed)"
is "$(($(flood told) + $(flood summed)))" "$(flood ended)" "each is told of or summed"
[ "$(flood summed)" -gt 0 ]
is $? 0 "some are summed, for the rings were full ($(flood summed))"
summed() { jq -s "[.[]|select(.type==\"flow_sum\")|.flows]|add//0" "$tmp/events"; }
all_summed() { [ "$(summed)" = "$(flood summed)" ]; }
wait_for 10 all_summed
is "$(summed)" "$(flood summed)" "the sums come later, with all of them"
is "$(jq -s '[.[]|select(.type=="flow_sum")]|map(.bytes_out==.flows and .ended.rst==.flows and .dst_port==80)|all' "$tmp/events")" true "and what each carried, by edge and rule"
cat >"$tmp/staged.yaml" <<-Y
	apiVersion: rast.os/v1
	kind: ContainerNetworkPolicy
	metadata: {name: later, namespace: t}
	spec:
	  podSelector: {matchLabels: {app: server}}
	  mode: Staged
	  ingressDeny: [{from: [{podSelector: {}}], ports: [{port: 80}]}]
Y
inside "$T" tcp "$server" 80 >/dev/null
like "$($R flow list | grep -m 1 ' 80 ')" 't/client +[0-9]+ +t/server +80 .* t/server ingress\[0\]' "list names both ends and the rule"
check "a policy is staged" "$R" policy apply -f "$tmp/staged.yaml"
timeout 20 "$R" flow watch --policy later --count 1 >"$tmp/staged" &
bg="$bg $!"
watch=$!
is "$(for _ in 1 2 3 4 5 6 7 8; do inside "$T" tcp "$server" 80; sleep 0.25; done | sort | uniq -c | tr -s " ")" " 8 passed" "it denies nothing"
wait $watch
like "$(cat "$tmp/staged")" 'deny  ingress .*t/later ingressDeny\[0\] \(.*staged.yaml:[0-9]+\)  staged: not enforced' "watch shows what it would have denied, and by which rule"
check "down" "$R" down --all --now
tap_done
