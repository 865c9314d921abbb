#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The benchmark runner: a benchmark that breaks does not pass for one that ran.
. selftests/lib/tap.sh
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp"'
compare=$O/bench/compare
[ -x "$compare" ] || skip_all "$compare (make benches)"

bench() { # SCRIPT from standard input; sets out, rc
	rm -rf "$tmp/b" "$tmp/o"
	mkdir -p "$tmp/b" "$tmp/o"
	cat >"$tmp/b/x.sh"
	chmod +x "$tmp/b/x.sh"
	out=$(O=$tmp/o RAST_BENCHES=$tmp/b COMPARE=$compare selftests/bench/run.sh 2>&1)
	rc=$?
}

bench <<'END'
#!/bin/sh
"$COMPARE" sleepy 1000 3 "sleep" -- true --- sleep 0.01
END
is $rc 0 "a good benchmark succeeds"
is "$(jq -r '.[] | select(.name == "sleepy_cpu") | "\(.unit) \(.peer) \(.met) \(.ratio > 0)"' "$tmp/o/bench.json")" \
	"ms sleep true true" "its row is in bench.json"
is "$(jq -r '.[] | select(.name == "sleepy_wall") | .peer_figure >= 10 and .ratio < 1' "$tmp/o/bench.json")" true \
	"the peer's ten milliseconds are seen"
like "$out" '^sleepy_cpu +ms .* yes' "the table says that the target is met"

bench <<'END'
#!/bin/sh
"$COMPARE" slow 0.000001 3 "true" -- sleep 0.01 --- true
END
is $rc 0 "a missed target is no failure"
like "$out" '^slow_cpu .* no' "but a no in the table"

bench <<'END'
#!/bin/sh
"$COMPARE" x 1 3 "false" -- true --- false
END
is $rc 0 "a peer that fails is no failure of ours"
is "$(jq -r '.[0] | "\(.peer_figure) \(.ratio) \(.met) \(.note)"' "$tmp/o/bench.json")" "null null null false: exit code 1" \
	"its row says why there is no figure"

bench <<'END'
#!/bin/sh
"$COMPARE" x 1 3 "true" -- false --- true
END
is $rc 1 "our side failing is a failure"
is "$(jq -r '.[0] | "\(.ours) \(.met)"' "$tmp/o/bench.json")" "null false" "and the target is not met"

bench <<'END'
#!/bin/sh
"$COMPARE" x 1 3 "true" -- /does/not/exist --- true || exit 0
END
is $rc 1 "a row without our figure is a failure, whatever the exit code"

bench <<'END'
#!/bin/sh
exit 0
END
is $rc 1 "a benchmark that prints no row is a failure"

bench <<'END'
#!/bin/sh
"$COMPARE" x 1 3 "true" -- true --- true
kill -SEGV $$
END
is $rc 1 "a crash after the row is a failure"

bench <<'END'
#!/bin/sh
echo '{"name":"x"}'
END
is $rc 1 "a row that lacks fields is a failure"
RAST_BENCHES=$tmp/none O=$tmp/o selftests/bench/run.sh >/dev/null 2>&1
is $? 1 "no benchmark at all is a failure"
tap_done
