#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The example of rast.os/v1 says what its truth table says it does, and what is staged is told and not done.
. selftests/lib/tap.sh
R=$O/bin/rastbpf
export RAST_INSTANCE=tpolicyrast
files="-f docs/examples/shop.yaml -f docs/examples/guard.yaml"

policy() # VERB ARG...
{
	verb=$1
	shift
	# shellcheck disable=SC2086
	"$R" policy "$verb" $files "$@" 2>&1
}

is "$(policy test docs/examples/guard-test.yaml)" "11 verdicts, 11 as expected, 0 not" "the example's truth table holds"
is "$(policy test --staged docs/examples/guard-test.yaml | grep verdicts)" "11 verdicts, 10 as expected, 1 not" \
	"with staged policies enforced one verdict differs"
is "$(policy diff --staged | awk 'NR > 1 {print $(NF - 3), $(NF - 2), $NF}' | sort -u)" \
	"allow deny ingressDeny[0]" "which diff --staged tells beforehand"
is "$(policy explain --from 192.0.2.1 --to shop/web --port 8080 | grep -c 'staged: would be denied by shop/maintenance ingressDeny\[0\] (docs/examples/guard.yaml:[0-9]*)')" \
	1 "explain names the staged rule with file and line"
is "$(policy explain --from shop/api --to shop/db --icmp 8/0 | head -n 1)" "allow: shop/api -> shop/db, ICMP 8/0" \
	"a ping is allowed"
is "$(policy explain --from shop/api --to shop/db --icmp 13 | head -n 1)" "deny: shop/api -> shop/db, ICMP 13/0" \
	"another type is not"
is "$(policy explain --from shop/web --to 169.254.169.254 --port 80 | grep -c 'denied by shop/guard egressDeny\[0\]')" 1 \
	"a deny rule is named with its list"
is "$(policy show | awk '$5 == "maintenance" {print $8}')" Staged "show says what is staged"
is "$(policy explain --from shop/api --to shop/db --icmp 300 | head -n 1)" \
	'error: --icmp: "300" is no type or type/code of 0 to 255' "a type of 300 is refused"
is "$(policy explain --from shop/api --to shop/db --icmp 8 --protocol UDP | head -n 1)" \
	"error: --icmp: not of protocol UDP" "a type of UDP is refused"
tap_done
