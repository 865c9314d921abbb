#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# podman and containerd with cgroups made by systemd: what they pass on is understood, and what they look for
# is there.
. selftests/lib/tap.sh
. selftests/lib/systemd.sh
systemd_box jq busybox podman conmon
tmp=$(mktemp -d)
R=$O/bin/rast-oci
cd "$tmp" || exit 1
mkdir -p "$tmp/img/bin" "$tmp/img/etc" "$tmp/img/tmp"
cp "$(command -v busybox)" "$tmp/img/bin/busybox"
for a in sh cat sleep echo true; do ln -s busybox "$tmp/img/bin/$a"; done
echo 'root:x:0:0::/:/bin/sh' >"$tmp/img/etc/passwd"
mount -t tmpfs lib /var/lib
no_unit() { ! systemctl list-units --all --plain --no-legend "$1" | grep -q .; }

# ---- podman ----
printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n[engine]\nruntime_supports_json = ["rast-oci"]\n' >"$tmp/c.conf"
export CONTAINERS_CONF=$tmp/c.conf TMPDIR=$tmp
p() { timeout 60 podman --root "$tmp/root" --runroot "$tmp/run" --tmpdir "$tmp/tmp" --runtime "$R" --cgroup-manager systemd \
	--storage-driver vfs --events-backend file "$@"; }
tar -C "$tmp/img" -cf "$tmp/img.tar" .
check "podman imports an image" p import -q "$tmp/img.tar" localhost/box
is "$(p run --rm --network none localhost/box echo hello 2>&1)" hello "podman run with --cgroup-manager systemd"
p run -d --name one --network none --memory 64m --pids-limit 50 --stop-timeout 3 localhost/box sleep 1000 >"$tmp/id" 2>"$tmp/err"
u=libpod-$(cat "$tmp/id").scope
is "$(systemctl is-active "$u") $(systemctl show --value -p Slice "$u")" "active machine.slice" "its scope is in machine.slice"
is "$(systemctl show --value -p TasksMax "$u")" 50 "systemd knows its limits"
is "$(p exec one echo in)" in "exec"
check "update" p update --cpus 0.5 one
is "$(systemctl show --value -p CPUQuotaPerSecUSec "$u")" 500ms "is known to systemd"
unlike "$(p stats --no-stream --format '{{.MemUsage}}' one 2>&1)" '^0B|level=|rror' "stats finds its cgroup"
p pause one >/dev/null
is "$(p inspect --format '{{.State.Status}}' one)" paused "pause"
p unpause one >/dev/null
check "rm --force" p rm -f -t 0 one
check "leaves no unit" wait_for 5 no_unit "$u"

# ---- containerd ----
for need in containerd ctr containerd-shim-runc-v2; do
	command -v $need >/dev/null || { skip "containerd" $need && tap_done; }
done
mkdir -p "$tmp/cd/root" "$tmp/rootfs"
cp -a "$tmp/img/." "$tmp/rootfs"
printf 'version = 2\nroot = "%s/cd/root"\nstate = "/run/cd"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "/run/cd.sock"\n' "$tmp" >"$tmp/cd.toml"
containerd -c "$tmp/cd.toml" -l error >"$tmp/cd.log" 2>&1 &
c() { timeout 60 ctr -a /run/cd.sock -n toci "$@"; }
check "containerd answers" wait_for 20 c version
c run -d --runc-binary "$R" --runc-systemd-cgroup --cgroup machine.slice:ctr:two --memory-limit 67108864 --rootfs \
	"$tmp/rootfs" two sleep 1000 >"$tmp/out" 2>&1 </dev/null
is "$(cat "$tmp/out")" "" "ctr run --runc-systemd-cgroup"
is "$(systemctl is-active ctr-two.scope)" active "has its scope"
check "exec" c task exec --exec-id e two true
like "$(c task metrics two 2>&1)" 'memory' "metrics finds its cgroup"
c task kill -s KILL two
ended() { c task ls | grep -Eq '^two .*STOPPED'; }
check "it ends" wait_for 10 ended
check "and is removed" c task rm two
check "leaving no unit" wait_for 5 no_unit ctr-two.scope
c container rm two
kill %1
wait
tap_done
