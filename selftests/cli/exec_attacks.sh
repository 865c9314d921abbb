#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# CVE-2019-5736 for pods: a container that may trace lies in wait for `container exec`, keeps the executable of
# who enters, and would write to it as soon as nobody runs it. The pid namespace is the pod's own, for it
# writes to whatever executable it finds.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
box=$(command -v busybox) || skip_all "busybox"
export RAST_INSTANCE=texecatk
tmp=$(mktemp -d)
# A copy that may be spoilt, and beside it what it becomes or starts.
cp "$O/bin/rastbpf" "$tmp/rastbpf"
for i in rastbpf-full rastd; do [ ! -e "$O/bin/$i" ] || ln -s "$O/bin/$i" "$tmp/$i"; done
cp "$O/bin/rastbpf" "$tmp/asker"
R=$tmp/rastbpf
img=/var/lib/$RAST_INSTANCE/images/bb/rootfs
tap_cleanup 'rm -rf "$tmp" "/var/lib/$RAST_INSTANCE"'
tap_cleanup '"$R" down --all --now >/dev/null 2>&1; "$R" daemon stop >/dev/null 2>&1; "$R" gc --all >/dev/null 2>&1'
"$R" gc --all >/dev/null 2>&1
mkdir -p "$img/bin" "$img/tmp" "$img/proc" "$img/sys" "$img/dev" "$img/etc"
cp "$box" "$img/bin/busybox"
for i in sh cat true ls; do ln -sf busybox "$img/bin/$i"; done
cp "$O/tests/oci_lurk" "$img/lurk"
cat >"$tmp/lurk.yaml" <<EOF
apiVersion: v1
kind: Pod
metadata: {name: lurk, namespace: t}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: c
      image: bb
      command: [/lurk]
      securityContext:
        seccompProfile: {type: Unconfined}
        capabilities: {add: [SYS_PTRACE, DAC_OVERRIDE, DAC_READ_SEARCH]}
EOF
sum=$(cksum <"$R")
"$R" up -f "$tmp/lurk.yaml" >"$tmp/out" 2>&1 </dev/null || skip_all "a pod: $(cat "$tmp/out")"
inside() { "$R" container exec t/lurk/c -- "$@" </dev/null 2>&1; }
ready() { inside ls /tmp/ready | grep -q '^/tmp/ready'; }
check "the one who lurks has begun" wait_for 10 ready
n=0
while [ $n -lt 60 ] && ! [ -e "$tmp/seen" ]; do
	n=$((n + 1))
	inside ls /tmp | grep -q seen && : >"$tmp/seen"
done
# It tries for four seconds, in which nobody runs that file.
wait_for 5 false
unlike "$("$tmp/asker" container exec t/lurk/c -- ls /tmp </dev/null 2>&1)" wrote "a container that may trace opens no executable of ours for writing"
"$R" down --all --now >/dev/null 2>&1
is "$(cksum <"$R")" "$sum" "and has written to none"
tap_done
