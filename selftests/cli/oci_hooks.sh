#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# hooks of config.json: when each point is called, where, with what, and what its failure does.
. selftests/lib/tap.sh
. selftests/lib/oci.sh

# hook NAME: on the node, appends its name, the mount and pid namespaces it runs in and the state.
cat >"$tmp/hook" <<-EOF
	#!/bin/sh
	state=\$(cat)
	echo "\$1 \$(readlink /proc/self/ns/mnt) \$(readlink /proc/self/ns/pid) \$HOOKVAR" >>"$tmp/log"
	echo "\$state" >"$tmp/state-\$1"
EOF
chmod +x "$tmp/hook"
printf '#!/bin/sh\ncat >/tmp/state-startContainer\n[ -e /tmp/ran ] && n=after || n=before\necho "startContainer $n $(readlink /proc/self/ns/pid) $(cat /proc/self/status | grep CapEff)" >>/tmp/log\n' >"$tmp/rootfs/hook"
chmod +x "$tmp/rootfs/hook"
for h in prestart createRuntime poststart poststop; do
	all="$all| .hooks.$h = [{path: \"$tmp/hook\", args: [\"hook\", \"$h\"], env: [\"HOOKVAR=v1\"]}]"
done
# The container's mount namespace, on the node's root still: writes to the node's files from there.
all="$all| .hooks.createContainer = [{path: \"$tmp/hook\", args: [\"hook\", \"createContainer\"]}]
	| .hooks.startContainer = [{path: \"/hook\", args: [\"/hook\"]}]"

config "sh(\"touch /tmp/ran; exec sleep 60\") $all"
check "a container with hooks at all points is created" create
is "$(cut -d' ' -f1 "$tmp/log" | tr '\n' ' ')" "prestart createRuntime createContainer " \
	"create runs prestart, createRuntime and createContainer, in this order"
[ -e "$tmp/rootfs/tmp/log" ] && nok "startContainer waits for start" || ok "startContainer waits for start"
pid=$(oci state "$id" | jq .pid)
mnt=$(readlink /proc/self/ns/mnt)
is "$(awk '/^prestart/ { print $2 }' "$tmp/log")" "$mnt" "prestart runs in the runtime's namespace"
is "$(awk '/^createRuntime/ { print $2 }' "$tmp/log")" "$mnt" "createRuntime runs in the runtime's namespace"
is "$(awk '/^createContainer/ { print $2 }' "$tmp/log")" "$(readlink "/proc/$pid/ns/mnt")" "createContainer runs in the container's"
for h in prestart createRuntime createContainer; do
	is "$(jq -r '.id + " " + .status + " " + .bundle + " " + (.pid | tostring)' <"$tmp/state-$h")" \
		"$id creating $(realpath "$tmp") $pid" "$h gets the state on standard input"
done
is "$(awk '/^prestart/ { print $4 }' "$tmp/log")" v1 "hooks get their environment"
oci start "$id"
wait_for 5 test -e "$tmp/rootfs/tmp/ran"
like "$(cat "$tmp/rootfs/tmp/log")" "^startContainer before pid" "startContainer runs before the process"
like "$(cat "$tmp/rootfs/tmp/log")" "$(readlink "/proc/$pid/ns/pid" | sed 's/[][]/\\&/g')" "and in the container's namespaces"
is "$(jq -r .id <"$tmp/rootfs/tmp/state-startContainer")" "$id" "and gets the state"
is "$(sed -n 's/.*CapEff:.//p' "$tmp/rootfs/tmp/log")" "$(sed -n 's/CapEff:.//p' "/proc/$pid/status")" \
	"a program of the image has no more capabilities as a hook than as the process"
is "$(tail -1 "$tmp/log" | cut -d' ' -f1)" poststart "poststart follows"
is "$(jq -r .status <"$tmp/state-poststart")" running "with the status running"
oci kill "$id" KILL
wait_for 5 stopped
oci delete "$id"
is "$(tail -1 "$tmp/log" | cut -d' ' -f1,2)" "poststop $mnt" "poststop runs in the runtime's namespace when it is deleted"
is "$(jq -r .status <"$tmp/state-poststop")" stopped "with the status stopped"

# ---- failures ----
stop=".hooks.poststop = [{path: \"$tmp/hook\", args: [\"hook\", \"poststop\"]}]"
for h in prestart createRuntime createContainer; do
	rm -f "$tmp/log" "$tmp/rootfs/tmp/ran"
	config "sh(\"touch /tmp/ran\") | .hooks.$h = [{path: \"/bin/false\"}] | $stop"
	check_fails "$h that fails is an error of create" create
	check "$h that fails: the container is gone" gone
	is "$(cut -d' ' -f1 "$tmp/log" 2>/dev/null)" poststop "$h that fails: poststop hooks run"
done
config 'sh("touch /tmp/ran") | .hooks.createRuntime = [{path: "/no/such"}]'
like "$(create 2>&1)" 'createRuntime\[0\].*/no/such' "a hook that is not there is named"
config "sh(\"touch /tmp/ran\") | .hooks.startContainer = [{path: \"/bin/false\"}] | $stop"
rm -f "$tmp/rootfs/tmp/ran"
create && check_fails "startContainer that fails is an error of start" oci start "$id"
[ -e "$tmp/rootfs/tmp/ran" ] && nok "and the process does not run" || ok "and the process does not run"
wait_for 5 stopped && ok "and the container has stopped" || nok "and the container has stopped" "$(status)"
oci delete -f "$id"
for h in poststart poststop; do
	rm -f "$tmp/log"
	config ".hooks.$h = [{path: \"/bin/false\"}, {path: \"$tmp/hook\", args: [\"hook\", \"$h\"]}]" true
	out=$(run) && ok "$h that fails does not fail the container" || nok "$h that fails does not fail the container" "$out"
	like "$out" "$h\[0\]" "$h that fails is a warning"
	like "$(cat "$tmp/log" 2>&1)" "^$h" "$h that fails: the others run"
done
t0=$(tap_now)
config '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "20"], timeout: 1}]' true
like "$(run)" 'longer than 1 s' "a hook that takes longer than its timeout is an error"
[ $(($(tap_now) - t0)) -lt 10 ] && ok "and is not waited for" || nok "and is not waited for"
check "and nothing is left" gone
config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "exit 0"]}]' echo fine
is "$(run)" fine "a hook need not read its input"
config '.hooks.createRuntime = [{path: "bin/true"}]' true
check_fails "a relative path of a hook is refused" run
tap_done
