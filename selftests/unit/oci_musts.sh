#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each sentence of the OCI runtime specification that says MUST has a test: the table in data/oci/musts.txt names
# it, and here is looked whether it is there. A file of selftests/cli/oci_*.sh that is not executable counts as none.
. selftests/lib/tap.sh
table=selftests/data/oci/musts.txt
rows=$(mktemp) lost=$(mktemp)
tap_cleanup 'rm -f "$rows" "$lost"'
sed '/^#/d; /^$/d' "$table" >"$rows"
is "$(awk -F ' [|] ' 'NF != 4 || $1 == "" || $2 == "" || $4 == ""' "$rows")" "" "each line has four fields"
while IFS='|' read -r doc sentence file name; do
	file=$(echo $file) name=${name# }
	[ "$file" = - ] && continue
	# The name ends a string of the script, or stands in one.
	if [ ! -x "selftests/cli/$file.sh" ] || ! grep -qF -- "$name" "selftests/cli/$file.sh"; then
		echo "$doc|$sentence: $file.sh has no \"$name\""
	fi
done <"$rows" >"$lost"
is "$(cat "$lost")" "" "each test that the table names is there"
is "$(sort "$rows" | uniq -d)" "" "no sentence is there twice"
for doc in bundle runtime config linux features suite; do
	check "the table has sentences of $doc" grep -q "^$doc" "$rows"
done
diag "$(grep -c -v '^suite' "$rows") sentences, $(grep -c '^suite' "$rows") of the validation suite's programs, $(grep -c '| - |' "$rows") not tested"
tap_done
