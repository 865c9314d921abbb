# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
# TAP for shell tests; POSIX sh, because the guests of selftests/vm run dash. Source it first and
# call tap_done last: a script that dies on the way prints no plan, and the runner calls that a
# failure.
#
#	. selftests/lib/tap.sh
#	tap_cleanup 'ip netns del mytest'       # run at exit, last one first, also on a signal
#	ok "SENTENCE"                           # passed
#	nok "SENTENCE" ["DETAIL"]               # failed
#	skip "SENTENCE" "WHAT IS MISSING"
#	skip_all "WHAT IS MISSING"              # instead of every test; exits
#	is "GOT" "WANT" "SENTENCE"              # equal strings
#	like "TEXT" "EXTENDED REGEX" "SENTENCE"
#	unlike "TEXT" "EXTENDED REGEX" "SENTENCE"
#	check "SENTENCE" COMMAND ARG...         # exit code 0; the output is shown when not
#	check_fails "SENTENCE" COMMAND ARG...   # exit code 1 to 125: refused, not crashed
#	wait_for SECONDS COMMAND ARG...         # polls until it succeeds; 1 when the time is over
#	tap_done

TAP_N=0 TAP_FAILED=0 TAP_CLEANUP=
export LC_ALL=C

tap_cleanup()
{
	TAP_CLEANUP="$1
$TAP_CLEANUP"
}

tap_exit()
{
	tap_rc=$?
	trap - EXIT
	trap '' INT TERM HUP
	set +e
	eval "$TAP_CLEANUP"
	exit $tap_rc
}
trap tap_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

diag()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

ok()
{
	TAP_N=$((TAP_N + 1))
	echo "ok $TAP_N - $1"
}

nok()
{
	TAP_N=$((TAP_N + 1)) TAP_FAILED=$((TAP_FAILED + 1))
	echo "not ok $TAP_N - $1"
	if [ -n "${2:-}" ]; then diag "$2"; fi
}

skip()
{
	TAP_N=$((TAP_N + 1))
	echo "ok $TAP_N - $1 # SKIP $2"
}

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

is()
{
	if [ "$1" = "$2" ]; then
		ok "$3"
	else
		nok "$3" "got:  $1
want: $2"
	fi
}

like()
{
	if printf '%s\n' "$1" | grep -Eq -- "$2"; then
		ok "$3"
	else
		nok "$3" "no match for: $2
in: $1"
	fi
}

unlike()
{
	if printf '%s\n' "$1" | grep -Eq -- "$2"; then
		nok "$3" "unwanted match for: $2
in: $1"
	else
		ok "$3"
	fi
}

check()
{
	tap_name=$1
	shift
	if tap_out=$("$@" 2>&1); then
		ok "$tap_name"
	else
		nok "$tap_name" "exit code $? from: $*
$tap_out"
	fi
}

check_fails()
{
	tap_name=$1
	shift
	tap_rc=0
	tap_out=$("$@" 2>&1) || tap_rc=$?
	if [ $tap_rc -ge 1 ] && [ $tap_rc -le 125 ]; then
		ok "$tap_name"
	else
		nok "$tap_name" "exit code $tap_rc from: $*
$tap_out"
	fi
}

# Seconds since boot: does not jump when somebody sets the clock.
tap_now()
{
	read -r tap_up _ </proc/uptime
	echo "${tap_up%.*}"
}

wait_for()
{
	tap_end=$(($(tap_now) + $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(tap_now)" -lt $tap_end ] || return 1
		sleep 0.05
	done
}

tap_done()
{
	echo "1..$TAP_N"
	[ $TAP_FAILED -eq 0 ] || exit 1
	exit 0
}
