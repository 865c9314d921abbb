#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What account show says against what the kernel's own files and counters say.
export RAST_INSTANCE=vma
. selftests/lib/tap.sh
. selftests/vm/lib.sh
busybox_image
tap_cleanup 'rm -f /tmp/vma.*'

check "the controller starts" rastbpf daemon start
check "a container starts" rastbpf container run --image box --name box --network pod -m 64Mi -d -- /bin/sleep 1000
box=$(box_json box)
cg=/sys/fs/cgroup/$(echo "$box" | jq -r .cgroup)
netns=$RUN_DIR/pods/default/box/netns
inside() { rastbpf container exec box -- "$@"; }
look() { row=$(rastbpf -j account show box | jq -c '.[0]'); }
figure() { echo "$row" | jq -r ".$1"; }
# within GOT WANT PERCENT SENTENCE
within()
{
	if awk -v g="$1" -v w="$2" -v p="$3" 'BEGIN { d = g - w; if (d < 0) d = -d; exit !(w > 0 && d * 100 <= w * p) }'; then
		ok "$4"
	else
		nok "$4" "got $1, want $2"
	fi
}

look
execs=$(figure execs)
is "$(figure tasks) $(figure state) $execs" "1 running 1" "one process, one exec"
inside /bin/sh -c 'i=0; while [ $i -lt 20 ]; do /bin/busybox true; i=$((i+1)); done; while [ $i -lt 60000 ]; do i=$((i+1)); done'
look
is "$(figure execs)" $((execs + 21)) "a shell that runs twenty programs is 21 execs"
within "$(figure cpu_ns)" "$(awk '$1 == "usage_usec" { print $2 * 1000 }' "$cg/cpu.stat")" 1 \
	"after a burn CPU time is that of cpu.stat within 1 %"
like "$(figure cpu_ns)" '^[0-9]{8,}$' "and more than ten milliseconds"

inside /bin/sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1048576 count=24 2>/dev/null'
look
within "$(figure mem_bytes)" "$(cat "$cg/memory.current")" 1 "memory is memory.current within 1 %"
awk -v m="$(figure mem_bytes)" 'BEGIN { exit !(m >= 24 * 1048576) }' && ok "and has the 24 MiB that were written" ||
	nok "and has the 24 MiB that were written" "$row"
inside /bin/sh -c 'rm /dev/shm/x'
look
awk -v m="$(figure mem_bytes)" -v p="$(figure mem_peak_bytes)" 'BEGIN { exit !(p >= 24 * 1048576 && m < p - 20 * 1048576) }' &&
	ok "freed memory is gone from it and stays in the peak" || nok "freed memory is gone from it and stays in the peak" "$row"

# Every IP packet of the container's sockets, as nftables counts them at the same two places.
cat >/tmp/vma.nft <<'END'
table ip count {
	chain in { type filter hook input priority 0; ip protocol tcp counter; }
	chain out { type filter hook output priority 0; ip protocol tcp counter; }
}
END
check "counters in the pod's namespace" nsenter --net=$netns nft -f /tmp/vma.nft
counted() { nsenter --net=$netns nft -j list chain ip count "$1" | jq -r '.nftables[] | select(.rule) | .rule.expr[] | select(.counter) | "\(.counter.bytes) \(.counter.packets)"'; }
dd if=/dev/zero of=/tmp/vma.data bs=65536 count=16 2>/dev/null
host=$(ip -j -4 addr show dev ${RAST_INSTANCE}0 | jq -r '.[0].addr_info[0].local')
rx=$(figure net_rx_bytes) tx=$(figure net_tx_bytes) rxp=$(figure net_rx_packets) txp=$(figure net_tx_packets)
busybox nc -l -p 9000 </tmp/vma.data >/dev/null &
server=$!
tap_cleanup 'kill $server 2>/dev/null'
wait_for 5 sh -c 'ss -Hltn | grep -q :9000'
# Its input never ends: so it is the server who closes first, and every packet has a living socket.
is "$(inside /bin/sh -c "mkfifo /tmp/f; exec 3<>/tmp/f; nc $host 9000 <&3 | wc -c")" 1048576 "one MiB is received"
wait $server
look
is "$(($(figure net_rx_bytes) - rx)) $(($(figure net_rx_packets) - rxp))" "$(counted in)" "bytes and packets received are exact"
is "$(($(figure net_tx_bytes) - tx)) $(($(figure net_tx_packets) - txp))" "$(counted out)" "bytes and packets sent are exact"
[ "$(($(figure net_rx_bytes) - rx))" -gt 1048576 ] && ok "they are the MiB and its headers" || nok "they are the MiB and its headers" "$row"
like "$(rastbpf account show --syscalls box)" 'clock_nanosleep|nanosleep|read|execve' "system calls are counted by name"

before=$row
kill -9 "$(daemon_pid)"
inside /bin/busybox true
look
is "$(figure execs)" $(($(echo "$before" | jq .execs) + 1)) "counting goes on, and can be read, while the controller is dead"
check "rm" rastbpf container rm box
tap_done
