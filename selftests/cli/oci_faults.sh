#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 900
# Each system call of each command of rast-oci fails once, in the command and in the processes it makes. What
# must come of it: exit code 1 and one line that names what failed, or the whole work done: the container then
# says of itself (ids, capabilities, filter, mounts, limits, an unreachable device) just what it says undisturbed.
# Whatever happened, `delete --force` leaves nothing; and a container that never ran leaves nothing without it.
# Of all calls each ninth has its turn; with RAST_SLOW=1 all of them, with seven errors instead of one.
. selftests/lib/tap.sh
. selftests/lib/oci.sh
inject=$O/tests/oci_inject
"$inject" /dev/null /bin/true || skip_all "ptrace"
errors=1 stride=${RAST_FAULT_STRIDE:-9}
[ "${RAST_SLOW:-0}" = 0 ] || errors="1 4 5 11 12 22 38" stride=1

# The C library's own, before main: it ends the program with words of its own, or does without.
of_libc=" arch_prctl brk set_tid_address set_robust_list rseq getrandom mprotect mmap munmap exit_group "
# What may fail without anybody's loss, and is not said:
#   close, munmap: what they give back is gone anyway; umask and getpid cannot fail.
borne=" close munmap umask getpid getppid gettid geteuid "

# ---- what a container says of itself ----
files="/proc/self/status /proc/self/mountinfo /proc/self/limits /proc/self/oom_score_adj /proc/self/environ
	/proc/sys/kernel/hostname /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_unprivileged_port_start
	/proc/keys /proc/timer_list /proc/self/timens_offsets /proc/net/dev /dev/null /etc/ro"
say='read x 2>/dev/null </dev/closed && echo "the closed device opens"
true 2>/dev/null >/etc/ro && echo "the read-only file is written"
pwd; exec cat '${files//[$'\n\t']/ }
full='sh($say) | .root.readonly = true | .hostname = "inside" |
	.process.user = {uid: 1000, gid: 1001, umask: 23, additionalGids: [5, 6]} |
	caps(["CAP_NET_BIND_SERVICE", "CAP_KILL"]) | .process.capabilities.inheritable = ["CAP_KILL"] |
	.process.capabilities.ambient = ["CAP_KILL"] | .process.noNewPrivileges = true |
	.process.cwd = "/tmp" | .process.oomScoreAdj = 321 |
	.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 99}, {type: "RLIMIT_CORE", soft: 0, hard: 0}] |
	.linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "77"} |
	.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["reboot"], action: "SCMP_ACT_ERRNO"}]} |
	.linux.maskedPaths = ["/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware"] |
	.linux.readonlyPaths = ["/proc/bus", "/proc/sys"] |
	.linux.devices = [{path: "/dev/closed", type: "c", major: 1, minor: 11, fileMode: 438, uid: 0, gid: 0}] |
	.linux.resources.devices = [{allow: false, access: "rwm"}] |
	.linux.resources.pids.limit = 55 | .linux.resources.memory.limit = 1073741824 |
	.linux.resources.cpu = {shares: 512} |
	mnt({destination: "/etc/ro", type: "bind", source: ($tmp + "/ro"), options: ["bind", "ro", "nosuid", "nodev", "noexec"]}) |
	mnt({destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "size=64k", "mode=700"]})'
# The other ways: a user namespace, its ids on a mount, clocks, hooks, a copied-up tmpfs, propagation.
ways="$full"' | .root.readonly = false | ns("user") | .linux.namespaces += [{type: "time"}] |
	.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
	.linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
	.linux.timeOffsets = {monotonic: {secs: 1000000}, boottime: {secs: 2000000}} |
	.linux.rootfsPropagation = "private" | del(.linux.devices) |
	(.mounts[] | select(.destination == "/etc/ro")) += {
		uidMappings: [{containerID: 0, hostID: 100000, size: 65536}],
		gidMappings: [{containerID: 0, hostID: 100000, size: 65536}], options: ["rbind", "ro", "idmap"]} |
	mnt({destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "mode=1777"]}) |
	.hooks = {
		createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "echo createRuntime >>\($tmp)/hooks"]}],
		createContainer: [{path: "/bin/sh", args: ["sh", "-c", "echo createContainer >>\($tmp)/hooks"]}],
		poststop: [{path: "/bin/sh", args: ["sh", "-c", "echo poststop >>\($tmp)/hooks"]}]}'
mkdir -p "$tmp/rootfs/etc/sub" "$tmp/rootfs/tmp"
touch "$tmp/rootfs/etc/ro" "$tmp/rootfs/tmp/was_there"
echo read-only >"$tmp/ro"
chmod 755 "$tmp"
: >"$tmp/hooks"
chmod 666 "$tmp/hooks"
chown -R 100000:100000 "$tmp/rootfs"
config_of() { config "${1//\$say/\$ENV.say}" true; }
export say

