#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What a container is, seen from inside it, and what rastbpf container does with it from outside. No
# image is needed: the root file system is one busybox.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
bb=$(command -v busybox) || skip_all "busybox (busybox-static)"
unshare -mpf true 2>/dev/null || skip_all "mount and pid namespaces"
export RAST_INSTANCE=tlaunch
B=$O/bin/rastbpf
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp"'
tap_cleanup '"$B" gc --all >/dev/null 2>&1; rm -rf /var/lib/tlaunch'

# make_root DIR: busybox and its names.
make_root()
{
	mkdir -p "$1/bin" "$1/tmp" "$1/etc"
	cp "$bb" "$1/bin/busybox"
	for a in sh cat ls ps id grep stat sleep touch mkdir mknod mount umount hostname true false chroot dd sed head unshare ip echo readlink test kill wc; do
		ln -sf busybox "$1/bin/$a"
	done
}
R=$tmp/root
make_root "$R"
"$R/bin/true" || skip_all "a static busybox"
run() { "$B" container run --rootfs "$R" "$@"; }
in_sh() { run -- sh -c "$1" 2>&1; }

# ---- isolation ----
is "$(in_sh 'echo $$')" 1 "the command is process 1"
is "$(run -n one -- hostname)" one "the host name is the pod's"
is "$(in_sh 'echo /proc/[0-9]*')" /proc/1 "no process of the node is to be seen"
# Not through a shell: busybox's ignores SIGQUIT.
status=$(run -- cat /proc/self/status)
like "$status" 'CapEff:.00000000a80425fb' "capabilities are the default set"
like "$status" 'CapBnd:.00000000a80425fb' "and so is the bounding set"
like "$status" 'CapInh:.0000000000000000' "nothing is inheritable"
like "$status" 'CapAmb:.0000000000000000' "nothing is ambient"
like "$status" 'Seccomp:.2' "a system call filter is there"
like "$status" 'NoNewPrivs:.1' "no_new_privs is set"
like "$status" 'SigIgn:.0000000000000000' "no signal is ignored"
like "$status" 'SigBlk:.0000000000000000' "none is blocked"
# Fd 3 is the directory that ls reads.
is "$(run -- ls /proc/self/fd 9</dev/null 8>/dev/null | tr '\n' ' ')" "0 1 2 3 " "no other file descriptor comes along"
is "$(in_sh 'echo $(ls /sys/class/net)')" lo "the only link is lo"
like "$(in_sh 'cat /proc/self/cgroup')" '^0::/$' "its cgroup is the root of what it sees"
is "$(in_sh 'readlink /proc/1/exe')" /bin/busybox "the executable of process 1 is its own"
for ns in mnt pid ipc uts net cgroup; do
	unlike "$(in_sh "readlink /proc/self/ns/$ns")" "^$(readlink /proc/self/ns/$ns | sed 's/[][]/\\&/g')$" "the $ns namespace is its own"
done
is "$(in_sh 'id -u; umask; ulimit -c' | tr '\n' ' ')" "0 0022 0 " "user 0, umask 022, no core files"
is "$(run -e A=b=c -- sh -c 'echo $A')" b=c "--env sets a variable"
is "$(RAST_SECRET=x in_sh 'echo ${RAST_SECRET:-none}')" none "the caller's environment stays outside"

# ---- masked and read-only ----
is "$(in_sh 'wc -c </proc/interrupts; wc -c </proc/timer_list' | tr '\n' ' ')" "0 0 " "masked files are empty"
is "$(in_sh 'ls /sys/firmware /proc/acpi 2>/dev/null | grep -v :' | tr -d '\n')" "" "masked folders are empty"
for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/irq/default_smp_affinity; do
	[ -e $f ] || { skip "$f is read-only" "$f"; continue; }
	like "$(in_sh "echo 0 >$f; echo rc \$?")" 'Read-only file system' "$f is read-only"
