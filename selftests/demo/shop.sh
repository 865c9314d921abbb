#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The main job on real input: docs/examples/shop.yaml becomes three policed, accounted, audited and
# searchable pods; real traffic is driven through them; every expectation is checked. Ends non-zero
# when one fails and leaves nothing behind, however it ends. Images must have been built
# (selftests/demo/run.sh does that). Needs: bash, curl, jq and rastbpf in PATH.
set -u
HERE=$(cd "$(dirname "$0")/../.." && pwd)
SHOP=${SHOP:-$HERE/docs/examples/shop.yaml}
export RAST_INSTANCE=${RAST_INSTANCE:-shopdemo}
failed=0 passed=0 load_pid= watch_pid=
work=$(mktemp -d)

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	B=$'\e[1m' G=$'\e[32m' R=$'\e[31m' D=$'\e[2m' N=$'\e[0m'
else
	B= G= R= D= N=
fi
step() { printf '\n%s== %s%s\n' "$B" "$*" "$N"; }
note() { printf '%s   %s%s\n' "$D" "$*" "$N"; }
good() { passed=$((passed + 1)); printf '   %sok%s    %s\n' "$G" "$N" "$*"; }
bad() { failed=$((failed + 1)); printf '   %sFAIL%s  %s\n' "$R" "$N" "$*"; }
# expect SENTENCE COMMAND…
expect() {
	local what=$1
	shift
	if "$@" >"$work/out" 2>&1; then good "$what"; else
		bad "$what"
		sed 's/^/         /' "$work/out" | head -n 20
	fi
}
refuse() {
	local what=$1
	shift
	if "$@" >"$work/out" 2>&1; then bad "$what"; else good "$what"; fi
}
# until SECONDS COMMAND…: bounded poll
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >"$work/out" 2>&1; do
		[ $SECONDS -ge $end ] && return 1
		sleep 0.1
	done
}
stop_pid() {
	[ -n "$1" ] || return 0
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}
cleanup() {
	trap - EXIT INT TERM
	stop_pid "$load_pid"
	stop_pid "$watch_pid"
	rastbpf down --all >/dev/null 2>&1
	rastbpf daemon stop >/dev/null 2>&1
	rastbpf gc --all >/dev/null 2>&1
	rm -rf "/var/lib/$RAST_INSTANCE/store" "/var/lib/$RAST_INSTANCE/audit"
}
trap 'cleanup; rm -rf "$work"' EXIT
trap 'echo "interrupted: everything is taken down" >&2; exit 130' INT
trap 'exit 143' TERM

jqr() { jq -e "$@"; }
edge_is() { # FROM TO PORT VERDICT POLICY: such an edge was seen
	rastbpf -j flow edges | jqr --arg f "$1" --arg t "$2" --argjson p "$3" --arg v "$4" --arg pol "$5" \
		'any(.[]; .from==$f and .to==$t and .port==$p and (.verdict|startswith($v)) and (.policy|contains($pol)))'
}
# reaches POD ADDRESS PORT: a TCP connection from inside the pod, opened for real
reaches() {
	rastbpf container exec "shop/$1" -- nmap -n -Pn -sT -p "$3" --max-retries 0 \
		--host-timeout 4s "$2" | grep -q "^$3/tcp *open"
}
# live SECONDS: edges and containers once a second, redrawn in place on a terminal
live() {
	local i lines=0 view
	for ((i = 0; i < $1; i++)); do
		view=$(rastbpf flow edges; echo; rastbpf account show)
		[ -t 1 ] && [ $lines -gt 0 ] && printf '\e[%dA\e[J' $lines
		[ -t 1 ] || [ "$i" = 0 ] && printf '%s\n' "$view"
		lines=$(printf '%s\n' "$view" | wc -l)
		sleep 1
	done
}
ip_of() { rastbpf -j container list | jq -r --arg p "$1" 'first(.[] | select(.pod==$p) | .address)'; }

