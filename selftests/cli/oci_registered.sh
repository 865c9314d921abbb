#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Containers of rast-oci under an instance's policy, accounting and audit: named and labelled by annotations,
# on a network that this test makes as podman or a CNI plugin would.
. selftests/lib/tap.sh
. selftests/lib/oci.sh
for tool in nsenter ip; do
	command -v $tool >/dev/null || skip_all "$tool"
done
grep -q ' cgroup2 ' /proc/mounts || skip_all "cgroup2"
export RAST_INSTANCE=toci
B=$O/bin/rastbpf
pins=/sys/fs/bpf/$RAST_INSTANCE
net=10.203.7
tap_cleanup 'rm -rf /var/lib/$RAST_INSTANCE'
tap_cleanup '"$B" gc --all >/dev/null 2>&1'
tap_cleanup 'ip link del tocibr 2>/dev/null; for n in 1 2 3 4; do ip netns del toci$n 2>/dev/null; done'
for a in nc httpd timeout; do ln -sf busybox "$tmp/rootfs/bin/$a"; done

# ---- where nothing is loaded ----
if command -v strace >/dev/null && strace -qq -e trace=getppid -o /dev/null true 2>/dev/null; then
	config . true
	strace -f -qq -o "$tmp/trace" "$R" --root "$tmp/state" run -b "$tmp" "$id" </dev/null >/dev/null 2>&1
	is "$(grep -c /sys/fs/bpf "$tmp/trace")" 1 "without programs a container costs one more system call"
	is "$(grep -c 'execve(' "$tmp/trace")" "$(grep -c 'execve.*\(rast-oci\|AT_EMPTY_PATH\|bin/true\|"true"\)' "$tmp/trace")" \
		"and no other program is run for it"
else
	skip "without programs a container costs one more system call" "strace"
	skip "and no other program is run for it" "strace"
fi
is "$("$B" -j container list)" "[]" "nor is it registered"

"$B" daemon start >/dev/null 2>&1 || skip_all "a kernel where rastd starts"

# ---- a network that is not ours ----
ip link add tocibr type bridge && ip addr add $net.1/24 dev tocibr && ip link set tocibr up
netns() # N
{
	ip netns add toci$1
	ip link add tociv$1 master tocibr type veth peer name eth0 netns toci$1
	ip link set tociv$1 up
	ip -n toci$1 link set lo up
	ip -n toci$1 addr add $net.1$1/24 dev eth0
	ip -n toci$1 link set eth0 up
}
netns 1
netns 2
# begin_in ID NETNS "JQ" COMMAND...: detached, in that network namespace
begin_in()
{
	bi_id=$1 bi_net=$2 bi_jq=$3
	shift 3
	config "ns(\"network\"; \"/run/netns/$bi_net\") | $bi_jq" "$@"
	leaving run -b "$tmp" -d "$bi_id"
}
named() { echo ".annotations = {\"rast.os/namespace\": \"shop\", \"rast.os/name\": \"$1\", \"rast.os/label.app\": \"$1\"}"; }
field() { "$B" -j container show "$1" | jq -r "$2"; }

check "a container is started" begin_in web toci1 "$(named web)" sh -c 'httpd -p 80 -h /etc; httpd -f -p 81 -h /etc'
check "and another" begin_in friend toci2 "$(named friend)" sleep 1000
is "$("$B" -j container list | jq -r '[.[] | .namespace + "/" + .pod + "/" + .name + " " + .status] | sort | join(", ")')" \
	"shop/friend/main running, shop/web/main running" "container list shows both by the names of their annotations"
is "$(field shop/web '"\(.oci_id) \(.pid)"')" "web $(oci state web | jq .pid)" "and what they are to rast-oci"
is "$("$B" -j container list | jq -r '.[] | select(.pod == "web") | .address')" $net.11 "with the address that the network gave"
echo page >"$tmp/rootfs/etc/page"
# get CONTAINER PORT: the page that web has there
get()
{
	got=$(printf 'GET /page HTTP/1.0\r\n\r\n' | timeout 5 "$R" --root "$tmp/state" exec "$1" timeout 2 nc $net.11 "$2" 2>/dev/null)
	echo "$got" | grep -x page
}
check "without a policy they reach each other" wait_for 5 get friend 81
get friend 80 >/dev/null

# ---- policy ----
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
check "a policy by their labels is applied" "$B" up -f "$tmp/policy.yaml"
check "what it allows passes" wait_for 5 get friend 80
check_fails "what it does not is dropped" get friend 81
netns 3
check_fails "and so is what has no label of its own, on the port that a friend may use" \
	sh -c "printf 'GET /page HTTP/1.0\r\n\r\n' | ip netns exec toci3 busybox nc -w 2 $net.11 80 | grep -x page"
