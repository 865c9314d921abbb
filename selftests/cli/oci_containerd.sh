#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# containerd drives rast-oci through its runc shim, which is told of another binary and nothing else. The
# daemon is ours, in namespaces of its own (mounts, network, processes); what is left to clean are cgroups.
# A guest runs the core of it (selftests/vm/clients.sh), where a call takes seconds. Debian 12 has no package of
# crictl, nerdctl or CRI-O: the shim that is driven here is what the first two end at.
if [ -z "${TOCI_OWN:-}" ]; then
	. selftests/lib/tap.sh
	[ "$(id -u)" = 0 ] || skip_all "root"
	for need in containerd ctr containerd-shim-runc-v2 busybox jq script unshare; do
		command -v $need >/dev/null || skip_all "$need"
	done
	trap - EXIT INT TERM HUP
	TOCI_OWN=$$ exec unshare -m -n -p --fork --kill-child --mount-proc bash "$0"
fi
. selftests/lib/tap.sh
ns=toci-containerd-$TOCI_OWN
guest() { [ "${RAST_TEST_NAME:-}" = guest ]; }
more() { ! guest || [ -n "${RAST_SLOW:-}" ]; }
seconds=60 late=10
guest && seconds=120 late=60
R=$O/bin/rast-oci
tmp=$(mktemp -d)
daemon=

groups_gone()
{
	find /sys/fs/cgroup -maxdepth 3 -type d -name "$ns" | while read -r g; do
		find "$g" -depth -type d -exec rmdir {} + 2>/dev/null
	done
	[ -z "$(find /sys/fs/cgroup -maxdepth 3 -type d -name "$ns")" ]
}
cleanup()
{
	for t in $(c task ls -q 2>/dev/null); do c task rm -f "$t" >/dev/null 2>&1; done
	[ -z "$daemon" ] || kill "$daemon"
	wait_for $late groups_gone
	umount -l "$tmp"
	rmdir "$tmp"
}
mount -t tmpfs containerd "$tmp"
tap_cleanup cleanup
mount -t tmpfs run /run

cat >"$tmp/config.toml" <<-X
	version = 2
	root = "$tmp/root"
	state = "$tmp/state"
	disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt",
		"io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
		"io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.aufs"]
	[grpc]
	  address = "$tmp/c.sock"
	[ttrpc]
	  address = "$tmp/t.sock"
X
containerd -c "$tmp/config.toml" >"$tmp/log" 2>&1 &
daemon=$!
C="ctr -a $tmp/c.sock -n $ns"
# shellcheck disable=SC2086
c() { timeout $seconds $C "$@"; }
runtime="--runtime io.containerd.runc.v2 --runc-binary $R"
# shellcheck disable=SC2086
run() { c run $runtime "$@" 2>&1; }
wait_for $late c version || nok "containerd answers" "$(tail -5 "$tmp/log")"

# What script(1) caught, without what the terminal adds, and without complaints that the window of a
# process that has ended already cannot be resized.
term() { tr -d '\r\0\004' | sed 's/^^@//; s/^^D//; /resize/d'; }

mkdir -p "$tmp/img/bin" "$tmp/img/tmp" "$tmp/img/etc"
cp "$(command -v busybox)" "$tmp/img/bin/busybox"
for a in sh echo sleep tty dd cat true; do ln -s busybox "$tmp/img/bin/$a"; done
img="--rootfs $tmp/img"

# shellcheck disable=SC2086
{
is "$(run --rm $img t1 /bin/echo hello)" hello "ctr run prints what the container prints"
rc=0; run --rm $img t1 /bin/sh -c 'exit 7' || rc=$?
is $rc 7 "the exit code is the container's"
if more; then
	like "$(run --rm $img t1 /nosuch)" \
		'OCI runtime create failed: command /nosuch: No such file or directory' \
		"the shim reads why it failed from the JSON log"
	is "$(c containers ls -q)" "" "--rm leaves no container"
fi
is "$(script -qec "$C run --rm -t $runtime $img t2 /bin/sh -c 'tty; exit 5'; echo \$?" /dev/null </dev/null |
	term | xargs)" "/dev/pts/0 5" "-t has a terminal"

