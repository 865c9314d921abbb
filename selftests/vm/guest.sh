#!/bin/dash
# SPDX-License-Identifier: BSD-2-Clause
# guest.sh NAME=FILE...: runs inside a guest, file after file, each framed for check.sh by
# "@begin NAME" and "@end NAME EXIT_CODE". A test that leaves something behind gets a line
# "@left ..." for every such thing; the next test starts from what is there then.
limit=${RAST_TIME_LIMIT:-240}
/rast/selftests/lib/traces.sh >/tmp/before
for test in "$@"; do
	name=${test%%=*}
	echo "@begin $name"
	setsid -w timeout -k 5 "$limit" "${test#*=}" </dev/null 2>&1
	rc=$?
	echo "@end $name $rc"
	i=0
	while :; do
		/rast/selftests/lib/traces.sh >/tmp/after
		left=$(comm -3 /tmp/before /tmp/after)
		i=$((i + 1))
		if [ -z "$left" ] || [ $i -gt 10 ]; then
			break
		fi
		sleep 0.2
	done
	[ -z "$left" ] || echo "$left" | sed 's/^\t/@left new: /; t; s/^/@left gone: /'
	mv /tmp/after /tmp/before
	# Nothing is left running for the next one.
	for p in /proc/[0-9]*; do
		p=${p#/proc/}
		[ "$p" != 1 ] && [ "$p" != $$ ] && [ -s "/proc/$p/cmdline" ] || continue
		grep -qz "^RAST_TEST_NAME=" "/proc/$p/environ" 2>/dev/null && kill -KILL "$p"
	done
done
