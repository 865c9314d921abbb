#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# clients.sh 6.1|6.12 podman|containerd|criu|systemd: selftests/cli/oci_podman.sh, oci_containerd.sh,
# oci_checkpoint.sh or oci_systemd.sh in a guest, where cgroup v2 is all there is, and whose kernel Debian's
# criu knows. Not a part of `make check`: the clients add 40 to 90 MB to the guest, every call of podman takes
# 5 to 10 s under TCG and a checkpoint with its restore some 10 s. Of podman's test the first parts run.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# = 2 ] || { sed -n '3,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
case $2 in
podman) need=(podman conmon) test=podman ;;
containerd) need=(containerd ctr containerd-shim-runc-v2) test=containerd ;;
criu) need=(criu tar gzip) test=checkpoint ;;
systemd) need=(systemctl systemd-run busctl dbus-daemon) test=systemd ;;
*) echo "clients.sh: what is \"$2\"?" >&2 && exit 2 ;;
esac
adds=()
for p in "${need[@]}" script; do
	path=$(type -P "$p") || { echo "1..0 # SKIP $p" && exit 0; }
	adds+=(--add "$path:/usr/bin/$p")
done
[ "$2" != systemd ] || adds+=(--add /lib/systemd/systemd:/usr/lib/systemd/systemd)
case $2 in
systemd) folders=(/lib/systemd/system /usr/share/dbus-1 /etc/dbus-1) ;;
*) folders=(/usr/share/containers /etc/containers) ;;
esac
for d in "${folders[@]}"; do
	[ ! -d $d ] || adds+=(--add "$d:$d")
done
exec "$here/run-in-vm.sh" "$1" --timeout 900 --memory 4G "${adds[@]}" -- \
	env O=/rast/build RAST_SLOW=1 BOX_SECONDS=700 bash "selftests/cli/oci_$test.sh"