done
like "$(in_sh 'mkdir /sys/fs/cgroup/x')" 'Read-only file system' "the cgroup tree is read-only"
like "$(in_sh 'mount -t tmpfs none /tmp')" 'not permitted|denied' "mount is refused"
like "$(in_sh 'umount /proc/sysrq-trigger')" 'not permitted|denied|Invalid' "umount of a mask is refused"
like "$(in_sh 'unshare -r true')" 'not permitted' "a user namespace is refused"
like "$(in_sh 'hostname other')" 'not permitted' "the host name cannot be changed"
check "/dev/null, zero and urandom work" run -- sh -c 'echo >/dev/null && head -c 9 /dev/zero >/dev/null && head -c 9 /dev/urandom >/dev/null'
like "$(in_sh 'mknod /tmp/d b 7 0 && head -c 1 /tmp/d')" 'not permitted' "a device that is not listed is refused"
like "$(in_sh 'mknod /tmp/k c 1 1 && head -c 1 /tmp/k')" 'not permitted' "and so is /dev/mem under another name"
rm -f "$R/tmp/d" "$R/tmp/k"
mknod "$R/tmp/kmsg" c 1 11
unlike "$(in_sh 'head -c 1 </tmp/kmsg && echo READ')" READ "a device node of the root file system itself cannot be opened"
rm -f "$R/tmp/kmsg"

# ---- exit status ----
rc() { "$@" >/dev/null 2>&1; echo $?; }
is "$(rc run -- true)" 0 "exit status 0 comes out"
is "$(rc run -- sh -c 'exit 42')" 42 "and 42"
is "$(rc run -- sh -c 'exec sh -c "kill -9 -1; sleep 9" & sleep 9 & sh -c "kill -TERM 1"; exit 7')" 7 "a signal that process 1 does not handle does not end it"
"$B" container run -n killed --rootfs "$R" -- sleep 300 &
cli=$!
alive() { [ "$("$B" -j container show "$1" 2>/dev/null | grep -c running)" = 1 ]; }
check "a foreground container is to be seen" wait_for 10 alive killed
kill -KILL "$("$B" -j container show killed | jq -r '(if type == "array" then .[0] else . end).pid')"
wait $cli
is $? 137 "ended by SIGKILL is 128 and 9"
check_fails "a foreground container removes itself" "$B" container show killed
is "$(echo hello | run -- cat)" hello "standard input goes in and comes out"
is "$(run -- sh -c 'echo out; echo err >&2' 2>/dev/null)" out "standard output and error are apart"

# ---- a detached one ----
is "$(run -d -n web -l app=web -- sh -c 'trap "exit 3" TERM; echo one; echo two; while :; do sleep 1; done')" default/web "-d prints the pod's name"
check "it runs" alive web
lines() { [ "$("$B" container logs web | wc -l)" = "$1" ]; }
check "its output is kept" wait_for 10 lines 2
is "$("$B" container logs web --tail 1)" two "logs --tail shows the last line"
is "$("$B" container exec web -- sh -c 'echo $$ >/tmp/x; cat /proc/1/comm')" sh "exec sees its processes"
is "$(rc "$B" container exec web -- sh -c 'exit 9')" 9 "exec gives the command's exit status"
is "$("$B" container exec default/web/main -- hostname)" web "a container is named in full"
for f in CapEff CapBnd Seccomp NoNewPrivs; do
	is "$("$B" container exec web -- grep "^$f:" /proc/self/status)" "$(printf '%s\n' "$status" | grep "^$f:")" "exec has the $f of the container"
done
like "$("$B" container exec web -- nosuch 2>&1)" '^error: command nosuch: No such file' "a command that is not there is named"
like "$(run -d -n web -- true 2>&1)" '^error: pod default/web is there already$' "a second of the name is refused"
check "and the first still runs" alive web
check "stop" "$B" container stop web
check_fails "ends it" alive web
is "$("$B" container logs web | head -n 1)" one "and keeps its log"
like "$("$B" container exec web -- true 2>&1)" '^error: container main does not run$' "nothing is run in what has ended"
check "rm" "$B" container rm web
is "$("$B" container logs web 2>&1)" "error: no pod web" "leaves nothing"
is "$(rc "$B" container rm web)" 1 "and once is enough"

