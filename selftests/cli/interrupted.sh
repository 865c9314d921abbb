#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 300
# Ctrl-C of `make run` at several points: it ends with a code that is not 0, says no more than it has to,
# and the machine is as it was. SIGINT goes to the whole process group, as a terminal sends it.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp"'
group=
tap_cleanup '[ -z "$group" ] || kill -9 -- "-$group" 2>/dev/null; RAST_INSTANCE=shopdemo "$O/bin/rastbpf" gc --all >/dev/null 2>&1'
selftests/lib/traces.sh >"$tmp/before"
# The words that the demo prints when it has come so far.
for at in "" "policy" "search"; do
	# A job of a script ignores SIGINT unless it is told not to; setsid makes it its group's first.
	setsid env --default-signal=INT,QUIT selftests/demo/run.sh >"$tmp/out" 2>&1 </dev/null &
	group=$!
	if [ -n "$at" ]; then
		reached() { grep -qi "$at" "$tmp/out" || ! kill -0 $group 2>/dev/null; }
		wait_for 200 reached
	else
		sleep 1.5
	fi
	kill -INT -- "-$group"
	wait $group
	rc=$?
	group=
	name=${at:-its first second}
	if [ $rc != 0 ] && [ $rc -lt 160 ]; then ok "interrupted at $name it ends with an error"; else nok "interrupted at $name it ends with an error" "exit code $rc
$(tail -5 "$tmp/out")"; fi
	# In the first second it may still be an image build that ends.
	[ -z "$at" ] || is "$(grep -c '^interrupted: ' "$tmp/out")" 1 "interrupted at $name it says so in one line"
	# The kernel frees a tracing program some time after its last user.
	as_before() { selftests/lib/traces.sh >"$tmp/after"; [ -z "$(comm -13 "$tmp/before" "$tmp/after")" ]; }
	wait_for 10 as_before
	is "$(comm -13 "$tmp/before" "$tmp/after")" "" "interrupted at $name it leaves nothing"
done
tap_done
