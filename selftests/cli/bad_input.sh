#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What cannot be done is said in one clear line with exit code 1, and nothing of it is half done. Each
# manifest begins with a pod that is good: it must not be there afterwards.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
box=$(command -v busybox) || skip_all "busybox"
export RAST_INSTANCE=tbad
R=$O/bin/rastbpf
img=/var/lib/tbad/images/bb/rootfs
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp" /var/lib/tbad'
tap_cleanup '"$R" down --all --now >/dev/null 2>&1; "$R" daemon stop >/dev/null 2>&1; "$R" gc --all >/dev/null 2>&1'
"$R" gc --all >/dev/null 2>&1
mkdir -p $img/bin $img/tmp $img/proc $img/sys $img/dev $img/etc
cp "$box" $img/bin/busybox
ln -sf busybox $img/bin/sleep
good() { # NAME
	printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: b}\nspec:\n  terminationGracePeriodSeconds: 0\n  containers:\n  - {name: c, image: bb, command: [sleep, "1000"]}\n' "$1"
}
# What a half applied manifest would show in: state, links, cgroups, policies, stored versions.
world() {
	find /run/tbad/pods /var/lib/tbad/pods -mindepth 1 2>/dev/null | sort
	ip -o link show master tbad0 2>/dev/null | cut -d: -f2
	find /sys/fs/cgroup/tbad /sys/fs/cgroup/*/tbad -mindepth 1 -type d 2>/dev/null
	grep -oE ' /(run|var/lib)/tbad/pods/[^ ]*' /proc/self/mountinfo
	"$R" -j policy show 2>&1
	"$R" -j config list 2>&1
	"$R" -j container list 2>&1
}
# refused SENTENCE REGEX COMMAND…: exit code 1, one line, and the world as it was
refused() {
	local what=$1 want=$2 before rc out
	shift 2
	before=$(world)
	out=$(timeout 60 "$@" 2>&1)
	rc=$?
	if [ $rc != 1 ] || [ "$(wc -l <<<"$out")" != 1 ] || ! grep -Eq -- "$want" <<<"$out"; then
		nok "$what" "exit code $rc, want 1 and one line like: $want
${out:0:2000}"
	elif [ "$(world)" != "$before" ]; then
		nok "$what" "something was done:
$(diff <(echo "$before") <(world))"
	else
		ok "$what"
	fi
}
# manifest SENTENCE REGEX: what comes on stdin, behind a good pod of eight lines
manifest() {
	{ good first; echo ---; cat; } >"$tmp/m.yaml"
	refused "$1" "$2" "$R" up -f "$tmp/m.yaml"
}
meta='apiVersion: v1
kind: Pod
metadata: {name: p, namespace: b}'

check "one pod runs before all this" "$R" up -f <(good there)
manifest "a missing image" 'pod b/p, container c: image "nosuch" is not on this machine' <<<"$meta
spec: {containers: [{name: c, image: nosuch}]}"
manifest "a missing program" 'pod b/p, container c: .*nosuch' <<<"$meta
spec: {containers: [{name: c, image: bb, command: [nosuch]}]}"
manifest "an unknown field" 'm.yaml:13:[0-9]+: spec.contaners: unknown field' <<<"$meta
spec:
  contaners: []"
manifest "a field given twice" 'm.yaml:13:[0-9]+: .*(twice|duplicate|second|already)' <<<"$meta
spec: {containers: [{name: c, image: bb}]}
spec: {containers: [{name: c, image: bb}]}"
manifest "a wrong type" 'm.yaml:12:[0-9]+: spec.containers' <<<"$meta
spec: {containers: 7}"
manifest "a bad quantity" 'm.yaml:12:[0-9]+: .*limits.memory: "12Qx" is not a quantity' <<<"$meta
spec: {containers: [{name: c, image: bb, resources: {limits: {memory: 12Qx}}}]}"
manifest "two pods of one name" 'm.yaml:9:[0-9]+: .*first' < <(good first)
manifest "two containers of one name" 'm.yaml:12:[0-9]+: .*containers.*"?c"?' <<<"$meta
spec: {containers: [{name: c, image: bb}, {name: c, image: bb}]}"
manifest "the name of a pod that runs" 'pod b/there is there already' < <(good there)
manifest "a kind that is not known" 'm.yaml:1[01]:[0-9]+: .*Deployment' <<<'apiVersion: apps/v1
kind: Deployment
metadata: {name: p}'
policy='apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: n, namespace: b}
spec: {podSelector: {}, policyTypes: [Ingress]}'
manifest "two policies of one name" 'm.yaml:1[3-9]:[0-9]+: .*n' <<<"$policy
---
$policy"
manifest "a policy that is wrong" 'm.yaml:12:[0-9]+: .*policyTypes' <<<"${policy/Ingress/Sideways}"
manifest "text that is no YAML" 'm.yaml:[0-9]+:[0-9]+: ' <<<'a: [1, 2'
manifest "bytes that are no text" 'm.yaml:[0-9]+' < <(head -c 4096 /dev/urandom | tr '\n' '\377')
manifest "aliases that explode" 'm.yaml:[0-9]+:[0-9]+: more than [0-9]+ nodes, aliases expanded' < <(
	echo 'a: &a0 [x, x, x, x, x, x, x, x, x, x]'
	for i in 1 2 3 4 5 6 7 8 9; do
		printf 'a%d: &a%d [' $i $i
		for _ in 1 2 3 4 5 6 7 8 9; do printf '*a%d, ' $((i - 1)); done
		echo "*a$((i - 1))]"
	done)
manifest "a document of a hundred thousand levels" 'm.yaml:[0-9]+:[0-9]+: ' < <(head -c 100000 /dev/zero | tr '\0' '[')
{ good first; head -c 80000000 /dev/zero | tr '\0' '#'; } >"$tmp/huge.yaml"
refused "a file that is too large" 'huge.yaml' "$R" up -f "$tmp/huge.yaml"
rm "$tmp/huge.yaml"
refused "a file that is not there" "$tmp/none.yaml" "$R" up -f "$tmp/none.yaml"
refused "a folder" "$tmp" "$R" up -f "$tmp"

# Ports of the host. The one in use is held by a helper that says which it got.
python3 -u -c 'import socket,time
s=socket.socket(); s.bind(("",0)); s.listen(); print(s.getsockname()[1]); time.sleep(300)' >"$tmp/port" &
holder=$!
tap_cleanup 'kill $holder 2>/dev/null'
wait_for 10 test -s "$tmp/port"
port=$(cat "$tmp/port")
host() { # NAME PORT
	printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: b}\nspec: {hostNetwork: true, terminationGracePeriodSeconds: 0, containers: [{name: c, image: bb, command: [sleep, "1000"], ports: [{containerPort: %s}]}]}\n' "$1" "$2"
}
manifest "a port of the host that is in use" "pod b/h: port $port/tcp of the host .* is in use" < <(host h "$port")
manifest "a port of the host that two pods want" "pod b/h2: port 1 of the host is wanted by pod b/h1 too" < <(host h1 1; echo ---; host h2 1)
kill $holder

refused "a second controller" 'another controller runs for instance tbad \(pid [0-9]+\)' "$O/bin/rastd"
mkdir "$tmp/bin"
cp -L "$O"/bin/rastbpf* "$tmp/bin"
chmod -R a+rX "$tmp"
good x >"$tmp/x.yaml"
chmod a+r "$tmp/x.yaml"
for c in "up -f $tmp/x.yaml" "down --all" "gc" "container run --image bb -- sleep 1" "container rm there" "policy apply -f $tmp/x.yaml"; do
	refused "no root: ${c%% -*}" 'root' setpriv --reuid=65534 --regid=65534 --clear-groups "$tmp/bin/rastbpf" $c
done
refused "rastd without root" 'rastd needs root' setpriv --reuid=65534 --regid=65534 --clear-groups env RAST_INSTANCE=tbad "$O/bin/rastd"

# A disk that is full, in a mount namespace of the command's own. Under /run: state; under /var/lib: layers,
# logs. An empty directory takes no block of a tmpfs, so its inodes are used up as well.
cat >"$tmp/full.sh" <<'S'
set -e
tar -C "$1" --exclude=netns -cf "$2/keep.tar" .
mount -t tmpfs -o size=256k,nr_inodes=64 none "$1"
tar -C "$1" -xf "$2/keep.tar"
i=0
while : >"$1/.full$i"; do i=$((i + 1)); done 2>/dev/null || true
dd if=/dev/zero of="$1/.full0" bs=4k 2>/dev/null || true
exec "$3" up -f "$2/two.yaml"
S
{ good first; echo ---; good second; } >"$tmp/two.yaml"
for d in /run/tbad/pods /var/lib/tbad/pods; do
	refused "no space in $d" 'No space left on device' unshare -m --propagation private bash "$tmp/full.sh" $d "$tmp" "$R"
done
is "$("$R" -j container list | jq -c '[.[] | [.pod, .status]]')" '[["there","running"]]' "the pod from before still runs"
check "and a good manifest comes up" "$R" up -f <(good first)
tap_done
