# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# A test that runs under a systemd of its own: source this after tap.sh and before anything is made.
#
#	systemd_box [PROGRAM...]    starts systemd as PID 1 of new namespaces (cgroups too), and this script
#	                            again as its only service; returns there. Skips all where a PROGRAM or
#	                            what systemd needs is missing.
#
# Its root is an overlay over ours with /run, /tmp and /dev of its own; its cgroups are below one of ours in
# every hierarchy that is mounted, laid out as on this machine (pure v2, or hybrid with v1 controllers).
# The machine's own mounts and cgroups stay as they are.
box_skip()
{
	[ "$(id -u)" = 0 ] || skip_all "root"
	for need in unshare dbus-daemon systemctl busctl "$@"; do
		command -v "$need" >/dev/null || skip_all "$need"
	done
	[ -x /lib/systemd/systemd ] || skip_all "systemd"
	[ -e /lib/systemd/system/dbus.socket ] || skip_all "the D-Bus system bus"
	[ -x "$O/bin/rast-oci-systemd" ] || skip_all "rast-oci-systemd, which is built with libsystemd"
}

# Every hierarchy's mount point, "/sys/fs/cgroup" on pure v2.
box_hierarchies() { awk '$3 ~ /^cgroup2?$/ && $2 ~ "^/sys/fs/cgroup" { print $2 }' /proc/self/mounts; }

box_cgroups_gone()
{
	box_hierarchies | while read -r h; do
		[ ! -d "$h/$box" ] || find "$h/$box" -depth -type d -exec rmdir {} + 2>/dev/null
	done
	! box_hierarchies | while read -r h; do [ ! -d "$h/$box" ] || echo left; done | grep -q .
}

# In the new namespaces, before systemd: $1 is the folder that becomes its root.
box_root()
{
	root=$1
	mount --make-rprivate /
	mount -t tmpfs box "$root"
	mkdir "$root/upper" "$root/work" "$root/m"
	m=$root/m
	mount -t overlay box -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" "$m" || exit 1
	mount -t proc proc "$m/proc"
	mount -t sysfs -o ro sysfs "$m/sys"
	mount -t tmpfs -o mode=755 run "$m/run"
	mount -t tmpfs -o mode=1777 tmp "$m/tmp"
	# The source tree and what is built of it may lie below one of these.
	for d in "$PWD" "$(realpath "$O")"; do
		mkdir -p "$m$d"
		mount --rbind "$d" "$m$d"
	done
	mount -t tmpfs -o mode=755 dev "$m/dev"
	for d in null zero full random urandom tty; do
		: >"$m/dev/$d"
		mount --bind "/dev/$d" "$m/dev/$d"
	done
	mkdir "$m/dev/pts" "$m/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$m/dev/pts"
	ln -s pts/ptmx "$m/dev/ptmx"
	ln -s /proc/self/fd "$m/dev/fd"
	# Below it everything is hidden; a mount of the same hierarchy shows this namespace's part.
	if [ -n "${BOX_PURE:-}" ] || [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
		mount -t cgroup2 -o nsdelegate cgroup2 "$m/sys/fs/cgroup"
	else
		mount -t tmpfs -o mode=755 cgroup "$m/sys/fs/cgroup"
		awk '$3 ~ /^cgroup2?$/ { print $2, $3, $4 }' /proc/self/mounts | while read -r at type options; do
			to=$m/sys/fs/cgroup/${at##*/}
			mkdir -p "$to"
			case $type-$options in
			cgroup2-*) mount -t cgroup2 cgroup2 "$to" ;;
			*name=*) mount -t cgroup -o "none,name=${options##*name=}" cgroup "$to" ;;
			*) mount -t cgroup -o "${at##*/}" cgroup "$to" ;;
			esac
		done
	fi
}

# The target and the one service; its script gets what the outer one was given.
box_units()
{
	mkdir -p "$m/etc/systemd/system" "$m/run/box"
	: >"$m/etc/machine-id"
	grep -q ^messagebus: "$m/etc/passwd" || echo 'messagebus:x:100:65534::/:/bin/false' >>"$m/etc/passwd"
	# Without what a machine needs besides (journal, udev, clocks).
	for u in dbus.socket dbus.service; do
		mkdir -p "$m/etc/systemd/system/$u.d"
		printf '[Unit]\nDefaultDependencies=no\n' >"$m/etc/systemd/system/$u.d/box.conf"
	done
	cat >"$m/etc/systemd/system/box.target" <<-Y
		[Unit]
		Requires=dbus.socket
		Wants=box.service
	Y
	cat >"$m/etc/systemd/system/box.service" <<-Y
		[Unit]
		DefaultDependencies=no
		After=dbus.socket
		Requires=dbus.socket
		[Service]
		Type=oneshot
		KillMode=process
		WorkingDirectory=$PWD
		Environment=O=$O "PATH=$PATH" BOX=$box BOX_INSIDE=1 HOME=/root
		ExecStart=/bin/bash -c 'bash "$0"; echo \$? >/run/box/rc; exec systemctl --no-block exit' $0
		StandardOutput=file:/run/box/out
		StandardError=file:/run/box/out
	Y
	: >"$box_out/out"
	mount --bind "$box_out" "$m/run/box"
}

systemd_box()
{
	[ -z "${BOX_INSIDE:-}" ] || return 0
	if [ -n "${BOX_ROOT:-}" ]; then
		box_root "$BOX_ROOT"
		box_units
		cd "$m" || exit 1
		mkdir -p "$m/run/old"
		pivot_root . run/old
		umount -l /run/old
		exec env -i container=box "PATH=$PATH" /lib/systemd/systemd --unit=box.target \
			--log-target=null </dev/null >/dev/null 2>&1
	fi
	box_skip "$@"
	box=toci-systemd-$$
	box_out=$(mktemp -d)
	BOX_ROOT=$(mktemp -d)
	export box box_out BOX_ROOT
	tap_cleanup 'rm -rf "$box_out"; rmdir "$BOX_ROOT"'
	tap_cleanup 'wait_for 10 box_cgroups_gone || :'
	box_hierarchies | while read -r h; do
		mkdir "$h/$box" || exit 1
		# v1 takes nobody before it has some; what has some refuses nothing.
		for f in cpuset.cpus cpuset.mems; do
			[ ! -e "$h/$f" ] || cat "$h/$f" >"$h/$box/$f" 2>/dev/null
		done
	done
	# Only what becomes systemd is in there: with others it could not hand controllers down. It goes as the
	# first process of its namespaces, and makes that of cgroups when it is there.
	# shellcheck disable=SC2016
	timeout -k 5 "${BOX_SECONDS:-240}" unshare -m -p -n -u -i --fork --kill-child sh -c '
		for h in $1; do echo 0 >"$h/$2/cgroup.procs"; done
		exec unshare -C bash "$0"' "$0" "$(box_hierarchies | xargs)" "$box" &
	box_pid=$!
	# To timeout(1): the namespaces end with what it started.
	tap_cleanup 'kill $box_pid 2>/dev/null && wait $box_pid'
	wait $box_pid
	cat "$box_out/out"
	[ -s "$box_out/rc" ] || { echo "# systemd ended before the test did" && exit 1; }
	exit "$(cat "$box_out/rc")"
}
