#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# podman's bridge networks with rast-oci: the plugins make the links in a namespace that podman has made, and the
# runtime joins it by its path. All in a network namespace of the test's own.
. selftests/lib/tap.sh
if [ -z "${TOCI_OWN:-}" ]; then
	plugins=/usr/lib/cni
	[ -x $plugins/bridge ] || skip_all "the CNI plugins (containernetworking-plugins)"
	for need in iptables curl; do
		command -v $need >/dev/null || skip_all $need
	done
	unshare -n sh -c 'ip link add b0 type bridge && iptables -t nat -L -n' >/dev/null 2>&1 ||
		skip_all "a kernel with bridges and iptables"
fi
. selftests/lib/podman.sh
cat >>"$tmp/containers.conf" <<-X
	[network]
	network_backend = "cni"
	cni_plugin_dirs = ["/usr/lib/cni"]
	network_config_dir = "$tmp/cni"
X
mkdir "$tmp/cni"
check "a network is made" p network create --subnet 10.99.7.0/24 tnet
web='mkdir /www; echo $0 >/www/ping; exec busybox httpd -f -p 80 -h /www'
up() { p run -d --cgroup-parent "/$id" --network tnet "$@"; }
check "a container is on it, with a port published" up --name web -p 8099:80 localhost/box sh -c "$web" one
is "$(p port web)" "80/tcp -> 0.0.0.0:8099" "port names it"
address=$(field web '{{.NetworkSettings.Networks.tnet.IPAddress}}')
like "$address" '^10\.99\.7\.' "it has an address of the network"
answers() { [ "$(curl -s -m 2 "http://$1/ping")" = "$2" ]; }
check "it answers at its address" wait_for $late answers "$address" one
check "and at the published port" wait_for $late answers 127.0.0.1:8099 one
is "$(p exec web cat /proc/net/dev | grep -c eth0)" 1 "exec is in its network namespace"
p pod create --name pod --cgroup-parent "/$id" --network tnet -p 8098:80 --infra-image localhost/pause >/dev/null
p run -d --pod pod --name inpod localhost/box sh -c "$web" two >/dev/null
check "a pod's containers answer at the pod's published port" wait_for $late answers 127.0.0.1:8098 two
is "$(p run --rm --pod pod localhost/box busybox wget -qO- http://127.0.0.1/ping)" two "and reach each other at 127.0.0.1"
p pod rm -f -t 0 pod >/dev/null
check "rm takes the port back" p rm -f -t 0 web
check_fails "nobody answers there" answers 127.0.0.1:8099 one
tap_done