check "a container with another label" begin_in stranger toci3 "$(named stranger)" sleep 1000
check_fails "may not either" get stranger 80
like "$("$B" policy explain --from shop/friend --to shop/web --port 80)" '^allow' "explain knows them: allowed"
like "$("$B" policy explain --from shop/stranger --to shop/web --port 80)" '^den' "and denied"
denied() { "$B" -j flow edges | jq -e '.[] | select(.from == "friend" and .to == "web" and .port == 81 and .verdict == "deny")' >/dev/null; }
check "the denied edge has their names" wait_for 10 denied

# ---- audit, accounting ----
# records FILTER
records() { "$B" -j audit tail -n 100000 | jq -c "select(.container.namespace == \"shop\") | select($1)" | wc -l; }
at_least_one() { [ "$(records "$1")" -ge 1 ]; }
check "audit has its first exec, with its name and label" wait_for 10 at_least_one \
	'.event.action == "exec" and .container.pod == "web" and .container.name == "main" and .container.labels.app == "web"'
check "and its connections" wait_for 10 at_least_one \
	".event.action == \"connect\" and .container.pod == \"friend\" and .destination.ip == \"$net.11\""
check "and what policy refused" wait_for 10 at_least_one \
	'.event.action == "flow-denied" and .container.pod == "web" and .rast.peer.pod == "stranger"'
oci exec friend sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; mkdir /sys/fs/cgroup/in 2>/dev/null; true' </dev/null
used() { "$B" -j account show shop/friend | jq -e '.[0] | .cpu_ns > 10000000 and .tasks >= 1 and .syscalls > 50 and .net_tx_packets > 3 and .execs > 3' >/dev/null; }
check "account knows its CPU time, tasks, system calls, packets and programs" wait_for 5 used ||
	"$B" -j account show shop/friend | sed 's/^/# /'

# ---- whose they are ----
for verb in "stop shop/web" "rm shop/web" "exec shop/web -- /bin/true" "restart shop/web" "logs shop/web"; do
	# shellcheck disable=SC2086
	check_fails "container ${verb%% *} leaves it to rast-oci" "$B" container $verb
done
"$B" gc >/dev/null
is "$(oci state web | jq -r .status) $("$B" -j container list | jq length)" "running 3" "gc leaves what runs"

# ---- a pod of several ----
check "a second container in one's network namespace" begin_in second toci1 . sleep 1000
is "$("$B" -j container list | jq -r '[.[] | select(.pod == "web") | .name] | sort | join(" ")')" "main second" "is one of its pod"
is "$(field shop/web/second .slot)" "$("$B" -j account show shop/web/second | jq '.[0].slot')" "with a slot of its own"
check_fails "and under its policy" get friend 81
oci delete -f second
is "$("$B" -j container list | jq -r '[.[] | select(.pod == "web") | .name] | join(" ")')" main "its end leaves the pod"
is "$(get friend 80)" page "and the policy"
check_fails "all of it" get friend 81

# ---- networks without a place for policy ----
config 'nons("network") | .annotations = {"rast.os/name": "hostnet"}' sleep 1000
check "a container with the node's network" leaving run -b "$tmp" -d hostnet
is "$("$B" -j container list | jq -r '.[] | select(.pod == "hostnet") | "\(.namespace) \(.address)"')" "default null" "is registered without an endpoint"
oci delete -f hostnet
begin . sleep 1000
check "one without annotations goes by its id" "$B" container show "default/$id"
oci delete -f "$id"
check_fails "and is gone with it" "$B" container show "default/$id"

# Its namespaces are entered by its process, which has nothing to do with when we look.
netns 4
config "ns(\"network\"; \"/run/netns/toci4\") | $(named early)" sleep 1000
n=0
while [ $n -lt 12 ]; do
	create >/dev/null
	[ "$(jq -r .network /run/$RAST_INSTANCE/pods/shop/early/pod.json)" = pod ] || break
	oci delete -f "$id"
	n=$((n + 1))
done
is $n 12 "its network is looked at when it has entered it, each time"
oci delete -f "$id" 2>/dev/null

# Some clients connect a container between create and start.
config "ns(\"network\") | $(named late)" sleep 1000
create >/dev/null
is "$(field shop/late .network) $("$B" -j container list | jq -r '.[] | select(.pod == "late") | .address')" "null null" \
	"one whose network is not there yet has no endpoint"
