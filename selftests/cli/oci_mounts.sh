#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The file system of a container: root, mounts in order and with all kinds of options, devices, masked and
# read-only paths.
. selftests/lib/tap.sh
. selftests/lib/oci.sh

# mopt PATH: the options of the mount there, as the container sees them.
mopt() { awk -v p="$1" '$5 == p { o = $6; for (i = 7; $i != "-"; i++) o = o " " $i; last = o "," $NF } END { print last }'; }
# bound JQ-OPTIONS: mountinfo with $tmp/src bound on /mnt with them.
mkdir -p "$tmp/src/sub" "$tmp/src2"
echo one >"$tmp/src/f"
bound() { inside "mnt({destination: \"/mnt\", type: \"bind\", source: \"$tmp/src\", options: $1})" cat /proc/self/mountinfo; }

# ---- root ----
like "$(inside '.root.readonly = true' touch /x)" 'ead-only' "root.readonly true makes the root read-only"
is "$(inside '.root.readonly = true' touch /dev/shm/x)" "" "but not what is mounted in it"
is "$(inside '.root.readonly = false' touch /x)" "" "root.readonly false leaves it writable"
is "$(inside . ls -d /proc/1)" /proc/1 "mounts of config.json are there"
mkdir -p "$tmp/abs" && cp -a "$tmp/rootfs" "$tmp/abs/r"
is "$(inside '.root.path = "\($tmp)/abs/r"' true; echo $?)" 0 "root.path may be absolute"
before=$(wc -l </proc/self/mountinfo)
inside 'mnt({destination: "/mnt", type: "tmpfs", source: "x"})' mount -t tmpfs y /tmp >/dev/null
is "$(wc -l </proc/self/mountinfo)" "$before" "no mount of a container appears on the node"

# ---- options of binds ----
like "$(bound '["bind", "ro"]' | mopt /mnt)" '(^|,)ro(,| )' "ro makes a mount read-only"
for o in nosuid nodev noexec noatime nodiratime; do
	like "$(bound "[\"bind\", \"$o\"]" | mopt /mnt)" "(^|,)$o" "$o is set on a bind"
done
for o in suid dev exec rw; do
	unlike "$(bound "[\"bind\", \"no$o\", \"ro\", \"$o\"]" | mopt /mnt)" "(^|,)no$o" "$o takes it back"
done
like "$(inside 'mnt({destination: "/mnt", type: "bind", source: "\($tmp)/src", options: ["bind", "ro"]})' touch /mnt/x)" ead-only "a file in a read-only bind cannot be made"
is "$(inside 'mnt({destination: "/mnt", type: "bind", source: "\($tmp)/src", options: ["bind"]})' cat /mnt/f)" one "a bind shows its source"
is "$(inside 'mnt({destination: "/mnt", type: "none", source: "src", options: ["bind"]})' cat /mnt/f)" one "a relative source is of the bundle"
is "$(inside 'mnt({destination: "/new/deep/f", type: "bind", source: "\($tmp)/src/f", options: ["bind"]})' cat /new/deep/f)" one "a file is bound on a file that is made for it"
many='.mounts += [range(20) | {destination: "/many/\(.)", type: "bind", source: "src", options: ["bind"]}]'
is "$(inside "$many" cat /many/19/f)" one "twenty relative sources are no trouble"

# What is mounted below the source: in a mount namespace of the test's own.
cat >"$tmp/below.sh" <<-EOF
	mount -t tmpfs below "$tmp/src/sub"
	echo two >"$tmp/src/sub/g"
	exec timeout 20 "$R" --root "$tmp/state" run -b "$tmp" "$id" </dev/null 2>&1
EOF
below()
{
	opts=$1
	shift
	config "mnt({destination: \"/mnt\", type: \"bind\", source: \"$tmp/src\", options: $opts})" "$@"
	unshare -m sh "$tmp/below.sh"
}
is "$(below '["bind"]' ls /mnt/sub)" "" "bind leaves out what is mounted below"
is "$(below '["rbind"]' cat /mnt/sub/g)" two "rbind takes it along"
like "$(below '["rbind", "ro"]' touch /mnt/x)" ead-only "ro of an rbind is for its top"
is "$(below '["rbind", "ro"]' touch /mnt/sub/x)" "" "and not for what is below"
like "$(below '["rbind", "rro"]' touch /mnt/sub/x)" ead-only "rro is for all of it"
like "$(below '["rbind", "rnoexec", "rnosuid", "rnodev"]' cat /proc/self/mountinfo | mopt /mnt/sub)" 'nosuid,nodev,noexec' "rnoexec, rnosuid and rnodev are too"

