#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every BPF object of the build is loaded and attached by the real controller and launcher on this
# kernel, stays when the controller is gone, and goes with gc --all.
export RAST_INSTANCE=vmo
. selftests/lib/tap.sh
. selftests/vm/lib.sh
busybox_image
before=$(bpftool prog show | grep -c '^[0-9]')

check "the controller starts" rastbpf daemon start
features=$(rastbpf -j daemon status | jq -r '.features[] | .name + " " + .status + " " + (.reason // "")')
for f in $(printf '%s\n' "$features" | cut -d' ' -f1); do
	like "$(printf '%s\n' "$features" | grep "^$f ")" ' active' "feature $f is active"
done
check "a pod with a network starts" rastbpf container run --image box --name pod --network pod -d -- /bin/sleep 1000
programs=$(bpftool -j prog show | jq -r '.[].name')
for object in "$O"/bpf/*.bpf.o; do
	noun=${object##*/} noun=${noun%.bpf.o}
	if [ "$noun" = anomaly ] && ! printf '%s\n' "$features" | grep -q ^anomaly; then
		skip "every program of $noun is loaded" "the controller's anomaly feature"
		continue
	fi
	# What asks at connect is policy's, in an object of its own.
	prefix=$noun
	[ "$noun" = connect ] && prefix=policy
	missing= n=0
	# Global functions that are no programs of their own: the second list.
	for p in $(bpftool btf dump file "$object" | sed -n "s/.*FUNC '\(${prefix}_[a-z0-9_]*\)'.*linkage=global/\1/p"); do
		case $p in
		account_claim | anomaly_first_syscall | anomaly_destination) continue ;;
		esac
		n=$((n + 1))
		printf '%s\n' "$programs" | grep -q "^$(printf %.15s "$p")$" || missing="$missing $p"
	done
	is "$missing, $((n > 0))" ", 1" "every program of $noun is loaded"
done
veth=$(jq -r .ifname $RUN_DIR/pods/default/pod/pod.json)
case $(uname -r) in
6.1.*)
	like "$(tc filter show dev "$veth" ingress; tc filter show dev "$veth" egress)" 'bpf.*policy_(in|out)' \
		"policy is attached to the pod's link by clsact"
	is "$(tc filter show dev "$veth" ingress | grep -c policy_) $(tc filter show dev "$veth" egress | grep -c policy_)" "1 1" \
		"once in each direction"
	;;
*)
	unlike "$(tc qdisc show dev "$veth")" clsact "policy needs no clsact where the kernel has tcx"
	like "$(find /sys/fs/bpf/$RAST_INSTANCE -name '*policy*')" link "its links are pinned"
	;;
esac
pid=$(daemon_pid)
kill -9 "$pid"
wait_for 5 sh -c "! kill -0 $pid"
is "$(bpftool -j prog show | jq -r '.[].name' | sort | md5sum)" "$(printf '%s\n' "$programs" | sort | md5sum)" \
	"kill -9 of the controller takes no program away"
check "a new controller starts" rastbpf daemon start
is "$(bpftool -j prog show | jq -r '.[].name' | sort)" "$(printf '%s\n' "$programs" | sort)" "and loads none twice"
check "rm" rastbpf container rm pod
check "daemon stop" rastbpf daemon stop
check "gc --all" rastbpf gc --all
wait_for 5 sh -c "[ \$(bpftool prog show | grep -c '^[0-9]') = $before ]"
is "$(bpftool prog show | grep -c '^[0-9]') $(ls /sys/fs/bpf/$RAST_INSTANCE 2>&1 | grep -vc 'No such')" "$before 0" \
	"no program and no pin is left"
tap_done