nsenter --net=/run/netns/toci4 ip link set eth0 netns "$(oci state "$id" | jq .pid)"
in_late() { nsenter --net="/proc/$(oci state "$id" | jq .pid)/ns/net" "$@"; }
in_late ip addr add $net.14/24 dev eth0 && in_late ip link set eth0 up
check "it starts when it is" leaving start "$id"
is "$("$B" -j container list | jq -r '.[] | select(.pod == "late") | .address')" $net.14 "and is registered with it"
check_fails "under policy: it is no friend" get "$id" 80
oci delete -f "$id"
ip link del tociv4 2>/dev/null
ip netns del toci4

# ---- what cannot be registered is not run ----
nothing_of() { [ ! -e "$tmp/state/$1" ] && ! find /sys/fs/cgroup -maxdepth 3 -name "rast-oci-$1" | grep -q .; }
out=$(begin_in bad toci3 '.annotations = {"rast.os/label.app": "no good"}' sleep 1000)
is $? 1 "a label that is none ends the creation"
like "$out" 'registering the container: annotations: rast.os/label.app: value "no good"' "and says which"
check "and leaves nothing" nothing_of bad
out=$(begin_in bad toci3 "$(named other)" sleep 1000)
like "$out" 'pod shop/other, but its network namespace is that of pod shop/stranger' "another name in a pod's network is refused"
check "and nothing is left" nothing_of bad
netns 4
out=$(begin_in bad toci4 "$(named web)" sleep 1000)
like "$out" 'pod shop/web is there already' "a name that is taken ends it too" || diag "$out"
check "and leaves nothing of it" nothing_of bad
mkdir "$tmp/own" && cp "$R" "$tmp/own/rast-oci"
broken() # TEXT of a shell script in rastbpf's place
{
	printf '#!/bin/sh\n%s\n' "$1" >"$tmp/own/rastbpf"
	chmod 755 "$tmp/own/rastbpf"
}
with_broken() { timeout 30 "$tmp/own/rast-oci" --root "$tmp/state" "$@" </dev/null >"$tmp/out" 2>&1; }
broken 'echo "error: out of order" >&2; exit 1'
config "$(named late)" sleep 1000
check_fails "a rastbpf that fails ends it" with_broken run -b "$tmp" -d bad
like "$(cat "$tmp/out")" 'registering the container: out of order' "with its words"
check "and leaves nothing either" nothing_of bad
config "$(named late) | .hooks.createRuntime = [{path: \"/bin/true\"}]" sleep 1000
check_fails "also when there are hooks" with_broken create -b "$tmp" bad
check "which leaves nothing" nothing_of bad

like "$(inside . nosuch)" 'command nosuch: No such file' "what keeps a container from running is said as ever"

# ---- killed on the way ----
broken "\"$B\" \"\$@\" && [ \"\$2\" = adopt ] && kill -9 \$PPID"
config "$(named late)" sleep 1000
with_broken create -b "$tmp" killed
check "rast-oci killed when it had registered a container leaves a registration" "$B" container show shop/late
ended() { ! kill -0 "$("$B" -j container show shop/late | jq .pid)" 2>/dev/null; }
wait_for 5 ended
is "$("$B" -j gc | jq -r '.[] | select(.kind == "registration") | .name')" shop/late "which gc finds"
check_fails "and removes" "$B" container show shop/late
oci delete -f killed
check "delete removes the rest" nothing_of killed
with_broken create -b "$tmp" killed
oci delete -f killed
check_fails "delete alone lets go of it as well" "$B" container show shop/late

# ---- the end ----
oci delete -f stranger
is "$("$B" -j container list | jq -r '[.[].pod] | sort | join(" ")')" "friend web" "delete takes the registration with it"
web_if=$(cat /sys/class/net/tociv1/ifindex)
check "the link of one that runs has policy" "$B" -j policy explain --from shop/friend --to shop/web --port 81
check "down --all lets go of the others" "$B" down --all
is "$("$B" -j container list) $(oci state web | jq -r .status)" "[] running" "which run on"
is "$(get friend 81)" page "without policy"
is "$(find $pins/link -name '*@*' | wc -l) $(find $pins/link -name "policy_*_$web_if" | wc -l)" "0 0" "no program is left on them"
out=$(begin_in third toci3 "$(named third)" sleep 1000)
check "others can be registered after that" "$B" container show shop/third
"$B" gc --all >/dev/null
is "$(oci state third | jq -r .status) $(test -e $pins; echo $?)" "running 1" "gc --all takes the programs and leaves the containers"
check "which are deleted without the instance" oci delete -f third
check "all of them" oci delete -f web
tap_done