# ---- propagation ----
unlike "$(bound '["rbind"]' | mopt /mnt)" shared "a bind is not shared with the node unless it is said"
like "$(bound '["rbind", "rslave"]' | mopt /mnt)" '^[^:]*(master|,none|,rw|,ext4|,/|)' "rslave is accepted"
unlike "$(bound '["rbind", "rprivate"]' | mopt /mnt)" 'shared|master' "rprivate is neither shared nor slave"
like "$(bound '["rbind", "rshared"]' | mopt /mnt)" shared "rshared is shared"
like "$(bound '["bind", "unbindable"]' | mopt /mnt)" unbindable "unbindable is set"
like "$(inside '.linux.rootfsPropagation = "shared"' cat /proc/self/mountinfo | mopt /)" shared "rootfsPropagation shared is set on the root"
is "$(inside '.linux.rootfsPropagation = "shared" | caps(["CAP_SYS_CHROOT"])' grep CapBnd /proc/self/status)" "CapBnd:	0000000000040000" "and is entered by a pivot, as any other"
unlike "$(inside '.linux.rootfsPropagation = "private"' cat /proc/self/mountinfo | mopt /)" 'shared|master' "rootfsPropagation private too"
like "$(inside '.linux.rootfsPropagation = "unbindable"' cat /proc/self/mountinfo | mopt /)" unbindable "rootfsPropagation unbindable too"

# ---- order, remount, tmpfs ----
is "$(inside 'mnt({destination: "/mnt", type: "tmpfs", source: "x"}) | mnt({destination: "/mnt/in", type: "bind", source: "src", options: ["bind"]})' cat /mnt/in/f)" one "mounts are made in their order"
is "$(inside 'mnt({destination: "/mnt/in", type: "bind", source: "src", options: ["bind"]}) | mnt({destination: "/mnt", type: "tmpfs", source: "x"})' ls /mnt)" "" "and the later one lies over the earlier"
like "$(inside 'mnt({destination: "/mnt", type: "bind", source: "src", options: ["bind"]}) | mnt({destination: "/mnt", type: "bind", source: "src", options: ["bind", "remount", "ro", "nosuid"]})' cat /proc/self/mountinfo | mopt /mnt)" '^ro,nosuid' "remount changes the attributes of what is there"
like "$(inside 'mnt({destination: "/mnt", type: "tmpfs", source: "x", options: ["size=64k", "mode=711", "nosuid", "noexec"]})' cat /proc/self/mountinfo | mopt /mnt)" 'nosuid,noexec.*size=64k,mode=711' "a file system gets its own options, and the mount the others"
like "$(inside 'mnt({destination: "/mnt", type: "tmpfs", source: "x", options: ["nope=1"]})' true)" 'nope' "an option that the file system does not know is named"
mkdir -p "$tmp/rootfs/up/d"
echo up >"$tmp/rootfs/up/d/f"
chmod 640 "$tmp/rootfs/up/d/f" && chown 0:4 "$tmp/rootfs/up/d/f" && ln -sf d/f "$tmp/rootfs/up/l"
is "$(inside 'mnt({destination: "/up", type: "tmpfs", source: "x", options: ["tmpcopyup"]}) | sh("cat /up/l; stat -c %a:%u:%g /up/d/f; echo x >/up/d/f")' | tr '\n' ' ')" "up 640:0:4 " "tmpcopyup brings along what was there"
is "$(cat "$tmp/rootfs/up/d/f")" up "and what is written stays in the tmpfs"
is "$(inside 'mnt({destination: "/up", type: "tmpfs", source: "x"})' ls /up)" "" "without it the tmpfs is empty"
like "$(inside . cat /proc/self/mountinfo | mopt /sys/fs/cgroup)" '^ro' "the default cgroup mount is read-only"
ln -sf /etc "$tmp/rootfs/lnk"
is "$(inside 'mnt({destination: "/lnk/x", type: "bind", source: "\($tmp)/src/f", options: ["bind"]})' cat /etc/x)" one "a link in the root leads to where it leads inside"
ln -sf f "$tmp/src/sl"
is "$(inside 'mnt({destination: "/mnt/s", type: "bind", source: "\($tmp)/src/sl", options: ["bind", "copy-symlink"]})' readlink /mnt/s)" f "copy-symlink makes a link anew"