# What others start and end meanwhile says nothing about us: a service's cgroup, and systemd's programs.
traces() {
	"$HERE/selftests/lib/traces.sh" | grep -v -e '^BPF program [^ ]* sd_' |
		grep -v -e '^cgroup .*\.\(service\|scope\|slice\)\(/\|$\)' || true
}
# With another instance at work on the machine only what bears our name can be told apart.
alone=1
look() {
	local p env
	# Ours may still be on its way out; one that has ended has no environment.
	for p in $(pgrep -x rastd); do
		env=$(tr '\0' '\n' 2>/dev/null <"/proc/$p/environ") || continue
		[ -z "$env" ] || grep -qx "RAST_INSTANCE=$RAST_INSTANCE" <<<"$env" || alone=0
	done
	traces >"$1"
	[ $alone = 1 ] || for t in before after; do
		[ ! -e "$work/$t" ] || sed -i "/$RAST_INSTANCE/!d" "$work/$t"
	done
}
as_before() {
	look "$work/after"
	comm -3 "$work/before" "$work/after" >"$work/differs"
	[ ! -s "$work/differs" ]
}

step "Apply docs/examples/shop.yaml"
rastbpf gc --all >/dev/null 2>&1
look "$work/before"
if ! rastbpf up -f "$SHOP" ; then
	echo "the shop did not come up" >&2
	rastbpf container list
	for c in web api db; do rastbpf container logs "shop/$c" 2>/dev/null | tail -n 5; done
	exit 1
fi
rastbpf container list
web=$(ip_of web) api=$(ip_of api) db=$(ip_of db)

step "Traffic through the shop: web → api → db"
shop() { curl -fsS --max-time 5 "http://$web:8080$1"; }
add() { curl -fsS --max-time 5 -X POST --data-raw "$1" "http://$web:8080/items"; }
expect "the front door answers" shop /
for item in lamp chair table; do add "$item" >/dev/null; done
expect "an item posted at the front door is stored in the database and listed again" \
	bash -c "curl -fsS --max-time 5 http://$web:8080/items | grep -q chair"
load() { while :; do curl -fsS --max-time 5 -o /dev/null "http://$web:8080/items" || sleep 0.1; done; }
load &
load_pid=$!
expect "web can open a connection to the api" reaches web "$api" 8080
refuse "web cannot open one to the database" reaches web "$db" 6379
note "the database tries to open a connection to the front door"
timeout 6 rastbpf container exec shop/db -- redis-cli -h "$web" -p 8080 ping >/dev/null 2>&1
live 5
stop_pid "$load_pid"
load_pid=

step "Edges, and the rule that decided each"
within 5 edge_is web api 8080 allow api
rastbpf flow edges
expect "web → api was allowed by a rule of shop/api" edge_is web api 8080 allow shop/api
expect "api → db was allowed by a rule of shop/database" edge_is api db 6379 allow shop/database
hits() { rastbpf -j policy show rules | jqr 'any(.[]; (.name | contains("shop/api")) and .packets > 0)'; }
expect "the kernel counts what each rule decides (policy show rules)" hits
expect "web → db was denied, and the policies that isolate are named" edge_is web db 6379 deny shop/
expect "db → web was denied: the database has no egress" edge_is db web 8080 deny shop/database
rastbpf policy explain --from shop/web --to shop/db --port 6379

step "What each container used (from BPF)"
rastbpf account show
for c in web api db; do
	expect "$c: CPU, memory, network and system calls were counted" bash -c \
		"rastbpf -j account show shop/$c | jq -e '[.. | objects | select(has(\"cpu_ns\"))] | length > 0 and all(.[]; .cpu_ns > 0 and .mem_bytes > 0 and .net_rx_bytes > 0 and .net_tx_bytes > 0 and .syscalls > 0)'"
done

step "Audit: who did what"
rastbpf audit tail -n 12
audit_has() { rastbpf -j audit tail -n 5000 | jq -es "any(.[]; $1)"; }
expect "the start of each container is on record" audit_has '.event.action=="container-started" and .container.pod=="web"'
expect "the exec of redis-server is on record with its arguments and ancestors" \
	audit_has '.event.action=="exec" and (.process.args|tostring|contains("redis-server")) and (.process.ancestors|length>0)'
