#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 2400
# clients.sh 6.1|6.12 podman|containerd|criu|systemd: selftests/cli/oci_podman.sh, oci_containerd.sh,
# oci_checkpoint.sh or oci_systemd.sh in a guest of its own, where cgroup v2 is all there is, and whose kernel
# Debian's criu knows; the programs add 40 to 90 MB to it. A call of podman takes seconds there: of the first two
# it is the core, and all with RAST_SLOW=1. `make check` leaves the last two out.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# = 2 ] || { sed -n '4,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
want=() parts=() folders=(/usr/share/containers /etc/containers)
case $2 in
podman) need=(podman conmon) want=(catatonit) parts=(--programs) test=podman ;;
containerd) need=(containerd ctr containerd-shim-runc-v2) parts=(--programs) test=containerd ;;
criu) need=(criu tar gzip) test=checkpoint ;;
systemd)
	need=(systemctl systemd-run busctl dbus-daemon) want=(/lib/systemd/systemd) test=systemd
	folders=(/lib/systemd/system /usr/share/dbus-1 /etc/dbus-1)
	;;
*) echo "clients.sh: what is \"$2\"?" >&2 && exit 2 ;;
esac
command -v qemu-system-x86_64 >/dev/null || { echo "1..0 # SKIP qemu-system-x86_64 is not installed" && exit 0; }
adds=()
for p in "${need[@]}" script; do
	path=$(type -P "$p") || { echo "1..0 # SKIP $p is not installed (mk/deps.sh clients)" && exit 0; }
	adds+=(--add "$path:/usr/bin/$p")
done
for p in "${want[@]}"; do
	! path=$(type -P "$p") || adds+=(--add "$path:$path")
done
for d in "${folders[@]}"; do
	[ ! -d $d ] || adds+=(--add "$d:$d")
done
export O=${O:-$(cd "$here/../.." && pwd)/build}
timeout=900
[ -z "${RAST_SLOW:-}" ] || timeout=2300
exec "$here/run-in-vm.sh" "$1" --timeout $timeout --memory 4G "${parts[@]}" --log "$O/vm/$2.log" "${adds[@]}" -- \
	env O=/rast/build RAST_TEST_NAME=guest RAST_SLOW="${RAST_SLOW:-}" BOX_SECONDS=700 \
	bash "selftests/cli/oci_$test.sh"
