#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The test runner itself, on folders of made-up tests: it must see every way in which one goes wrong.
. selftests/lib/tap.sh
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp"'

# made TIER NAME: a test file from standard input
made() {
	mkdir -p "$tmp/selftests/$1" "$tmp/build/tests"
	cat >"$tmp/selftests/$1/$2.sh"
	chmod +x "$tmp/selftests/$1/$2.sh"
}

# Runs the runner over what was made, then forgets it. Sets out, rc and last.
runner() {
	out=$(env -u RAST_TEST_MARK RAST_SELFTESTS="$tmp/selftests" O="$tmp/build" RAST_TIME_LIMIT="${limit:-20}" \
		RAST_LEAK_CHECK="${leaks:-0}" selftests/run.sh "$@" 2>&1)
	rc=$?
	last=$(printf '%s\n' "$out" | tail -n 1)
	rm -rf "$tmp/selftests" "$tmp/build"
}

made unit good <<'END'
#!/bin/sh
echo "ok 1 - water is wet"
echo "ok 2 - the moon is near # SKIP no telescope"
echo 1..2
END
runner
is "$rc $last" "0 1 passed, 0 failed, 1 skipped" "passed and skipped tests are counted and the run succeeds"
like "$out" '^ok 1 - unit/good: water is wet$' "a result carries its number, file and sentence"
like "$out" 'ok 2 .*# SKIP no telescope' "a skip names what is missing"
like "$out" '^# unit/good: .* [0-9]+\.[0-9]{3} s$' "each file's time is printed"

made unit bad <<'END'
#!/bin/sh
echo "not ok 1 - pigs fly"
echo "why: they have no wings" >&2
echo "ok 2 - grass is green"
echo 1..2
exit 1
END
runner
is "$rc $last" "1 1 passed, 1 failed, 0 skipped" "a failed test fails the run, and is counted once"
like "$out" '^    \| why: they have no wings$' "the output of a file with a failed test is shown in full"

made unit crash <<'END'
#!/bin/sh
echo 1..1
echo "ok 1 - so far"
kill -SEGV $$
END
runner
is "$rc $last" "1 1 passed, 1 failed, 0 skipped" "a crash after the last test is a failure"
like "$out" 'SIGSEGV' "the crash names its signal"

made unit hang <<'END'
#!/bin/sh
echo 1..1
echo "ok 1 - so far"
sleep 1000 &
wait
END
limit=1 runner
is "$rc $last" "1 1 passed, 1 failed, 0 skipped" "a file past its time limit is a failure"
like "$out" 'timed out after 1 s' "the time-out is named"

made unit short <<'END'
#!/bin/sh
echo 1..3
echo "ok 1 - one"
END
runner
is "$rc $last" "1 1 passed, 1 failed, 0 skipped" "a plan that is not kept is a failure"
like "$out" 'planned 3 tests, ran 1' "the broken plan is named"

made unit noplan <<'END'
#!/bin/sh
echo "ok 1 - one"
END
runner
is "$rc $last" "1 1 passed, 1 failed, 0 skipped" "a file without a plan is a failure"

made unit silent <<'END'
#!/bin/sh
exit 0
END
runner
is "$rc $last" "1 0 passed, 1 failed, 0 skipped" "a file that runs no test is a failure"

made unit exits <<'END'
#!/bin/sh
echo "ok 1 - one"
echo 1..1
exit 3
END
runner
is "$rc $last" "1 1 passed, 1 failed, 0 skipped" "an exit code without a failed test is a failure"

made unit skipped <<'END'
#!/bin/sh
echo "1..0 # SKIP no root"
END
runner
is "$rc $last" "1 0 passed, 0 failed, 1 skipped" "a run in which everything was skipped does not succeed"

made unit one <<'END'
#!/bin/sh
echo "ok 1 - one"
echo 1..1
END
made cli two <<'END'
#!/bin/sh
echo "not ok 1 - two"
echo 1..1
END
runner --tier unit
is "$rc $last" "0 1 passed, 0 failed, 0 skipped" "--tier leaves the other tiers out"
runner --only nothing
is "$rc $last" "1 0 passed, 0 failed, 0 skipped" "a run of no test does not succeed"
runner --tier nonsense
is "$rc" 2 "an unknown tier is a misuse"

made cli daemon <<'END'
#!/bin/sh
setsid sleep 1000 >/dev/null 2>&1 &
echo $! >"$(dirname "$0")/../../pid"
echo "ok 1 - one"
echo 1..1
END
runner
is "$rc $last" "1 1 passed, 1 failed, 0 skipped" "a process left behind is a failure"
like "$out" 'not ok 2 - cli/daemon: leaves nothing behind' "the leak is a test of that name"
# A zombie has no command line.
ended() {
	! grep -qz . "/proc/$1/cmdline"
}
check "the process left behind is ended" wait_for 5 ended "$(cat "$tmp/pid")"

if [ "$(id -u)" = 0 ]; then
	# In namespaces of its own, where nobody else makes or removes things meanwhile.
	cat >"$tmp/isolated" <<'END'
mount -t tmpfs none /run && mkdir -p "$1/selftests/cli" "$1/build/tests" || exit 1
cat >"$1/selftests/cli/leak.sh" <<'SCRIPT'
#!/bin/sh
ip link add rtleak0 type veth peer name rtleak1
ip netns add rtleakns
mount -t tmpfs none /mnt
echo "ok 1 - one"
echo 1..1
SCRIPT
chmod +x "$1/selftests/cli/leak.sh"
RAST_SELFTESTS=$1/selftests O=$1/build RAST_LEAK_CHECK=1 selftests/run.sh --tier cli
END
	out=$(env -u RAST_TEST_MARK unshare -nm --propagation private sh "$tmp/isolated" "$tmp" 2>&1)
	like "$out" 'new: link rtleak0' "a link left behind is named"
	like "$out" 'new: netns rtleakns' "a network namespace left behind is named"
	like "$out" 'new: mount /mnt' "a mount left behind is named"
	like "$out" '1 passed, 1 failed, 0 skipped$' "they are one failed test"
else
	skip "links, namespaces and mounts left behind are named" "root"
fi
tap_done
