#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 900
# Images and containers that want out: one test for each class of holes that runtimes have had, by its
# number. A root file system here is the attacker's, config.json is the administrator's.
. selftests/lib/tap.sh
. selftests/lib/oci.sh
all_caps='caps(["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE", "CAP_MKNOD", "CAP_SYS_ADMIN", "CAP_SETUID", "CAP_KILL"]) | .process.noNewPrivileges = false'
root=$tmp/rootfs
# fresh: the root file system as it was; what an attack changed is gone.
fresh()
{
	rm -rf "$root"
	make_rootfs "$root"
}
# A file of the node's next to the root that nothing may ever touch.
mkdir -p "$tmp/node/dir"
canary=$tmp/node/canary
untouched()
{
	[ "$(cat "$canary")" = safe ] && [ -z "$(ls -A "$tmp/node/dir")" ]
}
echo safe >"$canary"

# ---- CVE-2019-5736 ----
own=$tmp/rast-oci
cp "$R" "$own"
sum=$(sha256sum <"$own")
R=$own
printf '#!/proc/self/exe\n' >"$root/bin/evil" && chmod 755 "$root/bin/evil"
unlike "$(inside . /bin/evil --version)" 'rast-oci version' "CVE-2019-5736: a program that is #!/proc/self/exe does not run the runtime"
begin . sleep 60
unlike "$(oci exec "$id" /bin/evil --version </dev/null 2>&1)" 'rast-oci version' "CVE-2019-5736: nor does it by exec"
unlike "$(oci exec "$id" /proc/self/exe --version </dev/null 2>&1)" 'rast-oci version' "CVE-2019-5736: nor does /proc/self/exe itself"
oci delete -f "$id"
unlike "$(inside . /proc/self/exe --version)" 'rast-oci version' "CVE-2019-5736: nor at run"
# Who waits inside, with every right that there is, for somebody who enters.
cp "$O/tests/oci_lurk" "$root/lurk"
begin "$all_caps | .linux.maskedPaths = []" /lurk
wait_for 5 test -e "$root/tmp/ready"
n=0
while [ $n -lt "$(oci_times 100 20)" ] && [ ! -e "$root/tmp/seen" ]; do
	oci exec "$id" /bin/true </dev/null >/dev/null 2>&1
	n=$((n + 1))
done
again="CVE-2019-5736: where it cannot be mapped anew, exec starts again from a read-only mount"
if command -v strace >/dev/null; then
	strace -qq -o "$tmp/again" -e inject=mremap:error=ENOMEM "$R" --root "$tmp/state" exec "$id" /bin/true </dev/null
	is "$? $(grep -c execveat "$tmp/again")" "0 1" "$again"
else
	skip "$again" strace
fi
wait_for 1 test -e "$root/tmp/wrote"
oci delete -f "$id"
is "$(sha256sum <"$own")" "$sum" "CVE-2019-5736: a container with CAP_SYS_PTRACE that lies in wait for exec cannot write to the runtime"
[ -e "$root/tmp/wrote" ] && nok "CVE-2019-5736: nor open it for writing" || ok "CVE-2019-5736: nor open it for writing"
rm -f "$root"/tmp/seen "$root"/tmp/wrote
cp "$R" "$own.new" && mv "$own.new" "$own"
# Who looks at the process that waits for start: with rights that the container has not, and with its own.
look='readlink /proc/1/exe; ls -l /proc/1/fd; cat /proc/1/maps'
config 'sh("sleep 60") | .linux.maskedPaths = []'
create >/dev/null
like "$(oci exec --cap CAP_SYS_PTRACE "$id" sh -c "$look" </dev/null 2>&1)" "is not started: .*CAP_SYS_PTRACE" \
	"CVE-2019-5736: exec with CAP_SYS_PTRACE into a container that waits for start is refused"
unlike "$(oci exec "$id" sh -c "$look" </dev/null 2>&1)" 'rast-oci' "CVE-2019-5736: without it nothing of the waiting process is seen"
oci start "$id"
is "$(oci exec --cap CAP_SYS_PTRACE "$id" readlink /proc/1/exe </dev/null 2>&1)" /bin/busybox "when it is started it may have it"
oci delete -f "$id"
config 'sh("sleep 60") | .linux.maskedPaths = [] | caps(["CAP_SYS_PTRACE"])'
create >/dev/null
leaving exec -d "$id" sh -c 'exec 9</proc/1/exe; touch /tmp/open; while [ ! -e /tmp/go ]; do sleep 0.1; done
	echo x 2>/tmp/said >/proc/self/fd/9; touch /tmp/done'