timeout 600 $C events >"$tmp/events" 2>/dev/null &
run -d --memory-limit 20000000 $img life /bin/sh -c \
	'trap "exit 3" TERM; echo up; while :; do sleep 0.1; done' >"$tmp/out"
state() { c task ls | awk '$1 == "life" { print $3 }'; }
is "$(state)" RUNNING "run -d leaves a task that runs"
is "$(c task exec --exec-id e1 life /bin/echo in)" in "task exec runs beside it"
rc=0; c task exec --exec-id e2 life /bin/sh -c 'exit 9' || rc=$?
is $rc 9 "task exec hands the exit code on"
if more; then
	like "$(c task exec --exec-id e3 life /nosuch 2>&1)" 'exec failed: command /nosuch: No such file' \
		"task exec of a missing command says so"
	is "$(echo word | c task exec --exec-id e4 life /bin/cat)" word "task exec has standard input"
	is "$(script -qec "$C task exec -t --exec-id e5 life /bin/tty" /dev/null </dev/null |
		term)" /dev/pts/0 "task exec -t has a terminal"
	c task pause life
	is "$(state)" PAUSED "task pause"
	c task resume life
	is "$(state)" RUNNING "task resume"
	like "$(c task ps life)" "^$(c task ls | awk '$1 == "life" { print $2 }') " "task ps lists its processes"
	limit=$(c task metrics life | awk '/memory.limit_in_bytes|memory.max/ { print $2 }')
	if [ -n "$limit" ]; then
		is "$((limit / 1000000))" 19 "task metrics read the container's own cgroup"
	else
		like "$(c task metrics life)" 'METRIC' "task metrics read the container's own cgroup"
	fi
	# Nothing else there wants memory meanwhile: the kernel has nobody else to end.
	run -d --memory-limit 12000000 $img hungry /bin/sh -c \
		'dd if=/dev/zero of=/dev/null bs=64M count=1; exec sleep 1000' >/dev/null
	check "running out of memory is an event" wait_for $late grep -q '/tasks/oom.*"hungry"' "$tmp/events"
	c task rm -f hungry 2>/dev/null
	c containers rm hungry
fi
check "what was executed is an event" grep -q '/tasks/exec-started.*"e1"' "$tmp/events"
if more; then
	check "a limit is changed while it runs" "$R" --root "/run/containerd/runc/$ns" update --memory 30000000 life
	limit=$("$R" --root "/run/containerd/runc/$ns" events --stats life | jq .data.memory.usage.limit)
	is "$((limit / 1000000))" 29 "the runtime's own events know the new one"
fi
c task kill -s TERM life
stopped() { [ "$(state)" = STOPPED ]; }
check "task kill ends it" wait_for $late stopped
check "with the exit code in an event" wait_for $late grep -q '/tasks/exit.*"id":"life".*"exit_status":3' "$tmp/events"
before=$(state)
c task delete life 2>/dev/null
is "$before $(state)" "STOPPED " "and task delete removes it"
c containers rm life

if more; then
	run -d $img gone /bin/sleep 1000
	check "task rm -f of what runs" c task rm -f gone
	c containers rm gone
	run -d --pid-file "$tmp/pid" --read-only --cwd /tmp --env A=b --privileged --seccomp $img more \
		/bin/sh -c 'echo x 2>/dev/null >/file || echo "ro $A $PWD" >/proc/1/fd/1; sleep 1000' >"$tmp/out" 2>&1
	if kill -0 "$(cat "$tmp/pid")" 2>/dev/null; then
		ok "more options of run, and --pid-file"
	else
		nok "more options of run, and --pid-file" "$(cat "$tmp/out")"
	fi
	c task rm -f more 2>/dev/null
	c containers rm more
fi
}
is "$("$R" --root "/run/containerd/runc/$ns" list -q 2>/dev/null)" "" "no state is left"
check "no cgroup is left" wait_for $late groups_gone
unlike "$(cat "$tmp/log")" 'level=(error|fatal).*(rast-oci|runc)' "the daemon has nothing to complain of"
tap_done
