#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# rastbpf policy compile, explain, show, test and diff on files: output byte for byte, the image reproducible,
# errors with their place, exit codes. Nothing here needs root: as root it runs as nobody.
# RAST_GOLDEN=write writes selftests/cli/golden anew, to be looked at before it is committed.
. selftests/lib/tap.sh
R=$O/bin/rastbpf Y=docs/examples/shop.yaml G=selftests/cli/golden
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp"'
chmod 777 "$tmp"
export RAST_INSTANCE=tpolicycli
as_user()
{
	if [ "$(id -u)" = 0 ] && setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$R" -a -r "$Y"; then
		setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	else
		"$@"
	fi
}

golden() # NAME SENTENCE ARG...
{
	file=$G/$1.txt sentence=$2
	shift 2
	as_user "$R" policy "$@" >"$tmp/out" 2>"$tmp/err"
	printf 'exit code %d\n' $? >>"$tmp/out"
	cat "$tmp/err" >>"$tmp/out"
	[ "${RAST_GOLDEN:-}" = write ] && cp "$tmp/out" "$file"
	if diff -u "$file" "$tmp/out" >"$tmp/diff"; then
		ok "$sentence"
	else
		nok "$sentence" "$(cat "$tmp/diff")"
	fi
}

golden compile "compile tells classes, cells and rules" compile -f $Y
golden show "show lists the policies with file and line" show -f $Y
golden show-rules "show rules lists the rules with file and line" show rules -f $Y
golden show-matrix "show matrix is who reaches whom" show matrix -f $Y
golden show-matrix-json "the same as JSON" -j show matrix -f $Y
golden explain-deny "explain names what isolates and what would allow" explain --from shop/web --to shop/db --port 6379 -f $Y
golden explain-allow "explain names the rule at each end" explain --from shop/web --to shop/api --port 8080 -f $Y
golden explain-port "explain says when only the port is wrong" explain --from shop/web --to shop/api --port 8081 -f $Y
golden explain-node "the node is always let in" explain --from host --to shop/db --port 6379 -f $Y
golden explain-world "an address is a peer" explain --from 192.0.2.1 --to shop/web --port 8080 -f $Y
golden explain-udp "another protocol is another question" explain --from shop/api --to shop/db --port 6379 --protocol UDP -f $Y
golden explain-json "an answer as JSON" -j explain --from shop/api --to shop/db --port 6379 -f $Y
golden explain-nobody "a pod that is not there is an error" explain --from shop/nobody --to shop/db --port 1 -f $Y

T=docs/examples/shop-test.yaml
golden test "the example's truth table holds" test --all -f $Y $T
awk 'BEGIN { RS = ORS = "---\n" } !/name: database/' $Y >"$tmp/open.yaml"
chmod 644 "$tmp/open.yaml"
golden test-fails "without the database's policy it does not, and the exit code is 1" test -f "$tmp/open.yaml" $T
golden diff "diff tells what that would change, edge by edge" diff -f "$tmp/open.yaml" --against $Y
golden diff-nothing "no change is said so" diff -f $Y --against $Y --exit-code
as_user "$R" policy diff -f "$tmp/open.yaml" --against $Y --exit-code >/dev/null
is "$?" 1 "--exit-code is 1 for a change"
is "$(as_user "$R" -j policy diff -f "$tmp/open.yaml" --against $Y | jq -r '.[] | select(.from.name == "any address") | "\(.to.members[0]) \(.now)"')" \
	"shop/db allow" "diff as JSON has members and verdicts"

E=selftests/data/edges.json
golden suggest "suggest makes policies of what was seen" suggest --edges $E -f $Y
as_user "$R" policy suggest --edges $E -f $Y >"$tmp/suggested.yaml" 2>/dev/null
chmod 644 "$tmp/suggested.yaml"
is "$(as_user "$R" policy test -f "$tmp/suggested.yaml" --pods $Y $T 2>&1 >/dev/null)" "19 verdicts, 17 as expected, 2 not" \
	"which compile, and hold all of the truth table but what nobody did"
