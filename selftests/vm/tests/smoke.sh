#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The guest is what the other tests count on: pure cgroup v2 with its controllers, BTF, bpf(2).
. selftests/lib/tap.sh

like "$(uname -r)" '^6\.(1|12)\.' "the kernel is one of the two"
is "$(stat -f -c %T /sys/fs/cgroup)" cgroup2fs "cgroup v2 is mounted at /sys/fs/cgroup"
is "$(grep -c ' cgroup ' /proc/mounts)" 0 "there is no cgroup v1 mount"
mkdir /sys/fs/cgroup/smoke
tap_cleanup 'rmdir /sys/fs/cgroup/smoke'
for c in cpu memory pids io cpuset; do
	like "$(cat /sys/fs/cgroup/smoke/cgroup.controllers)" "\\b$c\\b" "a new cgroup has the $c controller"
done
check "the kernel carries its types" test -s /sys/kernel/btf/vmlinux
check "bpf(2) works for root" bpftool prog show
is "$(stat -f -c %T /sys/fs/bpf)" bpf_fs "a BPF file system is mounted at /sys/fs/bpf"
like "$(cat /sys/kernel/security/lsm)" '\bbpf\b' "BPF is one of the security modules"

# What a container launch does first.
check "pivot_root works from here" unshare -m sh -c '
	mount -t tmpfs none /mnt && mkdir /mnt/old && cd /mnt && pivot_root . old && test -d /old/rast'

# Modules come when they are asked for.
tap_cleanup 'ip link del smoke0 2>/dev/null; ip link del smokebr 2>/dev/null; nft delete table ip smoke 2>/dev/null'
check "a veth pair can be made" ip link add smoke0 type veth peer name smoke1
check "a bridge can be made" ip link add smokebr type bridge
check "clsact can be attached" tc qdisc add dev smoke0 clsact
check "masquerading can be set up" nft 'table ip smoke { chain post { type nat hook postrouting priority 100; oifname "smoke0" masquerade; }; }'
check "overlay mounts work on the root file system" unshare -m sh -c '
	mkdir -p /tmp/smoke/u /tmp/smoke/w /tmp/smoke/m && mount -t overlay -o lowerdir=/usr,upperdir=/tmp/smoke/u,workdir=/tmp/smoke/w none /tmp/smoke/m &&
	touch /tmp/smoke/m/x && test -e /tmp/smoke/u/x'
tap_cleanup 'rm -rf /tmp/smoke'
tap_done
