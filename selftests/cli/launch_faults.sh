#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every system call of a launch fails once: strace makes the Nth call of its kind return an error, in
# the command or in the container's process before it runs. What must come of it: one error line, an
# exit code that says so, and nothing left. A call whose failure is borne (a fallback) must still run
# the command. Bounded: a failure too many is only skipped with a line that says so.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
command -v strace >/dev/null || skip_all "strace"
bb=$(command -v busybox) || skip_all "busybox (busybox-static)"
export RAST_INSTANCE=tfault
B=$O/bin/rastbpf
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp"'
tap_cleanup '"$B" gc --all >/dev/null 2>&1; rm -rf /var/lib/tfault'
mkdir -p "$tmp/root/bin"
cp "$bb" "$tmp/root/bin/true"
run=("$B" container run --network none --name f --rootfs "$tmp/root" -- /bin/true)
"${run[@]}" || { nok "a container starts" "exit code $?"; tap_done; }
strace -f -qq -e trace=getppid -o /dev/null true 2>/dev/null || skip_all "ptrace"

# What there is of ours: state, cgroups, mounts, processes.
left() {
	find /run/tfault/pods -mindepth 1 2>/dev/null
	find /sys/fs/cgroup/tfault /sys/fs/cgroup/*/tfault -mindepth 1 -type d 2>/dev/null
	grep -F "$tmp" /proc/self/mountinfo
	find /var/lib/tfault/pods -mindepth 1 2>/dev/null
	find /proc -maxdepth 2 -name root -lname "$tmp/*" 2>/dev/null
}
is "$(left)" "" "one that ran leaves nothing"

# The calls that a launch makes, and how often: the last of a kind is tried too. flock is left out:
# without the node lock an ended pod stays where `container rm` finds it.
strace -f -qq -o "$tmp/trace" "${run[@]}" || nok "a launch may be traced" "exit code $?"
count() { grep -cE "^[0-9]+ +$1\(" "$tmp/trace"; }
calls="clone3 socketpair memfd_create fsopen fsconfig fsmount move_mount mount_setattr open_tree pivot_root
	umount2 setns unshare sethostname setsid openat2 mkdirat mknodat symlinkat seccomp capset
	setgroups setresgid setresuid close_range dup2 dup3 sendto recvfrom recvmsg chdir fchdir getcwd
	mprotect renameat rename mkdir prctl capget prlimit64 munmap ioctl socket inotify_init1"
end=$((SECONDS + ${RAST_FAULT_SECONDS:-50}))
tried=0 late=0
bad_line=() bad_code=() bad_left=() died=()
for call in $calls; do
	n=$(count "$call")
	[ "$n" = 0 ] && continue
	# The first three and the last one; of mprotect only the last: the others are the loader's.
	first="1 2 3"
	[ "$call" = mprotect ] && first=
	for when in $(printf '%s\n' $first "$n" | sort -nu | awk -v n="$n" '$1 <= n'); do
		if [ $SECONDS -ge $end ]; then late=$((late + 1)); continue; fi
		out=$(timeout -k 2 20 strace -f -qq -o /dev/null -e trace="$call" \
			-e "inject=$call:error=EPERM:when=$when" "${run[@]}" 2>&1)
		rc=$?
		tried=$((tried + 1))
		at="$call #$when: exit code $rc, output: $out"
		# 0: a fallback; but then nothing may have been said.
		if [ $rc = 0 ]; then
			[ -z "$out" ] || bad_line+=("$at")
		elif [ $rc = 1 ]; then
			[[ $out == error:* && $(wc -l <<<"$out") = 1 ]] || bad_line+=("$at")
		elif [ $rc -ge 124 ]; then
			died+=("$at")
		else
			bad_code+=("$at")
		fi
		rest=$(left)
		if [ -n "$rest" ]; then
			bad_left+=("$at; left: ${rest//$'\n'/ }")
			"$B" gc --all >/dev/null 2>&1
		fi
	done
done
diag "$tried failures injected"
report() {
	local name=$1
	shift
	if [ $# = 0 ]; then ok "$name"; else nok "$name" "$(printf '%s\n' "$@")"; fi
}
if [ $tried -ge 30 ]; then ok "at least thirty failures were tried"; else nok "at least thirty failures were tried" "$tried tried, $late too late"; fi
report "none makes it hang or crash" "${died[@]}"
report "each gives one error line, or is borne without a word" "${bad_line[@]}"
report "each has exit code 1" "${bad_code[@]}"
report "none leaves a process, cgroup, mount or file" "${bad_left[@]}"
check "afterwards a container starts" "${run[@]}"
tap_done
