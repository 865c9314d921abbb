#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# podman's containers, on the network that CNI makes for them, under an instance's policy and audit: labels
# by --annotation, a pod whose containers share one network. All of it in namespaces of its own, as in
# oci_podman.sh; only cgroups and pins are the machine's.
if [ -z "${TOCI_OWN:-}" ]; then
	. selftests/lib/tap.sh
	[ "$(id -u)" = 0 ] || skip_all "root"
	for need in podman conmon busybox jq unshare ip; do
		command -v $need >/dev/null || skip_all "$need"
	done
	[ -x /usr/lib/cni/bridge ] || skip_all "CNI plugins"
	[ -e /usr/share/containers/seccomp.json ] || skip_all "podman's seccomp profile"
	trap - EXIT INT TERM HUP
	TOCI_OWN=$$ exec unshare -m -n -p --fork --kill-child --mount-proc bash "$0"
fi
. selftests/lib/tap.sh
export RAST_INSTANCE=tocipod
B=$O/bin/rastbpf
id=toci-podman-$TOCI_OWN
tmp=$(mktemp -d)
cd_back=$PWD
groups_gone()
{
	find /sys/fs/cgroup -maxdepth 3 -type d -name "$id" | while read -r g; do
		find "$g" -depth -type d -exec rmdir {} + 2>/dev/null
	done
	[ -z "$(find /sys/fs/cgroup -maxdepth 3 -type d -name "$id")" ]
}
cleanup()
{
	cd "$cd_back" || :
	p pod rm -af -t 0 >/dev/null 2>&1
	p rm -af -t 0 >/dev/null 2>&1
	"$B" gc --all >/dev/null 2>&1
	wait_for 5 groups_gone
	umount -l "$tmp"
	rmdir "$tmp"
}
mount -t tmpfs podman "$tmp"
tap_cleanup cleanup
mount -t tmpfs run /run
mount -t tmpfs lib /var/lib
ip link set lo up
cd "$tmp" || exit 1

mkdir -p "$tmp/cni" "$tmp/bin"
cat >"$tmp/cni/toci.conflist" <<-X
	{"cniVersion": "0.4.0", "name": "toci", "plugins": [{"type": "bridge", "bridge": "toci0", "isGateway": true,
	"ipam": {"type": "host-local", "dataDir": "$tmp/ipam", "routes": [{"dst": "0.0.0.0/0"}],
	"ranges": [[{"subnet": "10.203.8.0/24"}]]}}]}
X
cat >"$tmp/containers.conf" <<-X
	[containers]
	default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
	[network]
	network_backend = "cni"
	network_config_dir = "$tmp/cni"
	default_network = "toci"
	[engine]
	runtime_supports_json = ["rast-oci"]
	infra_image = "localhost/pause"
X
# conmon hands no environment on.
printf '#!/bin/sh\nRAST_INSTANCE=%s exec %s "$@"\n' $RAST_INSTANCE "$O/bin/rast-oci" >"$tmp/bin/rast-oci"
chmod 755 "$tmp/bin/rast-oci"
export CONTAINERS_CONF="$tmp/containers.conf" TMPDIR="$tmp"
P="podman --root $tmp/root --runroot $tmp/run --tmpdir $tmp/tmp --runtime $tmp/bin/rast-oci --cgroup-manager cgroupfs
	--storage-driver vfs --events-backend file"
# shellcheck disable=SC2086
p() { timeout ${RAST_SLOW:+1}30 $P "$@"; }

mkdir -p "$tmp/img/bin" "$tmp/img/etc" "$tmp/img/tmp"
cp "$(command -v busybox)" "$tmp/img/bin/busybox"
for a in sh cat sleep nc httpd timeout grep echo true; do ln -s busybox "$tmp/img/bin/$a"; done
echo page >"$tmp/img/etc/page"
tar -C "$tmp/img" -cf "$tmp/img.tar" .
p import -q "$tmp/img.tar" localhost/box >/dev/null
p import -q --change 'ENTRYPOINT ["/bin/sleep","100000"]' "$tmp/img.tar" localhost/pause >/dev/null

"$B" daemon start >/dev/null 2>&1 || skip_all "a kernel where rastd starts"
# begin NAME OPTION... -- COMMAND...
begin()
{
	b_name=$1
	shift
	p run -d --cgroup-parent "/$id" --name "$b_name" --annotation rast.os/namespace=shop \
		--annotation rast.os/name="$b_name" --annotation rast.os/label.app="$b_name" "$@" 2>&1
}
out=$(begin web localhost/box sh -c 'httpd -p 80 -h /etc; httpd -f -p 81 -h /etc') && ok "podman starts a container on its own network" ||
	nok "podman starts a container on its own network" "$out"
begin friend localhost/box sleep 1000 >/dev/null
begin stranger localhost/box sleep 1000 >/dev/null
web=$(p inspect --format '{{.NetworkSettings.Networks.toci.IPAddress}}' web)
is "$("$B" -j container list | jq -r '.[] | select(.pod == "web") | .namespace + " " + .address')" "shop $web" \
	"it is registered with the address that podman knows"
# get CONTAINER PORT
get()
{
	got=$(p exec "$1" sh -c "printf 'GET /page HTTP/1.0\r\n\r\n' | timeout 2 nc $web $2" 2>/dev/null)
	echo "$got" | grep -x page
}
check "without a policy it answers" wait_for 10 get friend 81
cat >"$tmp/policy.yaml" <<-Y
	apiVersion: networking.k8s.io/v1
	kind: NetworkPolicy
	metadata: {name: web, namespace: shop}
	spec:
	  podSelector: {matchLabels: {app: web}}
	  policyTypes: [Ingress]
	  ingress:
	    - from: [{podSelector: {matchLabels: {app: friend}}}]
	      ports: [{port: 80}]
Y
check "a policy by the annotations' labels is applied" "$B" up -f "$tmp/policy.yaml"
check "what it allows passes between podman's containers" wait_for 5 get friend 80
check_fails "another port does not" get friend 81
check_fails "nor another container" get stranger 80
audited()
{
	"$B" -j audit tail -n 10000 |
		jq -c 'select(.event.action == "exec" and .container.namespace == "shop" and .container.pod == "friend")' | grep -q .
}
check "audit has what was executed in it" wait_for 10 audited
p restart -t 0 stranger >/dev/null 2>&1
check_fails "a container that was started again is who it was" get stranger 80
is "$("$B" -j container list | jq -r '[.[].pod] | sort | join(" ")')" "friend stranger web" "once"

# ---- a pod ----
p pod create --name both --cgroup-parent "/$id" --network toci >/dev/null 2>&1
p run -d --pod both --name one localhost/box sleep 1000 >/dev/null 2>&1
p run -d --pod both --name two localhost/box sleep 1000 >/dev/null 2>&1
is "$("$B" -j container list | jq -r '[.[] | select(.namespace == "default") | .pod] | (length | tostring) + " " + (unique | length | tostring)')" \
	"3 1" "the containers of podman's pod are one pod here"
[ "$TAP_FAILED" = 0 ] || diag "$(cat /run/$RAST_INSTANCE/pods/*/*/pod.json /run/$RAST_INSTANCE/pods/*/*/containers/*.json | jq -c .)"
p pod rm -f -t 0 both >/dev/null 2>&1
is "$("$B" -j container list | jq '[.[] | select(.namespace == "default")] | length')" 0 "and go with it"
p rm -af -t 0 >/dev/null 2>&1
is "$("$B" -j container list)" "[]" "rm takes every registration with it"
tap_done