# ---- devices ----
out=$(inside . ls -l /dev)
for d in null:1,3 zero:1,5 full:1,7 random:1,8 urandom:1,9 tty:5,0; do
	like "$out" "^crw-rw-rw-.* ${d#*:}[0-9]*.* ${d%:*}\$|^crw-rw-rw-.* $(echo "${d#*:}" | sed 's/,/, */').* ${d%:*}\$" "/dev/${d%:*} is there"
done
for l in "fd:/proc/self/fd" "stdin:/proc/self/fd/0" "stdout:/proc/self/fd/1" "stderr:/proc/self/fd/2" "ptmx:pts/ptmx"; do
	is "$(inside . readlink "/dev/${l%%:*}")" "${l#*:}" "/dev/${l%%:*} is a link"
done
dev='.linux.devices = [{path: "/dev/a", type: "c", major: 1, minor: 5, fileMode: 416, uid: 3, gid: 4}, {path: "/dev/d/p", type: "p"}, {path: "/dev/b", type: "b", major: 7, minor: 99, fileMode: 384}]'
is "$(inside "$dev | sh(\"stat -c '%A %t:%T %u:%g' /dev/a /dev/b; stat -c %F /dev/d/p\")" | tr '\n' ' ')" "crw-r----- 1:5 3:4 brw------- 7:63 0:0 fifo " "linux.devices are made with type, mode and owner"
like "$(inside "$dev" dd if=/dev/b of=/dev/null count=1)" 'not permitted|denied' "a device that is not allowed cannot be opened"
is "$(inside "$dev | caps([\"CAP_DAC_OVERRIDE\"]) | .linux.resources.devices += [{allow: true, type: \"c\", major: 1, minor: 5, access: \"r\"}] | sh(\"head -c 2 /dev/a | wc -c\")")" 2 "one that is allowed can"
like "$(inside '.linux.devices = [{path: "/dev/x", type: "z", major: 1, minor: 1}]' true)" 'devices' "a type that is none is refused"
like "$(inside '.linux.devices = [{path: "dev/x", type: "c", major: 1, minor: 1}]' true)" 'devices' "a relative path is refused"

# ---- masked and read-only ----
echo secret >"$tmp/rootfs/etc/secret"
mkdir -p "$tmp/rootfs/hidden" && echo secret >"$tmp/rootfs/hidden/f"
m='.linux.maskedPaths += ["/etc/secret", "/hidden", "/not/there"]'
is "$(inside "$m" cat /etc/secret)" "" "a masked file reads as empty"
unlike "$(inside "$m | caps([\"CAP_DAC_OVERRIDE\"])" ls /hidden)" "f" "a masked folder is empty"
like "$(inside "$m" touch /hidden/x)" 'ead-only|denied' "and nothing can be made in it"
is "$(inside "$m" true; echo $?)" 0 "what is not there need not be masked"
r='.linux.readonlyPaths += ["/tmp", "/not/there"]'
like "$(inside "$r" touch /tmp/x)" 'ead-only' "a read-only path cannot be written"
like "$(inside . sh -c 'echo 1 >/proc/sys/kernel/pid_max')" 'ead-only' "/proc/sys is read-only by default"
is "$(inside 'del(.linux.maskedPaths) | del(.linux.readonlyPaths)' cat /etc/secret)" secret "without lists nothing is masked"
nodev='.mounts |= map(select(.destination | startswith("/dev") | not)) | .linux.maskedPaths = ["/etc/secret"]'
is "$(inside "$nodev" cat /etc/secret)" "" "masking needs no mount on /dev"
rm -f "$tmp"/rootfs/dev/*

# ---- --no-pivot: as on an initial ramdisk, where the root cannot be pivoted ----
echo mark >"$tmp/rootfs/etc/mark"
config '.linux.maskedPaths = ["/etc/secret"]' sh -c 'cat /etc/mark /etc/secret; cd /; cd ../../..; cat etc/mark; ls -d /proc/1/root/etc/mark'
is "$(run --no-pivot)" "mark
mark
/proc/1/root/etc/mark" "--no-pivot: the root is the bundle's, masks hold, and .. does not lead out"
config . sh -c 'wc -l </proc/self/mountinfo'
with=$(run)
is "$(run --no-pivot)" "$with" "--no-pivot: it sees as many mounts as with a pivot: none of the node's"
tap_done
