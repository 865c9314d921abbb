#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The annotation rast.os/landlock, felt from inside.
. selftests/lib/tap.sh
. selftests/lib/oci.sh
oci_jq=$oci_jq'def ll(o): .annotations["rast.os/landlock"] = (o | tojson);
'
tools='{paths: ["/bin"], access: ["read", "execute"]}'
case $(inside "ll({handledAccessFs: [\"read_file\"], rules: [$tools | .access = [\"read_file\"]]})" true) in
*"not there or switched off"*) skip_all "a kernel with Landlock" ;;
esac
echo secret >"$tmp/rootfs/etc/f"
echo open >"$tmp/rootfs/mnt/f"

# ---- files ----
rules="ll({handledAccessFs: [\"all\"], rules: [$tools, {paths: [\"/tmp\", \"/mnt/f\"], access: [\"read\", \"write\"]}, {paths: [\"/dev/null\"], access: [\"read\", \"write\"]}], compatibility: \"best_effort\"})"
out=$(inside "sh(\"cat /mnt/f; cat /etc/f; ls /etc; echo x >/tmp/a && cat /tmp/a; echo y >/mnt/g; cp /bin/busybox /tmp/b && chmod 755 /tmp/b && /tmp/b true; rm /tmp/b /tmp/a && echo removed\") | $rules")
like "$out" '^open' "a file of a rule is read"
like "$out" '/etc/f.*ermission denied' "what no rule names is not"
like "$out" 'ls: .*/etc.*ermission denied' "nor is a directory listed"
like "$out" '(^|.)x' "what a rule lets be written is written"
like "$out" 'create /mnt/g.*ermission denied' "a rule for a file is none for those beside it"
like "$out" '/tmp/b.*ermission denied' "a writable place is none to run things from"
like "$out" removed "write is also to remove"
is "$(inside "ll({handledAccessFs: [\"write\"], compatibility: \"best_effort\"}) | sh(\"cat /etc/f; touch /tmp/x 2>&1 | grep -c ermission\")" | tr '\n' ' ')" "secret 1 " "what is not handled stays as it was"
is "$(inside "$rules | .process.noNewPrivileges = false | caps([\"CAP_DAC_OVERRIDE\"])" cat /etc/f)" "cat: can't open '/etc/f': Permission denied" "no capability helps, and no_new_privs need not be set"
is "$(inside "$rules | .process.user = {uid: 7, gid: 7}" cat /etc/f)" "cat: can't open '/etc/f': Permission denied" "another user is restricted as well"
if [ -e /proc/self/ns/user ]; then
	is "$(inside "$rules | ns(\"user\") | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 1000}] | .linux.gidMappings = .linux.uidMappings" cat /etc/f)" "cat: can't open '/etc/f': Permission denied" "and so is one in a user namespace"
fi
like "$(inside "ll({handledAccessFs: [\"execute\"]})" true)" 'true.*ermission denied' "a command that no rule lets be run does not run"

# ---- paths ----
ln -sfn ../../../../../etc "$tmp/rootfs/mnt/up"
like "$(inside "ll({handledAccessFs: [\"read_file\"], rules: [$tools | .access = [\"read_file\"], {paths: [\"/mnt/up\"], access: [\"read_file\"]}]})" cat /etc/f)" secret "a link in the image leads to what the container has there"
absent='{handledAccessFs: ["read_file"], rules: [{paths: ["/bin", "/none/at/all"], access: ["read_file"]}]}'
out=$(inside "ll($absent)" true)
like "$out" 'Landlock rule for /none/at/all: No such file' "a path that is not there is an error"
is "$(gone && echo gone)" gone "which leaves nothing behind"
is "$(inside "ll($absent + {compatibility: \"best_effort\"})" echo runs)" runs "and is passed over with best_effort"
like "$(inside '.annotations["rast.os/landlock"] = "{\"rules\": 1}"' true)" 'annotations.rast.os/landlock.rules: want a list' "a document that makes no sense is refused by its field"

# ---- network, scopes ----
abi=$("$R" features | jq -r '.annotations["rast.os/landlock.abi"]')
if [ "$abi" -ge 4 ]; then
	net='ll({handledAccessNet: ["all"], netRules: [{ports: [81], access: ["all"]}]})'
	out=$(inside "$net | sh(\"/bin/busybox nc 127.0.0.1 80; /bin/busybox nc 127.0.0.1 81; /bin/busybox nc -l -p 82; echo\")")
	like "$out" '127.0.0.1.*ermission denied' "a port that no rule names is not connected to"
	like "$out" 'onnection refused' "one that a rule names is"
	like "$out" 'bind.*ermission denied' "nor is one bound"
else
	skip "ports" "Landlock ABI 4"
fi
if [ "$abi" -ge 6 ]; then
	begin 'll({scoped: ["signal"]})' sh -c 'sleep 60 & kill $! && echo own >/tmp/own; sleep 60'
	check "processes of one start may signal each other" wait_for 10 test -s "$tmp/rootfs/tmp/own"
	like "$(oci exec "$id" kill -0 1 2>&1)" 'not permitted' "but one that came by exec is in a domain of its own"
	check "the runtime's signals are not concerned" oci kill "$id" KILL
	wait_for 10 stopped
	oci delete -f "$id"
else
	skip "signals" "Landlock ABI 6"
fi

# ---- exec ----
begin "$rules" sleep 60
like "$(oci exec "$id" cat /etc/f 2>&1)" 'ermission denied' "a process that enters later is restricted as well"
is "$(oci exec "$id" cat /mnt/f 2>&1)" open "and has what the rules give"
oci delete -f "$id"

# ---- kernels that lack something ----
if command -v strace >/dev/null && strace -qq -o /dev/null true 2>/dev/null; then
	# older ABI JQ: `run` of it where the kernel says that it has this version of Landlock
	older()
	{
		config "$2" true
		strace -qq -o /dev/null -e trace=landlock_create_ruleset \
			-e inject=landlock_create_ruleset:retval="$1":when=1 \
			"$R" --root "$tmp/state" run -b "$tmp" "$id" </dev/null 2>&1
	}
	full="{handledAccessFs: [\"all\"], rules: [{paths: [\"/\"], access: [\"all\"]}]}"
	like "$(older 2 "ll($full)")" "annotations.rast.os/landlock: truncate: this kernel" "a right that the kernel lacks is named, and nothing runs"
	out=$(older 2 "ll($full + {compatibility: \"best_effort\"})")
	is "$?" 0 "with best_effort the container runs"
	like "$out" 'warning.*truncate' "and what is left out is a warning"
else
	skip "kernels that lack something" strace
fi
tap_done