wait_for 5 test -e "$root/tmp/open"
oci start "$id"
touch "$root/tmp/go"
wait_for 5 test -e "$root/tmp/done"
like "$(cat "$root/tmp/said")" 'Read-only' "CVE-2019-5736: where the container has it, what waits is on a read-only mount"
is "$(sha256sum <"$own")" "$sum" "CVE-2019-5736: and cannot be written to"
oci delete -f "$id"
rm -f "$root"/tmp/open "$root"/tmp/go "$root"/tmp/done "$root"/tmp/said
# A hook inside meets the first process as it waits.
begin "$all_caps | .hooks.startContainer = [{path: \"/lurk\", args: [\"lurk\", \"1\"]}]" sleep 60
wait_for 1 test -e "$root/tmp/wrote"
oci delete -f "$id"
is "$(sha256sum <"$own")" "$sum" "CVE-2019-5736: a hook in the container cannot either"
[ -e "$root/tmp/wrote" ] && nok "CVE-2019-5736: nor open it for writing" || ok "CVE-2019-5736: nor open it for writing"
R=$O/bin/rast-oci
fresh

# ---- links where the runtime mounts ----
# link PATH TARGET CVE: with PATH of the root as a link, either refused or kept inside; never on TARGET.
for case in "proc ../node/dir 2019-19921" "proc /etc 2023-27561" "sys /etc 2023-28642" "sys ../../node/dir 2019-18837"; do
	# shellcheck disable=SC2086
	set -- $case
	rm -rf "${root:?}/$1" && ln -s "$2" "$root/$1"
	out=$(inside . cat /proc/self/mountinfo)
	rc=$?
	[ $rc -ne 0 ] && ok "CVE-$3: /$1 as a link to $2 is refused" || nok "CVE-$3: /$1 as a link to $2 is refused" "$out"
	check "CVE-$3: and nothing of the node was touched" untouched
	fresh
done
for case in "dev ../node/dir 2026-41579" "dev $tmp/node/dir 2026-47766" "dev /etc 2026-47766"; do
	# shellcheck disable=SC2086
	set -- $case
	rm -rf "${root:?}/dev" && ln -s "$2" "$root/dev"
	inside . true >/dev/null
	inside '.mounts |= map(select(.destination | startswith("/dev") | not)) | .linux.maskedPaths = [] | .linux.devices = [{path: "/dev/evil", type: "c", major: 1, minor: 5}]' true >/dev/null
	check "CVE-$3: no device is made through /dev as a link to $2" untouched
	fresh
done
for p in dev/pts dev/shm dev/mqueue; do
	mkdir -p "$root/dev" "$root/${p%/*}"
	rm -rf "${root:?}/$p"
	ln -s "$tmp/node/dir" "$root/$p"
	inside '.mounts |= map(select(.destination != "/dev"))' touch "/$p/x" >/dev/null
	check "CVE-2019-18837: /$p as a link does not lead out" untouched
	fresh
done
mkdir -p "$root/sys/fs" && ln -s "$tmp/node/dir" "$root/sys/fs/cgroup"
inside '.mounts |= map(select(.type != "sysfs"))' touch /sys/fs/cgroup/x >/dev/null
check "CVE-2019-18837: /sys/fs/cgroup as a link does not lead out" untouched
fresh
for d in null console tty; do
	ln -sf "$canary" "$root/dev/$d"
	inside '.mounts |= map(select(.destination | startswith("/dev") | not)) | sh("echo x >/dev/null; echo x >/dev/console; echo x >/dev/tty")' >/dev/null
	check "CVE-2026-41579: /dev/$d as a link does not lead out" untouched
	fresh
done
ln -sf "$canary" "$root/target"
inside 'mnt({destination: "/target", type: "bind", source: "plain.json", options: ["bind"]})' true >/dev/null
check "CVE-2021-30465: a mount point that is a link to a file of the node is not followed" untouched
[ -e "$root$tmp/node/canary" ] || true
fresh
ln -sf /proc/self/root/../../etc "$root/magic"
like "$(inside 'mnt({destination: "/magic", type: "bind", source: "node", options: ["bind"]})' true; echo "$?")" '[1-9]' "CVE-2021-30465: no magic link of /proc is followed on the way"
fresh