echo '[{"from": "web", "to": "db", "protocol": "TCP", "port": 70000, "verdict": "allow"}]' >"$tmp/bad.json"
echo '{"from": "web"}' >"$tmp/worse.json"
chmod 644 "$tmp"/*.json
is "$(as_user "$R" policy suggest --edges "$tmp/bad.json" -f $Y 2>&1)" "error: $tmp/bad.json: [0].port: want 0 to 65535" "an edge to port 70000 is refused"
is "$(as_user "$R" policy suggest --edges "$tmp/worse.json" -f $Y 2>&1)" "error: $tmp/worse.json: want an array of edges" "so is what is no list"

as_user "$R" policy compile -f $Y -o "$tmp/a.img" >/dev/null
as_user "$R" policy compile -f $Y -o "$tmp/b.img" >/dev/null
check "the same input gives the same image" cmp "$tmp/a.img" "$tmp/b.img"
is "$(stat -c %s "$tmp/a.img" 2>/dev/null | grep -c '^[1-9][0-9]*$')" 1 "which is not empty"
# The order of documents is no difference in what is in force: same pods, policies turned round.
awk 'BEGIN { RS = "---\n" } { d[NR] = $0 } END { for (i = NR; i; i--) printf "---\n%s", d[i] }' $Y >"$tmp/turned.yaml"
is "$(as_user "$R" -j policy show matrix -f "$tmp/turned.yaml" | jq -cS '[.rows[][]]|sort')" \
	"$(as_user "$R" -j policy show matrix -f $Y | jq -cS '[.rows[][]]|sort')" "documents in another order reach the same"

# A table: place, then what the message says, then what stands below `spec:` (or a whole manifest).
bad() # LINE:COLUMN TEXT MANIFEST
{
	case $3 in
	" "*) printf 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec:\n%s\n' "$3" ;;
	*) printf '%s\n' "$3" ;;
	esac >"$tmp/bad.yaml"
	chmod 644 "$tmp/bad.yaml"
	as_user "$R" policy compile -f $Y -f "$tmp/bad.yaml" >"$tmp/out" 2>&1
	is "$? $(sed "s,$tmp/,," "$tmp/out")" "1 error: bad.yaml:$1: $2" "refused: $2"
}
any='  podSelector: {}
'
bad 6:23 'spec.ingress[0].ports[0].port: 80800 is not within 1 to 65535' "$any  ingress: [{ports: [{port: 80800}]}]"
bad 6:33 'spec.ingress[0].ports[0].endPort: endPort 80 is below port 90' "$any  ingress: [{ports: [{port: 90, endPort: 80}]}]"
bad 6:33 'spec.ingress[0].ports[0].protocol: want TCP, UDP or SCTP, got "ICMP"' "$any  ingress: [{ports: [{port: 90, protocol: ICMP}]}]"
bad 6:32 'spec.ingress[0].from[0].ipBlock.cidr: "10.0.0.0/33" is no CIDR (such as 10.0.0.0/8 or fd00::/8)' \
	"$any  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]"
bad 6:56 'spec.egress[0].to[0].ipBlock.except[0]: 11.0.0.0/24 is not within cidr 10.0.0.0/8, or is all of it' \
	"$any  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/24]}}]}]"
bad 6:3 'spec.ingres: unknown field (did you mean "ingress"?)' "$any  ingres: []"
bad 5:45 'spec.podSelector.matchExpressions[0].operator: want In, NotIn, Exists or DoesNotExist, got "Near"' \
	'  podSelector: {matchExpressions: [{key: a, operator: Near}]}'
bad 6:17 'spec.policyTypes[0]: want Ingress or Egress, got "Sideways"' "$any  policyTypes: [Sideways]"
bad 6:39 'spec.ingress[0].from[0].ipBlock: ipBlock and selectors may not stand in one peer' \
	"$any  ingress: [{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]"
bad 7:1 "did not find expected ',' or '}'" "$any  ingress: [{from: [{podSelector: {}}]"
bad 4:1 'spec: field "podSelector" is missing' 'apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec: {}'
bad 1:1 'want a Pod, NetworkPolicy, ClusterNetworkPolicy, ContainerNetworkPolicy, NodeNetworkPolicy or Namespace, got "Deployment"' 'kind: Deployment'
bad 1:1 'want a map, got a list' '[1, 2]'

badtest() # LINE:COLUMN TEXT TEST
{
	printf 'apiVersion: rast.os/v1\nkind: PolicyTest\nmetadata: {name: t}\nspec:\n  tests:\n  - %s\n' "$3" >"$tmp/bad.yaml"
	chmod 644 "$tmp/bad.yaml"
	as_user "$R" policy test -f $Y "$tmp/bad.yaml" >"$tmp/out" 2>&1
	is "$? $(sed "s,$tmp/,," "$tmp/out")" "1 error: bad.yaml:$1: $2" "refused: $2"
}
badtest 6:6 'spec.tests[0].from: no pod "shop/nobody" (want a pod'"'"'s name, namespace/name, an address, host or a DNS name)' \
	'{from: shop/nobody, to: shop/db, ports: 1, expect: deny}'
badtest 6:35 'spec.tests[0].ports: "99999" is not a port number' '{from: shop/web, to: shop/db, ports: 99999, expect: deny}'
badtest 6:43 'spec.tests[0].ports[0]: "GRE/1" is none of TCP/PORT, UDP/PORT, SCTP/PORT, ICMP/TYPE/CODE, ICMPv6/TYPE/CODE and other' '{from: shop/web, to: shop/db, ports: [GRE/1], expect: deny}'
badtest 6:45 'spec.tests[0].expect: want allow or deny, got "maybe"' '{from: shop/web, to: shop/db, ports: 1, expect: maybe}'
badtest 6:5 'spec.tests[0]: field "expect" is missing' '{from: shop/web, to: shop/db, ports: 1}'
badtest 6:6 'spec.tests[0].from: "stage/*" matches no pod' '{from: "stage/*", to: shop/db, ports: 1, expect: deny}'
badtest 6:5 'spec.tests[0]: neither "host" nor "192.0.2.1" is a pod: no policy decides about that' '{from: host, to: 192.0.2.1, ports: 1, expect: deny}'
badtest 6:45 'spec.tests[0].exspect: unknown field (did you mean "expect"?)' '{from: shop/web, to: shop/db, ports: 1, exspect: deny}'

code() # EXIT SENTENCE ARG...
{
	want=$1 sentence=$2
	shift 2
	as_user "$R" policy "$@" >"$tmp/out" 2>&1
	is "$?" "$want" "$sentence"
}
code 1 "a file that is not there: exit code 1" compile -f "$tmp/nothing.yaml"
code 2 "compile without a file: 2" compile
code 2 "explain without --to: 2" explain --from a -f $Y
code 2 "explain with a port that is no number: 2" explain --from shop/web --to shop/db --port x -f $Y
code 2 "explain with an unknown protocol: 2" explain --from shop/web --to shop/db --port 1 --protocol GRE -f $Y
code 2 "an unknown thing to show: 2" show nonsense -f $Y
code 2 "diff without a new set: 2" diff
code 2 "test without a truth table: 2" test -f $Y
code 1 "a file without a truth table: 1" test -f $Y $Y
code 2 "an unknown verb: 2" fly
tap_done
