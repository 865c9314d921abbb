#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A kernel without bpf(2), one that refuses it, and one without BTF: what needs them says so in one line
# with exit code 1 and leaves nothing; what needs none of it works. strace makes bpf(2) fail, a mount in a
# namespace of the command's own hides the BTF.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
box=$(command -v busybox) || skip_all "busybox"
command -v strace >/dev/null || skip_all "strace"
strace -qq -e trace=getppid -o /dev/null true 2>/dev/null || skip_all "ptrace"
export RAST_INSTANCE=tbadk
R=$O/bin/rastbpf
img=/var/lib/tbadk/images/bb/rootfs
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp" /var/lib/tbadk'
tap_cleanup '"$R" down --all --now >/dev/null 2>&1; "$R" daemon stop >/dev/null 2>&1; "$R" gc --all >/dev/null 2>&1'
"$R" gc --all >/dev/null 2>&1
mkdir -p $img/bin $img/tmp $img/proc $img/sys $img/dev $img/etc
cp "$box" $img/bin/busybox
ln -sf busybox $img/bin/true
cat >"$tmp/pod.yaml" <<E
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: b}
spec: {containers: [{name: c, image: bb, command: [busybox, sleep, "1000"]}]}
E
cat >"$tmp/policy.yaml" <<E
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: shut, namespace: b}
spec: {podSelector: {}, policyTypes: [Ingress]}
E
: >"$tmp/empty"
# The controller meets the same kernel: it runs beforehand, so that no command has to start one.
no_bpf() { timeout -k 2 120 strace -f -qq -o /dev/null -e trace=bpf -e inject=bpf:error="$1" "${@:2}"; }
no_btf() { timeout -k 2 60 unshare -m sh -c 'mount --bind "$0" /sys/kernel/btf/vmlinux && exec "$@"' "$tmp/empty" "$@"; }
[ -e /sys/kernel/btf/vmlinux ] || skip_all "a kernel with BTF to hide"
# said SENTENCE REGEX COMMAND…
said() {
	local what=$1 want=$2 out rc
	shift 2
	out=$("$@" 2>&1)
	rc=$?
	if [ $rc = 1 ] && [ "$(wc -l <<<"$out")" = 1 ] && grep -Eq -- "$want" <<<"$out"; then
		ok "$what"
	else
		nok "$what" "exit code $rc, want 1 and one line like: $want
${out:0:1500}"
	fi
}
left() {
	find /run/tbadk/pods -mindepth 2 -maxdepth 2 2>/dev/null
	find /sys/fs/cgroup/tbadk /sys/fs/cgroup/*/tbadk -mindepth 1 -type d 2>/dev/null
	find /sys/fs/bpf/tbadk -mindepth 2 2>/dev/null
	ip -o link show master tbadk0 2>/dev/null
}
for how in "no_bpf ENOSYS:has no bpf\(2\)" "no_bpf EPERM:bpf\(2\) is refused" "no_btf:has no BTF"; do
	cmd=${how%:*} want=${how##*:}
	name=$cmd
	# shellcheck disable=SC2086 # two words
	$cmd "$O/bin/rastd" >"$tmp/rastd" 2>&1 &
	check "$name: the controller runs with what is there" wait_for 30 "$R" daemon status
	# shellcheck disable=SC2086 # two words
	{
		said "$name: up" "^error: .*$want" $cmd "$R" up -f "$tmp/pod.yaml"
		said "$name: policy apply" "^error: .*$want" $cmd "$R" policy apply -f "$tmp/policy.yaml"
	}
	is "$(left)" "" "$name: nothing is left of either"
	# shellcheck disable=SC2086
	check "$name: a container without a network runs all the same" $cmd "$R" container run --network none --rootfs $img -- /bin/true
	# shellcheck disable=SC2086
	check "$name: policies are compiled and explained without a kernel" $cmd "$R" policy compile -f "$tmp/policy.yaml"
	# shellcheck disable=SC2086
	out=$($cmd "$R" -j feature show 2>&1)
	if jq -e . <<<"$out" >/dev/null 2>&1; then ok "$name: feature show tells what there is"; else nok "$name: feature show tells what there is" "$out"; fi
	"$R" daemon stop >/dev/null 2>&1
	wait
done
tap_done
