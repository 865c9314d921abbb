#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# run-in-vm.sh 6.1|6.12 [OPTIONS] [--] COMMAND ARG...: boots a guest with pure cgroup v2, runs the
# command as root in /rast (build/, selftests/, docs/examples/), streams its output and exits with
# its exit code. QEMU without KVM; the kernel's log goes to $O/vm/KERNEL.log.
#
#   --add SRC:DST      put a file or folder of the host into the guest's (memory) root; repeatable
#   --disk DIR:MOUNT   put a big folder there as an ext4 disk, in about twice its size; repeatable
#   --programs         nothing of build/ but bin
#   --timeout SECONDS  of the host's clock, 300 by default: QEMU is ended, exit code 124
#   --memory 2G  --smp 1
#   --icount           one instruction takes one nanosecond of the guest's clock: CPU times are counts
#   --log FILE         another place for the kernel's log
#   --verbose          all kernel messages, not only warnings; boots slower
#
# Exit code 125: the guest ended without saying how the command did (a crash; see the log).
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${O:=$(cd "$here/../.." && pwd)/build}"
export O
usage() {
	sed -n '3,/^set/s/^# \{0,1\}//p' "$here/run-in-vm.sh" >&2
	exit 2
}
[ $# -ge 2 ] || usage
series=$1
shift
timeout=300 memory=2G smp=1 log=$O/vm/$series.log level=5 adds=() disks=() icount=()
while [ $# -gt 0 ]; do
	case $1 in
	--add) adds+=(--add "$2") && shift 2 ;;
	--programs) adds+=(--programs) && shift ;;
	--icount) icount=(-icount shift=0,sleep=off) && shift ;;
	--disk) disks+=("$2") && shift 2 ;;
	--timeout) timeout=$2 && shift 2 ;;
	--memory) memory=$2 && shift 2 ;;
	--smp) smp=$2 && shift 2 ;;
	--log) log=$2 && shift 2 ;;
	--verbose) level=8 && shift ;;
	--) shift && break ;;
	-*) usage ;;
	*) break ;;
	esac
done
[ $# -ge 1 ] || usage
exec 3>&2
say() {
	echo "run-in-vm.sh: $*" >&3
}
command -v qemu-system-x86_64 >/dev/null || { say "qemu-system-x86_64 is not installed (make deps)" && exit 125; }
[ -x "$O/vm/init" ] || { say "$O/vm/init is not built (make tests)" && exit 125; }
kernel=$("$here/kernel.sh" "$series") || exit 125

work=$(mktemp -d "$O/vm/run.XXXXXX") || exit 125
qemu='' dog='' code=125
# The guest's end is QEMU's end; whatever is still there goes, by pid.
finish() {
	trap '' INT TERM HUP
	[ -n "$qemu" ] && kill -KILL "$qemu" 2>/dev/null
	[ -n "$dog" ] && kill -TERM "$dog" 2>/dev/null
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

drives=() letters=(a b c d e f g h)
mkdir -p "$work/job/rast"
for i in "${!disks[@]}"; do
	dir=${disks[i]%%:*}
	size=$(($(du -sm --apparent-size "$dir" | cut -f 1) * 2 + 64))
	# Sparse; of our own making, so nobody waits for it to be on disk.
	truncate -s "${size}M" "$work/disk$i"
	/sbin/mke2fs -q -F -t ext4 -O ^has_journal -d "$dir" "$work/disk$i" || exit 125
	drives+=(-drive "file=$work/disk$i,if=none,format=raw,cache=unsafe,id=disk$i" -device "virtio-blk-pci,drive=disk$i")
	echo "/dev/vd${letters[i]} ${disks[i]#*:}" >>"$work/job/rast/disks"
done
"$here/image.sh" "$kernel" "$work/base.cpio" "${adds[@]}" || exit 125
{
	printf '/rast\0'
	printf '%s\0' "$@"
} >"$work/job/rast/job"
(cd "$work/job" && find . -mindepth 2 -print0 | cpio -0 -o -H newc --quiet -R 0:0) >"$work/job.cpio"
# Archives start at multiples of four.
cat "$work/base.cpio" "$work/job.cpio" >"$work/initrd"
rm "$work/base.cpio"

# QEMU 7.2's "max" has been seen to crash 6.12: a guest that never reached PID 1 gets the other one.
cpu=${RAST_VM_CPU:-max}
fallback=qemu64,-cx16
mkfifo "$work/control" "$work/data"
mkdir -p "$(dirname "$log")"
# Self tests and searches for hardware take seconds under TCG. Watchdogs go by the guest's clock,
# which is not to be trusted when the host is busy.
command_line="console=ttyS0 loglevel=$level panic=-1 rdinit=/init nokaslr mitigations=off tsc=reliable"
command_line+=" no_timer_check random.trust_cpu=on cryptomgr.notests audit=0 lsm=landlock,yama,bpf"
command_line+=" nowatchdog rcupdate.rcu_cpu_stall_suppress=1 pci=lastbus=0"

# One port carries the command's output, the other init's own lines. QEMU inherits the writing ends
# of both pipes, so that their end is QEMU's end, however it comes.
boot() { # CPU
	cat "$work/data" &
	cat=$!
	start=${EPOCHREALTIME/[.,]/}
	qemu-system-x86_64 -M pc,accel=tcg -cpu "$1" -m "$memory" -smp "$smp" "${icount[@]}" \
		-nodefaults -no-user-config -no-reboot -display none \
		-kernel "$kernel/vmlinux" -initrd "$work/initrd" \
		-append "$command_line" \
		-serial "file:$log" \
		-device virtio-serial-pci,max_ports=3 \
		-chardev "file,id=data,path=$work/data" -device virtserialport,chardev=data,nr=1 \
		-chardev "file,id=control,path=$work/control" -device virtserialport,chardev=control,nr=2 \
		"${drives[@]}" </dev/null 2>"$work/qemu.err" 5>"$work/control" 6>"$work/data" &
	qemu=$!
	(
		trap 'kill "$!" 2>/dev/null; exit 0' TERM
		sleep "$timeout" &
		wait $!
		echo >"$work/late"
		kill -KILL "$qemu"
	) &
	dog=$!
	while read -r word rest; do
		case $word in
		up)
			reached=1
			us=$((${EPOCHREALTIME/[.,]/} - start))
			printf 'run-in-vm.sh: %s: PID 1 after %d.%02d s\n' "$(<"$kernel/version")" $((us / 1000000)) \
				$((us % 1000000 / 10000)) >&3
			;;
		exit) code=$rest ;;
		*) say "$word $rest" ;;
		esac
	done <"$work/control"
	wait "$qemu"
	qemu=
	kill -TERM "$dog" 2>/dev/null
	wait "$dog" "$cat" 2>/dev/null
	dog=
}

exec 2>/dev/null # bash would report that QEMU was killed
reached=''
boot "$cpu"
if [ -z "$reached$(ls "$work/late")" ] && [ "$cpu" = max ]; then
	say "$series: no PID 1 with -cpu max, trying $fallback"
	boot "$fallback"
fi
if [ -e "$work/late" ]; then
	say "$series: timed out after $timeout s, ended QEMU"
	code=124
elif [ "$code" = 125 ]; then
	say "$series: the guest ended by itself; the last lines of $log:"
	tail -n 15 "$log" >&3
	cat "$work/qemu.err" >&3
fi
exit "$code"
