#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# podman by an ordinary user with subordinate ids. It calls rast-oci as root of its own user namespace, which is
# neither the node's root nor a user like others.
. selftests/lib/tap.sh
if [ -z "${TOCI_OWN:-}" ]; then
	for need in newuidmap newgidmap setpriv; do
		command -v $need >/dev/null || skip_all "$need (uidmap)"
	done
fi
. selftests/lib/podman.sh
uid=12345
for f in passwd group; do
	cp /etc/$f "$tmp/etc-$f"
	echo "toci:x:$uid:$([ $f = group ] || echo "$uid::$tmp/home:/bin/sh")" >>"$tmp/etc-$f"
done
echo "toci:3000000:65536" | tee "$tmp/etc-subuid" >"$tmp/etc-subgid"
for f in passwd group subuid subgid; do
	[ -e /etc/$f ] || { : >/etc/$f && tap_cleanup "rm -f /etc/$f"; }
	mount --bind "$tmp/etc-$f" /etc/$f
done
mount --make-shared /
mkdir -p "$tmp/home/vol" "$tmp/home/run"
cp "$R" "$tmp/rast-oci"
cp "$tmp/img.tar" "$tmp/home/img.tar"
sed -i '/infra_image/d' "$tmp/containers.conf"
chown -R $uid:$uid "$tmp/home"
chmod 755 "$tmp"
h=$tmp/home
P="setpriv --reuid $uid --regid $uid --clear-groups env -u TMPDIR HOME=$h XDG_RUNTIME_DIR=$h/run podman
	--root $h/root --runroot $h/run/run --tmpdir $h/run/tmp --runtime $tmp/rast-oci --cgroup-manager cgroupfs
	--storage-driver vfs --events-backend file"
net="--network none"
cd "$h" || exit 1
p import -q "$h/img.tar" localhost/box >/dev/null 2>&1
is "$(p info --format '{{.Host.Security.Rootless}}')" true "podman knows that it is not root"
opt "a container is root of the user's own ids" "0 0 $uid 1 1 3000000 65536" "" 'id -u; cat /proc/self/uid_map'
opt "--user is one of the subordinate ids" "5 6" "--user 5:6" 'id -u; id -g'
opt "--userns keep-id: the user is itself inside" "$uid" "--userns keep-id" 'id -u'
opt "--userns nomap: the user's own id is nobody's inside" "0 0 1 65536" "--userns nomap" 'id -u; cat /proc/self/uid_map'
opt "-v: what it makes is the user's" "" "-v $h/vol:/vol" 'touch /vol/f'
is "$(stat -c %u "$h/vol/f")" $uid "with the user's id on the node"
opt "podman's seccomp profile is in force" "Seccomp: 2" "" 'grep Seccomp: /proc/self/status'
run -d --name one localhost/box sleep 1000 >/dev/null
is "$(p exec one id -u)" 0 "exec enters it"
is "$(p exec -u 5 one id -u)" 5 "exec -u too"
like "$(p top one pid comm)" '^1 +sleep' "top shows its processes"
# shellcheck disable=SC2086
is "$(script -qec "$(echo $P) exec -it one tty" /dev/null </dev/null | term)" /dev/pts/0 "exec -it has a terminal"
is "$(ls "$h/run/rast-oci")" "$(field one '{{.Id}}')" "the state is below XDG_RUNTIME_DIR"
p stop -t 0 one >/dev/null
check "rm" p rm one
is "$(p ps -aq; ls "$h/run/rast-oci")" "" "nothing is left"
tap_done