# What may differ: numbers and names of mounts, and which of two ways a call that is refused (EPERM, as in a
# user namespace) leads to: a node of /dev that is made or bound, a /sys of its own or the node's, an empty
# directory whose file system is read-only or only its mount.
plain() {
	awk '/^(Umask|Uid|Gid|Groups|SigBlk|SigIgn|SigCgt|Cap|NoNewPrivs|Seccomp|Cpus_allowed_list|Mems_allowed_list)/ { print; next }
		/^NSpid/ { print NF; next }
		/^[A-Za-z_]+:\t/ { next }
		/^ *(lo|eth0|Inter-|face)/ { print $1; next }
		!/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ / { print; next }
		$5 ~ "^/dev/(null|zero|full|random|urandom|tty)$" || $5 ~ "^/sys/(fs|kernel)" { next }
		{ gsub(/master:[0-9]+|shared:[0-9]+/, "peers"); sub(/ - .*/, "")
			if ($4 == "/null") $6 = ""
			$1 = $2 = $3 = ""; mounts = mounts $0 "\n" }
		END { printf "%s", mounts | "sort" }' "$1" | tr '\0' '\n'
}

# ---- one command, all its calls ----
C=$tmp/state/$id
shopt -s nullglob
leftover() {
	local x
	[ ! -e "$C" ] || echo "state: $(echo "$C"/*)"
	x=(/sys/fs/cgroup/?ast-oci-$id /sys/fs/cgroup/*/rast-oci-$id)
	[ ${#x[@]} = 0 ] || echo "cgroup: ${x[*]}"
	[[ $(</proc/self/mountinfo) != *"$tmp"* ]] || echo "mount: $(grep -F "$tmp" /proc/self/mountinfo)"
	x=("$tmp"/.*.?????* "$tmp"/pid.* "$tmp/state"/.[!.]*)
	[ ${#x[@]} = 0 ] || echo "file: ${x[*]}"
}
bad_line=() bad_code=() bad_left=() bad_work=()
tried=0 turn=0
# each NAME BEFORE FINISH WORKED AFTER COMMAND…: BEFORE and AFTER run around each; where the exit code is 0
# FINISH does what is left to do until the container has spoken, and WORKED judges it all.
each() {
	local name=$1 before=$2 finish=$3 worked=$4 after=$5 p n call err rc said at rest began=0
	local -a todo=()
	shift 5
	: >"$tmp/hooks"
	eval "$before"
	timeout 20 "$inject" "$tmp/calls" "$R" --root "$tmp/state" "$@" </dev/null >"$tmp/say" 2>"$tmp/err"
	rc=$?
	said=$(<"$tmp/err")
	rest=$(eval "$finish")
	plain "$tmp/say" >"$tmp/want"
	rest+=$(eval "$worked") || rc="$rc, but: $rest"
	eval "$after" || rc="$rc, and it does not end"
	is "$rc $said" "0 " "$name: undisturbed, under ptrace"
	[ "$rc$said" = 0 ] || return
	while read -r p n call; do
		[ "$p $call" != "0 execveat" ] || began=$n
		[[ $of_libc == *" $call "* && ( $p = 0 && $n -lt $((began + 20)) || $call = exit_group ) ]] && continue
		# By then create has done its work; start says that the container is stopped.
		[ "$name $call" != "create accept4" ] || continue
		[[ $borne == *" $call "* ]] || todo+=("$p $n $call")
	done <"$tmp/calls"
	for err in $errors; do
		for call in "${todo[@]}"; do
			[ $((turn++ % stride)) = 0 ] || continue
			read -r p n call <<<"$call"
			: >"$tmp/hooks"
			eval "$before"
			timeout -k 2 30 "$inject" "$tmp/did" "$p" "$n" "$err" "$R" --root "$tmp/state" "$@" \
				</dev/null >"$tmp/say" 2>"$tmp/err"
			rc=$?
			said=$(<"$tmp/err")
			tried=$((tried + 1))
			at="$name: $call ($p $n) = -$err: exit code $rc, output: $said"
			if [ $rc = 0 ]; then
				[ -z "$said" ] || [[ $said == "rast-oci: warning: "* ]] || bad_line+=("$at")
				rest=$(eval "$finish" && eval "$worked") || bad_work+=("$at; ${rest//$'\n'/ }")
			elif [ $rc = 1 ]; then
				[[ $said == "rast-oci: "?* && $said != *$'\n'* && $said != *Success* ]] || bad_line+=("$at")
				# Of a container that nobody has heard of nothing is left at once.
				if [[ $name == create* || $name == run* ]] && [ ! -s "$tmp/say" ] && [[ $call != unlink* && $call != rmdir ]]; then
					rest=$(leftover)
					[ -z "$rest" ] || bad_left+=("$at; left at once: ${rest//$'\n'/ }")
				fi
			else
				bad_code+=("$at")
			fi
			rest=$(eval "$after" 2>&1) || bad_left+=("$at; afterwards: ${rest//$'\n'/ }")
		done
	done
	diag "$name: ${#todo[@]} calls, $tried failures so far, $SECONDS s"
}
forced() {
	local rest
	oci delete --force $id || return 1
	rest=$(leftover)
	[ -z "$rest" ] || { echo "left: $rest"; return 1; }
}
same() { plain "$tmp/say" | diff "$tmp/want" -; }
quietly() { "$@" >"$tmp/log" 2>&1 </dev/null || { echo "$*: $(<"$tmp/log")"; return 1; }; }


ended() { wait_for 5 stopped || { echo "does not end: $(status)"; return 1; }; }
created() { oci create -b "$tmp" $id </dev/null >"$tmp/say" 2>"$tmp/log" || cat "$tmp/log"; }
started() { oci start $id </dev/null && ended; }
running() { oci run -d -b "$tmp" $id </dev/null >"$tmp/log" 2>&1 || cat "$tmp/log"; }
# A hook after the end that fails is a warning, as the specification has it.
hooks_ran() { [ "$(<"$tmp/hooks")" = "$1" ] || [[ $said == *"warning: "* ]] || { echo "hooks: $(<"$tmp/hooks")"; return 1; }; }

config_of "$full"
each run 'rm -f "$tmp/pid"' : same forced run -b "$tmp" --pid-file "$tmp/pid" $id
each create 'rm -f "$tmp/pid"' started same forced create -b "$tmp" --pid-file "$tmp/pid" $id
each start created ended same forced start $id
config_of "$ways"
each "run in a user namespace" : : 'same && hooks_ran $'\''createRuntime\ncreateContainer\npoststop'\' forced run -b "$tmp" $id

# ---- those that find a container running ----
alone() { [ "$(grep -c . /sys/fs/cgroup{,/unified}/rast-oci-$id/cgroup.procs 2>/dev/null | cut -d: -f2)" = 1 ]; }
again() {
	[ "$(status)" = running ] || { echo "it is $(status)"; forced; running; return 1; }
	wait_for 5 alone || { echo "another process is left"; forced; running; return 1; }
}
config "${full//sh(\$say)/.} | .linux.seccomp = null" sleep 1000
running
# shellcheck disable=SC2086
each exec : : same again exec -e A=b $id sh -c "$say"
oci_json() { oci state $id | jq -S . >"$tmp/json"; jq -S . "$tmp/say" | diff "$tmp/json" -; }
each state : : oci_json again state $id
limit() { cat /sys/fs/cgroup{/pids,,/unified}/rast-oci-$id/pids.max 2>/dev/null; }
each update 'oci update --pids-limit 44 $id' : '[ "$(limit)" = 33 ]' again update --pids-limit 33 $id
each pause 'oci resume $id 2>/dev/null' : 'status_is paused' 'oci resume $id 2>/dev/null; again' pause $id
each resume 'oci pause $id 2>/dev/null' : 'status_is running' 'oci resume $id 2>/dev/null; again' resume $id
forced
each kill running : 'wait_for 5 stopped' forced kill $id KILL
config '.hooks = {poststop: [{path: "/bin/sh", args: ["sh", "-c", "echo poststop >>\($tmp)/hooks"]}]}' sleep 1000
gone_and_told() { leftover | grep . && return 1; [[ $(<"$tmp/hooks") == poststop* || $said == *"warning: "* ]] || { echo "poststop has not run"; return 1; }; }
each delete 'running; oci kill $id KILL; ended' : gone_and_told 'forced && gone_and_told' delete $id
each "delete --force" running : gone_and_told 'forced && gone_and_told' delete --force $id

report() {
	local name=$1
	shift
	if [ $# = 0 ]; then ok "$name"; else nok "$name" "$# times:
$(printf '%s\n' "$@")"; fi
}
diag "$tried failures, in $SECONDS s"
report "each failure is one line that says what failed, or is borne without a word" "${bad_line[@]}"
report "each has exit code 1" "${bad_code[@]}"
report "what has exit code 0 has done all of its work" "${bad_work[@]}"
report "none leaves a process, cgroup, mount or file" "${bad_left[@]}"
tap_done
