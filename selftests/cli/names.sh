#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Names of policies on the command line: docs/examples/names.yaml, no root.
. selftests/lib/tap.sh
R=$O/bin/rastbpf
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp"'

explain() # TO PORT
{
	$R policy explain -f docs/examples/names.yaml --from shop/api --to "$1" --port "$2" >"$tmp/out" 2>&1
}

# claim SENTENCE: by how the command before ended
claim()
{
	if [ $? = 0 ]; then ok "$1"; else
		nok "$1"
		diag "$(cat "$tmp/out")"
	fi
}

explain api.example.com 443 && grep -q '^allow: shop/api -> api.example.com, TCP 443' "$tmp/out" &&
	grep -q 'allowed by shop/api-out egress\[0\]' "$tmp/out"
claim "a name of a rule is allowed by it"
explain img.eu.CDN.example.net 443 && grep -q '^allow' "$tmp/out"
claim "so is a name that a pattern matches, whatever its case"
explain cdn.example.net 443
grep -q '^deny' "$tmp/out" && grep -q 'matches all but the peer' "$tmp/out" &&
	grep -q 'name: cdn.example.net' "$tmp/out"
claim "the name behind a wildcard is denied, and the rule that would allow it is shown"
explain api.example.com 80
grep -q '^deny' "$tmp/out" && grep -q 'matches all but the port' "$tmp/out"
claim "so is another port of a name that is allowed"
sed 's/"\*\.cdn/"a*.cdn/' docs/examples/names.yaml >"$tmp/bad.yaml"
! $R policy compile -f "$tmp/bad.yaml" >"$tmp/out" 2>&1 &&
	grep -q 'bad.yaml:22:45: spec.egress\[0\].to\[0\].fqdns\[1\].pattern: .*not all of its first label' "$tmp/out"
claim "a star within a label is refused with file, line and field"
tap_done