# ---- CVE-2021-30465, CVE-2024-45310: the mount point changes while it is mounted ----
# Thousands of starts with RAST_SLOW=1; else as many as 15 seconds hold, a thousand at most.
mkdir -p "$root/vol/a" && ln -s "../../../node/dir" "$root/vol/b"
"$O/tests/oci_swap" "$root/vol/a" "$root/vol/b" "$tmp/stop" >"$tmp/swaps" 2>&1 &
swapper=$!
tap_cleanup 'kill "$swapper" 2>/dev/null'
mounts_before=$(wc -l </proc/self/mountinfo)
config 'mnt({destination: "/vol/a", type: "tmpfs", source: "x"}) | mnt({destination: "/vol/a/made/here", type: "bind", source: "plain.json", options: ["bind"]}) | .linux.maskedPaths = ["/vol/a/mask"] | .linux.devices = [{path: "/vol/a/dev", type: "c", major: 1, minor: 5}]' true
most=1000 seconds=15 n=0 bad='' went=0
[ -z "${RAST_SLOW:-}" ] || most=10000 seconds=500
end=$(($(tap_now) + seconds))
while [ "$(tap_now)" -lt $end ] && [ $n -lt $most ]; do
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$R" --root "$tmp/state" run -b "$tmp" "$id" </dev/null >/dev/null 2>&1 && went=$((went + 1))
	done
	untouched || { bad=$n && break; }
	n=$((n + 10))
done
touch "$tmp/stop"
wait $swapper
[ -z "$bad" ] && [ $n -ge 10 ] && ok "CVE-2021-30465, CVE-2024-45310: swapped mount points never lead out" || nok "CVE-2021-30465, CVE-2024-45310: swapped mount points never lead out" "after $n starts: $(ls -R "$tmp/node")"
diag "$n starts, of which $went went through, during $(cat "$tmp/swaps") swaps"
like "$(cat "$tmp/swaps")" '^[0-9]+$' "CVE-2021-30465: the names were swapped to the end"
is "$(wc -l </proc/self/mountinfo)" "$mounts_before" "CVE-2021-30465: and no mount appears on the node"
check "and nothing is left" gone
fresh

# ---- CVE-2025-31133: masks by a /dev/null that the image brings ----
nodev='.mounts |= map(select(.destination | startswith("/dev") | not)) | .linux.maskedPaths = ["/etc/secret"]'
echo secret >"$root/etc/secret"
for what in file link device; do
	case $what in
	file) echo open >"$root/dev/null" ;;
	link) ln -sf /etc/secret "$root/dev/null" ;;
	device) mknod "$root/dev/null" c 1 9 ;;
	esac
	unlike "$(inside "$nodev" head -c 8 /etc/secret; echo "rc $?")" '^(secret|open|rc 0)' "CVE-2025-31133: a $what as /dev/null masks nothing: refused"
	rm -f "$root/dev/null"
done
is "$(inside "$nodev" cat /etc/secret)" "" "CVE-2025-31133: the real one masks"
fresh

# ---- CVE-2025-52881, CVE-2019-16884, CVE-2025-24965: writes that should reach procfs ----
rm -rf "$root/proc" && mkdir -p "$root/proc/sys/net/ipv4" "$root/proc/self/attr" "$root/proc/thread-self/attr/apparmor"
echo fake >"$root/proc/sys/net/ipv4/ip_forward"
echo fake >"$root/proc/thread-self/attr/apparmor/exec"
noproc='.mounts |= map(select(.destination != "/proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
inside "$noproc | .linux.sysctl = {\"net.ipv4.ip_forward\": \"1\"}" true >/dev/null
is "$?" 1 "CVE-2025-52881: a sysctl without a procfs of ours is refused"
is "$(cat "$root/proc/sys/net/ipv4/ip_forward")" fake "CVE-2025-52881: and is not written to the image's"
like "$(inside 'mnt({destination: "/proc/sys/net", type: "tmpfs", source: "x"}) | .linux.sysctl = {"net.ipv4.ip_forward": "1"}' true; echo "rc $?")" 'rc 1' "CVE-2025-52881: nothing may be mounted below /proc"
mkdir "$tmp/fake" && mkdir -p "$tmp/fake/self/attr"
like "$(inside '.mounts |= map(if .destination == "/proc" then {destination: "/proc", type: "bind", source: "fake", options: ["bind"]} else . end)' true; echo "rc $?")" 'rc 1' "CVE-2019-16884: /proc that is no procfs is refused"
like "$(inside '.mounts |= map(if .destination == "/proc" then {destination: "/proc", type: "tmpfs", source: "x"} else . end)' true; echo "rc $?")" 'rc 1' "CVE-2019-16884: so is a tmpfs"
inside "$noproc | .process.apparmorProfile = \"x\"" true >/dev/null 2>&1
is "$(cat "$root/proc/thread-self/attr/apparmor/exec")" fake "CVE-2019-16884: a label is not written to a file of the image's"
fresh

