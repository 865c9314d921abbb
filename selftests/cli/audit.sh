#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A container that does known things, and what audit tail and account show tell of them afterwards.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
box=$(command -v busybox) || skip_all "busybox"
grep -q ' cgroup2 ' /proc/mounts || skip_all "cgroup2"
export RAST_INSTANCE=taudit
R=$O/bin/rastbpf
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp" /var/lib/taudit'
tap_cleanup '"$R" gc --all >/dev/null 2>&1'

mkdir -p "$tmp/root/bin" "$tmp/root/tmp" "$tmp/root/dev" "$tmp/root/proc" "$tmp/root/sys"
cp "$box" "$tmp/root/bin/busybox"
ln -s busybox "$tmp/root/bin/sh"

# records FILTER: how many records of the log jq selects by it
records() { "$R" -j audit tail -n 100000 | jq -c "select($1)" | wc -l; }
at_least_one() { [ "$(records "$1")" -ge 1 ]; }
of='.container.namespace == "default" and .container.pod == "probe" and .container.name == "main"'

"$R" daemon start >/dev/null || skip_all "a kernel where rastd starts"
"$R" -j feature show 2>/dev/null | grep -q audit || skip_all "audit on this kernel"

"$R" container run -n probe --rootfs "$tmp/root" -- /bin/sh -c \
	'/bin/busybox true "odd
argument"; /bin/busybox nc -w 1 127.0.0.1 9 </dev/null; exit 42' >/dev/null 2>&1
is $? 42 "the exit status of a foreground run is the command's"
check "the end of the container arrives in the log" wait_for 10 at_least_one \
	".event.action == \"container-exited\" and $of"
is "$(records "$of and .event.action == \"container-exited\" and .process.exit_code == 42")" 1 \
	"the container's end is one record with its exit code"
is "$(records "$of and .event.action == \"exec\" and .process.args == [\"/bin/busybox\", \"true\", \"odd\nargument\"]")" 1 \
	"an exec is one record with its arguments, a newline in them too"
is "$(records "$of and .event.action == \"exec\" and (.process.ancestors | length) > 0 and .process.args[0] == \"/bin/sh\"")" 1 \
	"the first exec is there, with ancestors"
# Another ring than the exit's: it may come a moment later.
connect=".event.action == \"connect\" and .destination.ip == \"127.0.0.1\" and .destination.port == 9 and $of"
wait_for 10 at_least_one "$connect"
is "$(records "$connect")" 1 "a connection attempt is one record with its destination"
is "$(records '.container.pod != null and .container.pod != "probe"')" 0 "nobody else is in the log"
is "$("$R" -j audit tail -n 100000 -t exec -c default/probe | wc -l)" \
	"$(records "$of and .event.action == \"exec\"")" "tail selects by action and container"
is "$("$R" -j audit tail -n 2 | wc -l)" 2 "tail shows as many as asked for"
like "$("$R" audit tail -n 1000 -t exec)" 'default/probe/main .* /bin/busybox true odd\\nargument' \
	"a terminal never sees a control character of an argument"
is "$("$R" -j audit show | jq -s 'flatten | all(.attempted == .sent + .dropped)')" true \
	"sent and dropped make attempted in every ring"

"$R" daemon stop >/dev/null
check "the log is read without a controller" at_least_one "$of and .event.action == \"exec\""
[ "$TAP_FAILED" = 0 ] || "$R" audit tail -n 40 | sed "s/^/# /"
tap_done
