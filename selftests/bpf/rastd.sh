#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# rastd from outside: one at a time, kill -9 and restart, bad requests. Prints TAP.
set -u
export RAST_INSTANCE=trastd
R=$O/bin/rastbpf n=0 bad=0
check() { # SENTENCE; the exit code before decides
	local rc=$?
	n=$((n + 1))
	if [ $rc = 0 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; bad=1; fi
}
cleanup() {
	"$R" gc --all >/dev/null 2>&1
	rm -rf /var/lib/$RAST_INSTANCE
}
[ "$(id -u)" = 0 ] || { echo "ok 1 - rastd # SKIP needs root"; echo 1..1; exit 0; }
trap cleanup EXIT

ask() { # LINE → the answer line
	"$O/tests/ask" /run/$RAST_INSTANCE/rastd.sock "$1"
}
ids() { for l in /sys/fs/bpf/$RAST_INSTANCE/link/*; do bpftool -j link show pinned "$l" | jq -c '[.id,.prog_id]'; done; }

"$R" daemon status >/dev/null; [ $? = 3 ]; check "status of a controller that does not run exits with 3"
"$R" daemon start >/dev/null; check "the controller starts on demand and says when it is ready"
"$O/bin/rastd" 2>/dev/null; [ $? = 1 ]; check "a second controller of the instance exits with 1"
[ "$(ask 'no json' | jq .ok)" = false ]; check "a line that is no JSON gets an error, not a closed connection"
[ "$(ask '{"op":"no.such"}' | jq -r .error.text)" = 'unknown op "no.such"' ]; check "an unknown op is named in the error"
[ "$(ask '{"op":1}' | jq .ok)" = false ]; check "an op that is no string is refused"
before=$(ids)
kill -9 "$("$R" -j daemon status | jq .pid)"
"$R" daemon start >/dev/null; check "after kill -9 the next controller starts"
[ -n "$before" ] && [ "$(ids)" = "$before" ]; check "links and programs are the same ones after kill -9 and restart"
"$R" daemon stop >/dev/null; check "the controller stops"
[ "$(ids)" = "$before" ]; check "links and programs stay attached when the controller stops"
echo "1..$n"
exit $bad
