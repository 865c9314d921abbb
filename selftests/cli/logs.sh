#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Logs do not grow without bound: that of a container keeps its last part while the container writes, loses
# nothing of it, says how much is gone; the controller's is rotated.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
box=$(command -v busybox) || skip_all "busybox"
export RAST_INSTANCE=tlogs
R=$O/bin/rastbpf
img=/var/lib/tlogs/images/bb/rootfs
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp" /var/lib/tlogs'
tap_cleanup '"$R" down --all --now >/dev/null 2>&1; "$R" daemon stop >/dev/null 2>&1; "$R" gc --all >/dev/null 2>&1'
"$R" gc --all >/dev/null 2>&1
mkdir -p $img/bin $img/tmp $img/proc $img/sys $img/dev $img/etc
cp "$box" $img/bin/busybox
for i in sh sleep seq cat; do ln -sf busybox $img/bin/$i; done
dd if=/dev/zero of=/var/lib/tlogs/hole bs=64k count=2 2>/dev/null
fallocate -p -o 0 -l 65536 /var/lib/tlogs/hole 2>/dev/null || skip_all "a file system that punches holes below /var/lib"

cat >"$tmp/pod.yaml" <<Y
apiVersion: v1
kind: Pod
metadata: {name: loud, namespace: t, annotations: {rast.os/log-max-bytes: 256Ki}}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: Never
  containers:
    - {name: c, image: bb, command: [sh, -c, "seq 1 400000; cat /dev/null; seq 400001 400010; exec sleep 1000"]}
    - {name: quiet, image: bb, command: [sh, -c, "echo hello; exec sleep 1000"]}
Y
show() { "$R" -j container show t/loud/c | jq -c "$1"; }
log=/var/lib/tlogs/pods/t/loud/logs/c.log
check "a pod with a limit for its logs starts" "$R" up -f "$tmp/pod.yaml"
written() { [ "$(stat -c %s $log)" -ge 2688965 ]; }
check "it writes two and a half megabytes" wait_for 30 written
small() { [ "$(show '.log_bytes <= 294912 and .log_dropped_bytes > 2300000')" = true ]; }
check "of which no more than its limit and an eighth is kept" wait_for 10 small
disk=$(($(stat -c '%b * %B' $log)))
if [ $disk -le 311296 ]; then ok "also on the disk"; else nok "also on the disk" "$disk bytes"; fi
is "$(show '.log_bytes + .log_dropped_bytes')" "$(stat -c %s $log)" "kept and dropped bytes are all that was written"
"$R" container logs t/loud/c >"$tmp/out" 2>"$tmp/err"
is "$(cat "$tmp/err")" "note: $(show .log_dropped_bytes) bytes of this log are not kept any more" "logs says how much is gone"
first=$(head -n 1 "$tmp/out")
seq "$first" 400010 >"$tmp/want"
check "what is kept has no gap and begins with a whole line" cmp "$tmp/out" "$tmp/want"
is "$("$R" container logs t/loud/c --tail 2 2>&1)" "400009
400010" "the last lines need no look at the rest"
is "$("$R" container logs t/loud/quiet 2>&1)" hello "a small log is whole, and no note is made"

# One that follows from the beginning misses nothing while the head is cut off behind it.
cat >"$tmp/slow.yaml" <<Y
apiVersion: v1
kind: Pod
metadata: {name: slow, namespace: t, annotations: {rast.os/log-max-bytes: 64Ki}}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: Never
  containers:
    - {name: c, image: bb, command: [sh, -c, "for i in 0 1 2 3 4 5 6 7 8 9; do seq \$((i * 4000 + 1)) \$((i * 4000 + 4000)); sleep 0.4; done"]}
Y
check "a pod that writes for a while" "$R" up -f "$tmp/slow.yaml"
timeout 60 "$R" container logs -f t/slow/c >"$tmp/follow" 2>"$tmp/err"
is "$(wc -l <"$tmp/follow") $(sort -un "$tmp/follow" | wc -l) $(cat "$tmp/err")" "40000 40000 " "who follows gets every line once"
cut_() { [ "$("$R" -j container show t/slow/c | jq .log_dropped_bytes)" -gt 100000 ]; }
check "though most of it is not kept" wait_for 5 cut_

# The controller's own log.
id=$(stat -c %i /run/tlogs/rastd.log)
truncate -s 11M /run/tlogs/rastd.log
turned() { [ -e /run/tlogs/rastd.log.1 ] && [ -e /run/tlogs/rastd.log ] && [ "$(stat -c %s /run/tlogs/rastd.log)" -lt 1000000 ]; }
check "the controller's log is rotated when it is large" wait_for 5 turned
is "$(stat -c %i /run/tlogs/rastd.log.1)" "$id" "the old one has a new name"
"$R" daemon stop
check "what it says next is in the new one" grep -q 'stopped instance=tlogs' /run/tlogs/rastd.log
tap_done