# ---- refusals: one line, exit code 1, nothing left ----
refused()
{
	want=$1
	shift
	out=$("$@" 2>&1)
	got=$?
	if [ $got = 1 ] && [ "$(printf '%s\n' "$out" | wc -l)" = 1 ]; then
		like "$out" "$want" "one error says: $want"
	else
		nok "one error says: $want" "exit code $got, output: $out"
	fi
}
refused 'no such root|/nonexistent: No such file' "$B" container run --rootfs /nonexistent -- true
refused 'bin/busybox: Not a directory' "$B" container run --rootfs "$R/bin/busybox" -- true
refused 'image "nosuch" is not on this machine' "$B" container run --image nosuch -- true
refused 'image "\.\./x": want letters' "$B" container run --image ../x -- true
refused 'want one of --image and --rootfs' "$B" container run -- true
refused 'want one of --image and --rootfs' "$B" container run --image a --rootfs "$R" -- true
refused 'no command' run
refused 'command nosuch: No such file' run -- nosuch
refused 'command /etc: Permission denied' run -- /etc
refused 'command /bin/none: No such file' run -- /bin/none
refused '"\.\./\.\." is not a pod' run -n ../.. -- true
refused '"Web" is not a pod' run -n Web -- true
refused '"" is not a pod' run -n '' -- true
refused 'memory lots: not an amount' run -m lots -- true
refused 'pids 0: not an amount' run --pids 0 -- true
refused 'network sideways: want none, pod or host' run --network sideways -- true
refused 'env =x: want K=V' run -e =x -- true
refused 'label x: want K=V' run -l x -- true
refused 'detach' run -d --rm -- true
refused 'detach' run -d -t -- true
echo 'not a program' >"$R/tmp/text"
chmod 755 "$R/tmp/text"
refused 'running /tmp/text: Exec format error' run -- /tmp/text
chmod 644 "$R/tmp/text"
refused '/tmp/text: Permission denied' run -- /tmp/text
long=a23456789012345678901234567890123456789012345678901234567890123
is "$(run -n $long -- hostname)" $long "a name of 63 bytes is taken"
refused 'is not a pod' run -n ${long}4 -- true

# ---- limits ----
cat >"$tmp/forks.sh" <<'END'
i=0
while [ $i -lt 20 ]; do sleep 5 & i=$((i + 1)); done 2>/dev/null
echo made
END
cp "$tmp/forks.sh" "$R/tmp/forks.sh"
if [ -d /sys/fs/cgroup/pids ] || grep -qw pids /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
	is "$(run --pids 100 -- sh /tmp/forks.sh)" made "twenty processes fit below a limit of a hundred"
	is "$(run --pids 8 -- sh /tmp/forks.sh)" "" "but not below one of eight"
else
	skip "twenty processes do not fit below a limit of eight" "the pids controller"
fi
if [ -d /sys/fs/cgroup/memory ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
	is "$(rc run -m 8Mi -- dd if=/dev/zero of=/dev/null bs=64M count=1)" 137 "a limit of memory holds"
else
	skip "a limit of memory holds" "the memory controller"
fi

# ---- a root file system that lies ----
mkdir "$tmp/outside"
for d in proc sys dev; do
	make_root "$tmp/lie"
	rm -rf "$tmp/lie/proc" "$tmp/lie/sys" "$tmp/lie/dev"
	ln -s "$tmp/outside" "$tmp/lie/$d"
	refused "mounting /$d: (Not a directory|Invalid argument)" "$B" container run --rootfs "$tmp/lie" -- true
	rm -rf "$tmp/lie"
done
is "$(ls -A "$tmp/outside")" "" "nothing is made where the links led"
unlike "$(cat /proc/self/mountinfo)" "$tmp/outside" "nothing is mounted there"

# ---- a hundred starts ----
traces() { selftests/lib/traces.sh | grep tlaunch; grep -F "$tmp" /proc/self/mountinfo; ls -R /run/tlaunch /var/lib/tlaunch 2>&1; }
run -- true
traces >"$tmp/before"
n=0
while [ $n -lt 100 ]; do
	run -- true || break
	n=$((n + 1))
done
is $n 100 "a hundred containers start, one after the other"
same() { traces >"$tmp/after"; cmp -s "$tmp/before" "$tmp/after"; }
if wait_for 5 same; then ok "and leave nothing"; else nok "and leave nothing" "$(diff "$tmp/before" "$tmp/after")"; fi
is "$("$B" -j container list | jq -c .)" '[]' "no container is listed"
tap_done
