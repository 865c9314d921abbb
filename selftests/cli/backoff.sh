#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A container that ends before the command that started it again has ended itself is started again all the
# same. On an idle machine the command is first; here a rastbpf beside a rastd of our own takes its time.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
box=$(command -v busybox) || skip_all "busybox"
export RAST_INSTANCE=tbackoff
R=$O/bin/rastbpf
img=/var/lib/tbackoff/images/bb/rootfs
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp" /var/lib/tbackoff'
tap_cleanup '"$R" down --all --now >/dev/null 2>&1; "$R" daemon stop >/dev/null 2>&1; "$R" gc --all >/dev/null 2>&1'
"$R" gc --all >/dev/null 2>&1
mkdir -p $img/bin $img/tmp $img/proc $img/sys $img/dev $img/etc
cp "$box" $img/bin/busybox
ln -sf busybox $img/bin/false
mkdir "$tmp/bin"
cp "$O/bin/rastd" "$tmp/bin/rastd"
cat >"$tmp/bin/rastbpf" <<S
#!/bin/sh
"$R" "\$@"
rc=\$?
case " \$* " in *" restart "*) sleep 1.5; echo >>"$tmp/restarts" ;; esac
exit \$rc
S
chmod +x "$tmp/bin/rastbpf"
cat >"$tmp/pod.yaml" <<Y
apiVersion: v1
kind: Pod
metadata: {name: crash, namespace: t}
spec:
  containers: [{name: c, image: bb, command: ["false"]}]
Y
"$tmp/bin/rastd" --instance tbackoff >"$tmp/log" 2>&1 &
check "a controller with a slow starter" wait_for 10 "$R" daemon status
check "a pod that always ends" "$R" up -f "$tmp/pod.yaml"
check "is started again at once" wait_for 20 test -s "$tmp/restarts"
planned() { [ "$(jq '.["t/crash/c"] | .delay_s > 0 and .restart_ns > 0' /run/tbackoff/health.json)" = true ]; }
check "its next start is planned, though it ended before its starter did" wait_for 5 planned
again() { [ "$("$R" -j container show t/crash/c | jq .restarts)" -ge 2 ]; }
check "and comes" wait_for 30 again
# The starter of that one still sleeps: it is waited for, so that it does not outlive the test.
ended() { [ "$(wc -l <"$tmp/restarts")" -ge 2 ]; }
wait_for 10 ended
tap_done