expect "the denied connection is on record with its container" \
	audit_has '.event.action=="flow-denied" and .container.pod=="web" and .destination.port==6379'

step "Anomaly: the front door is made to scan its neighbours"
(timeout 20 rastbpf container exec shop/web -- nmap -n -Pn -sT -p 1-1000 --max-retries 0 --host-timeout 10s "$db" >"$work/nmap" 2>&1)
scan_named() { rastbpf -j anomaly show | jqr '[.. | objects | select(.finding? // "" | test("port scan"))] | any(.[]; .pod=="web")'; }
within 10 scan_named
rastbpf anomaly show
expect "the scan is named, with its container" scan_named

step "Configuration: every object is an item with versions"
rastbpf config list
for q in "which service may talk to the database|NetworkPolicy/shop/database" \
	"who can connect to the http backend|NetworkPolicy/shop/api" \
	"how much memory may redis use|Pod/shop/db"; do
	printf '\n   %ssearch: %s%s\n' "$B" "${q%%|*}" "$N"
	rastbpf config search "${q%%|*}" -k 3
	expect "\"${q%%|*}\" finds ${q##*|} first" bash -c \
		"rastbpf -j config search '${q%%|*}' -k 3 | jq -e '.[0].key==\"${q##*|}\"'"
done

step "Change one policy, see the effect, roll it back"
first=$(rastbpf -j config log NetworkPolicy/shop/database | jq '[.[].version]|max')
cat >"$work/open.yaml" <<'Y'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: database
  namespace: shop
spec:
  podSelector:
    matchLabels:
      app: db
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - podSelector:
            matchLabels:
              app: backup
      ports:
        - port: 6379
Y
expect "the api reaches the database before the change" shop /items
expect "the changed policy is applied" rastbpf policy apply -f "$work/open.yaml"
refuse "after it the api is cut off from the database" shop /items
rastbpf config diff NetworkPolicy/shop/database
expect "diff names the field that changed" bash -c \
	"rastbpf config diff NetworkPolicy/shop/database | grep -q backup"
expect "rolled back" rastbpf config rollback NetworkPolicy/shop/database --to "$first"
expect "traffic flows again" within 5 shop /items
rastbpf config log NetworkPolicy/shop/database

step "The kernel is the daemon: rastd is killed during traffic"
load &
load_pid=$!
pid=$(rastbpf -j daemon status | jq -r .pid)
kill -9 "$pid"
expect "the shop still answers without rastd" shop /items
refuse "and web still cannot reach the database" reaches web "$db" 6379
stop_pid "$load_pid"
load_pid=
expect "a new rastd finds programs, maps and store as they were" bash -c \
	"rastbpf daemon start && rastbpf -j config log NetworkPolicy/shop/database | jq -e 'length>=3'"

step "Take it down"
expect "down removes pods and policies" rastbpf down -f "$SHOP"
expect "no container is left" bash -c "rastbpf -j container list | jq -e 'length==0'"
cleanup
trap 'rm -rf "$work"' EXIT
left=$( { ls -d "/run/$RAST_INSTANCE" "/var/lib/$RAST_INSTANCE/pods"/*/*; nft list tables | grep -w "$RAST_INSTANCE"; } 2>/dev/null)
# Links and namespaces go asynchronously. Others at work on the machine: RAST_LEAK_CHECK=0.
if [ "${RAST_LEAK_CHECK:-1}" != 0 ] && ! within 3 as_before; then
	left="$left$(sed 's/^\t/new: /; t; s/^/gone: /' "$work/differs")"
fi
[ $alone = 1 ] || note "another instance is at work: only what bears our name is compared"
if [ -z "$left" ]; then
	good "nothing is left: links, namespaces, mounts, pins, cgroups, programs, processes, tables, folders"
else
	bad "the machine is not as it was: $left"
fi

printf '\n%s%d expectations held, %d failed%s\n' "$B" "$passed" "$failed" "$N"
[ "$failed" = 0 ]