# ---- CVE-2024-21626: descriptors of the node ----
# at_cwd DIR: runs a container there that was configured with @CWD@; jq is most of a start in a guest.
at_cwd()
{
	sed "s,@CWD@,$1," "$tmp/cwd.json" >"$tmp/config.json"
	run
}
config '.process.cwd = "@CWD@"' sh -c 'pwd; ls; cat ../../../etc/hostname'
mv "$tmp/config.json" "$tmp/cwd.json"
n=3 leaked=
while [ $n -lt "$(oci_times 40 12)" ]; do
	out=$(at_cwd /proc/self/fd/$n) && leaked="$leaked $n: $out"
	n=$((n + 1))
done
is "$leaked" "" "CVE-2024-21626: no /proc/self/fd/N is a working directory"
begin . sleep 60
n=3 leaked=
while [ $n -lt "$(oci_times 16 12)" ]; do
	out=$(oci exec --cwd /proc/self/fd/$n "$id" ls 2>&1 </dev/null) && leaked="$leaked $n: $out"
	n=$((n + 1))
done
is "$leaked" "" "CVE-2024-21626: nor is it of exec"
is "$(oci exec "$id" sh -c 'ls /proc/self/fd /proc/1/fd | grep -c "^[4-9]\|^[1-9][0-9]"; readlink /proc/1/fd/3' </dev/null 2>/dev/null)" 0 "CVE-2024-21626: no descriptor of the node is open in the container"
oci delete -f "$id"
ln -s /proc/self/fd/7 "$root/link"
n=3 leaked=
while [ $n -lt "$(oci_times 20 12)" ]; do
	ln -sfn /proc/self/fd/$n "$root/link"
	out=$(at_cwd /link) && leaked="$leaked $n: $out"
	n=$((n + 1))
done
is "$leaked" "" "CVE-2024-21626: nor by a link of the image's"
rm "$root/link"

# ---- CVE-2022-27650, CVE-2022-29162 ----
like "$(inside . grep CapInh /proc/self/status)" '0000000000000000' "CVE-2022-27650: run gives nothing that is inheritable"
begin '.process.capabilities.inheritable = ["CAP_KILL"]' sleep 60
like "$(oci exec --cap CAP_NET_RAW "$id" grep CapInh /proc/self/status </dev/null)" '0000000000000000' "CVE-2022-29162: exec gives nothing that is inheritable"
is "$(oci exec -u 1 "$id" id -u </dev/null)" 1 "CVE-2026-30892: exec -u 1 is uid 1"
oci delete -f "$id"

# ---- CVE-2023-25809: the cgroup ----
like "$(inside . sh -c 'mkdir /sys/fs/cgroup/evil' 2>&1)" 'ead-only|denied' "CVE-2023-25809: the cgroup cannot be written"
chown -R 100000:100000 "$root"
chmod 755 "$tmp"
user='ns("user") | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
like "$(inside "$user | nons(\"cgroup\")" sh -c 'mkdir /sys/fs/cgroup/evil' 2>&1)" 'ead-only|denied' "CVE-2023-25809: nor in a user namespace with the node's cgroup namespace"
fresh

# ---- CVE-2021-43784: a long list of maps is a list, not another message ----
like "$(inside '.linux.uidMappings = [range(400) | {containerID: ., hostID: (. + 100000), size: 1}] | .linux.gidMappings = [{containerID: 0, hostID: 0, size: 1}] | ns("user")' true)" 'uidMappings' "CVE-2021-43784: more maps than the kernel takes are refused"
check "and nothing is left" gone
check "the node's files are as they were" untouched
tap_done
