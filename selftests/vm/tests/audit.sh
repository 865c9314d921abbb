#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What containers do is in the audit log: programs with their arguments, ends, connections; and what
# happens while the controller is stopped or dead is read later, nothing lost uncounted.
export RAST_INSTANCE=vmu
. selftests/lib/tap.sh
. selftests/vm/lib.sh
busybox_image

check "the controller starts" rastbpf daemon start
rastbpf container run --image box --name short -- /bin/sh -c 'exit 7'
is $? 7 "a container that exits with 7"
check "its exec is on record with its arguments" wait_for 10 audit_has \
	'.event.action=="exec" and .container.pod=="short" and .process.args==["/bin/sh","-c","exit 7"]'
check "so is its end with the exit code" wait_for 10 audit_has \
	'.event.action=="container-exited" and .container.pod=="short" and .process.exit_code==7'

check "a container that stays" rastbpf container run --image box --name box --network pod -d -l app=box -- /bin/sleep 1000
inside() { rastbpf container exec box -- "$@"; }
inside /bin/busybox echo "two words" '' 'a"quote\' >/dev/null
check "odd arguments of an exec are kept as they are" wait_for 10 audit_has \
	'.event.action=="exec" and .container.pod=="box" and .process.args==["/bin/busybox","echo","two words","","a\"quote\\"]'
[ $TAP_FAILED = 0 ] || rastbpf -j audit tail -n 8 --type exec | sed 's/^/# /'
check "with executable, parent and container" audit_has \
	'.event.action=="exec" and .process.args_count==5 and .process.executable=="/bin/busybox" and (.process.ancestors|length)>0 and .container.namespace=="default" and .container.name=="main"'
inside /bin/sh -c '/bin/busybox sh -c "exit 5"; exit 0'
check "the exit code of a process inside is on record" wait_for 10 audit_has \
	'.event.action=="exit" and .container.pod=="box" and .process.exit_code==5'
host=$(ip -j -4 addr show dev ${RAST_INSTANCE}0 | jq -r '.[0].addr_info[0].local')
inside /bin/busybox nc -w 1 "$host" 9 </dev/null >/dev/null 2>&1
check "a connect is on record with address, port and process" wait_for 10 audit_has \
	".event.action==\"connect\" and .container.pod==\"box\" and .destination.ip==\"$host\" and .destination.port==9 and .network.transport==\"tcp\" and .process.name==\"busybox\""
is "$(audit_count '.process.args[0]? == "rastbpf" or .process.args[0]? == "jq"')" 0 "what the host runs is not on record"
like "$(rastbpf audit tail --container box --type exec)" 'echo two words' "audit tail shows it"

# A controller that does not read: the rings hold it.
pid=$(daemon_pid)
dropped=$(rastbpf -j audit show | jq '.[] | select(.ring=="total") | .dropped')
kill -STOP "$pid"
tap_cleanup 'kill -CONT $pid 2>/dev/null'
inside /bin/sh -c 'i=0; while [ $i -lt 200 ]; do /bin/busybox true flood; i=$((i+1)); done'
kill -CONT "$pid"
check "200 execs while the controller was stopped are 200 records" \
	wait_for 20 audit_count_is '.event.action=="exec" and .process.args==["/bin/busybox","true","flood"]' 200
show=$(rastbpf -j audit show)
is "$(echo "$show" | jq -c '[.[] | select(.attempted != .sent + .dropped)]')" "[]" "sent + dropped = attempted in every ring"
is "$(echo "$show" | jq '.[] | select(.ring=="total") | .dropped')" "$dropped" "and nothing was dropped"

# A dead one: the next reads what was left in the rings.
kill -9 "$pid"
inside /bin/busybox true while-dead
check "a new controller starts" rastbpf daemon start
check "what happened meanwhile is on record once" wait_for 10 audit_count_is \
	'.event.action=="exec" and .process.args==["/bin/busybox","true","while-dead"]' 1
[ $TAP_FAILED = 0 ] || { tail -n 6 "$audit_file"; tail -n 5 $RUN_DIR/rastd.log; } | sed "s/^/# /"
check "every line of the log is JSON with a time and an action" \
	jq -es 'length > 400 and all(.[]; (.["@timestamp"]|length) > 20 and (.event.action|length) > 0)' "$audit_file"
check "rm" rastbpf container rm box
tap_done
