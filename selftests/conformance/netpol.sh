#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The public NetworkPolicy verdicts through the policy compiler. RAST_CONFORMANCE names the folder
# that has netpol-cases.jsonl.gz; else it is looked for beside the source tree.
. selftests/lib/tap.sh

dir=${RAST_CONFORMANCE:-../shared/conformance}
for file in "$dir/netpol-cases.jsonl.gz" "$dir/netpol-cases.jsonl"; do
	[ -r "$file" ] && break
done
[ -r "$file" ] || skip_all "$dir/netpol-cases.jsonl.gz (set RAST_CONFORMANCE)"
if out=$("$O/conformance/netpol" "$file" 2>&1); then
	ok "every verdict of the file is the compiler's: $out"
else
	nok "every verdict of the file is the compiler's" "$out"
fi
if [ "$(id -u)" != 0 ]; then
	skip "every verdict of the file is the loaded programs'" root
elif out=$("$O/conformance/netpol" --loaded 192.168.0.0/16 "$file" 2>&1); then
	case $out in
	*SKIP*) skip "every verdict of the file is the loaded programs'" "${out#*SKIP }" ;;
	*) ok "every verdict of the file is the loaded programs': $out" ;;
	esac
else
	nok "every verdict of the file is the loaded programs'" "$out"
fi
if [ "$(id -u)" != 0 ]; then
	skip "what sockets find between pods is the file's truth" root
elif out=$(timeout 120 "$O/conformance/netpol" --sockets 192.168.0.0/16 "$file" 2>&1); then
	case $out in
	*SKIP*) skip "what sockets find between pods is the file's truth" "${out#*SKIP }" ;;
	*) ok "what sockets find between pods is the file's truth: $(echo "$out" | tail -n 1)" ;;
	esac
else
	nok "what sockets find between pods is the file's truth" "$out"
fi
# A file whose truth is turned round must fail: the runner can tell.
bad=$(mktemp)
tap_cleanup "rm -f '$bad'"
gzip -cdf "$file" | head -n 1 | sed 's/ c1"/ c9"/g' >"$bad"
check_fails "a file with another truth is refused" "$O/conformance/netpol" "$bad"
tap_done
