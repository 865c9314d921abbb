#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# time-limit: 900
# podman drives rast-oci as it drives runc and crun: nothing of it is changed, the runtime is named by
# --runtime. The core comes first: it is what the guests run (selftests/vm/clients.sh).
. selftests/lib/tap.sh
. selftests/lib/podman.sh

# ---- the core ----
is "$(run --rm localhost/box sh -c 'echo hello; exit 7'; echo $?)" "hello
7" "podman run prints what the container prints and exits as it does"
# shellcheck disable=SC2086
is "$(script -qec "$(echo $P) run --rm $net -it localhost/box sh -c 'tty; exit 5'; echo \$?" /dev/null \
	</dev/null | term | tail -2 | xargs)" "/dev/pts/0 5" \
	"run -it has a terminal and an exit code"
run -d --name one localhost/box sh -c \
	'echo up; trap "echo bye; exit 3" TERM; while :; do sleep 0.1; done' >/dev/null
logged() { p logs one 2>&1 | grep -qx "$1"; }
check "run -d starts it and logs are kept" wait_for $late logged up
is "$(p exec one echo in)" in "exec runs beside it"
p stop one >/dev/null
is "$(p wait one)" 3 "stop lets it end by itself, wait says how"
check "what it said last is in the log" logged bye
is "$(field one '{{.OCIRuntime}}')" "$R" "inspect names the runtime"
check "rm" p rm one
like "$(run --rm --pids-limit 5 localhost/box sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait')" \
	"can't fork" "--pids-limit"
opt "--uidmap maps" "0 0 100000 65536" "--uidmap 0:100000:65536" 'id -u; cat /proc/self/uid_map'
# shellcheck disable=SC2086
p pod create --name core $net --share ipc,uts,net,pid --infra-image localhost/pause >/dev/null
p run -d --pod core --name member localhost/box sleep 1000 >/dev/null
like "$(p exec member ps)" "1 root +(/bin/)?sleep 100000" "a pod's containers share its namespaces"
check "pod rm -f" p pod rm -f -t 0 core
core_done

# ---- run, and what becomes of errors ----
rc=0; out=$(run --rm localhost/box nosuch) || rc=$?
is $rc 127 "a command that is not there is exit code 127"
like "$out" '^Error: [^ ]*rast-oci: command nosuch: No such file' "podman reads why from the JSON log"
rc=0; run --rm localhost/box /etc >/dev/null || rc=$?
is $rc 126 "a command that cannot be executed is exit code 126"
is "$(echo piped | run -i --rm localhost/box cat)" piped "standard input goes in"
is "$(p ps -aq)" "" "--rm leaves no container"

# ---- the life of one ----
run -d --name one localhost/box sh -c \
	'echo up; trap "echo bye; exit 3" TERM; while :; do sleep 0.1; done' >/dev/null
wait_for $late logged up
rc=0; p exec one sh -c 'exit 9' || rc=$?
is $rc 9 "exec hands the exit code on"
rc=0; p exec one nosuch 2>/dev/null || rc=$?
is $rc 127 "exec of a missing command is exit code 127"
rc=0; p exec one /etc 2>/dev/null || rc=$?
is $rc 126 "exec of what cannot be executed is exit code 126"
is "$(echo word | p exec -i one cat)" word "exec -i has standard input"
is "$(script -qec "$(echo $P) exec -it one tty" /dev/null </dev/null | term)" /dev/pts/0 "exec -it has a terminal"
is "$(p exec -u 1:2 -w /tmp -e Z=1 one sh -c 'echo $(id -u):$(id -g) $PWD $Z')" "1:2 /tmp 1" \
	"exec takes user, folder and environment"
p exec -d one touch /tmp/detached >/dev/null
check "exec -d runs on its own" wait_for $late p exec one test -e /tmp/detached
like "$(p top one pid comm)" '^1 +sh' "top shows its processes by their numbers inside"
unlike "$(p stats --no-stream --format '{{.MemUsage}}' one 2>&1)" '^0B|level=' "stats knows its memory"
p pause one >/dev/null
is "$(field one '{{.State.Status}}')" paused "pause"
rc=0; p exec one true 2>/dev/null || rc=$?
check "a paused container takes no exec" test $rc -ne 0
p unpause one >/dev/null
is "$(field one '{{.State.Status}}')" running "unpause"
p restart -t 0 one >/dev/null
is "$(field one '{{.State.Status}}')" running "restart"
check "update changes a limit of what runs" p update --cpus 0.5 one
p kill one >/dev/null
is "$(p wait one)" 137 "kill"
is "$(p events --stream=false --filter container=one --filter event=pause --format "{{.Status}}")" pause "events knows what happened"
p rm one >/dev/null
# shellcheck disable=SC2086
p create $net --name two localhost/box sh -c 'echo out; exit 4' >/dev/null
check "init creates without starting" p init two
is "$(field two '{{.State.Status}}')" initialized "and podman knows it"
rc=0; out=$(p start -a two) || rc=$?
is "$out $rc" "out 4" "start -a attaches and hands the exit code on"
p rm two >/dev/null

# ---- what the options of run become ----
# Who --userns=auto takes ids from is written down for the node: ours for this test.
echo "containers:2000000:600000" >"$tmp/subid"
for f in /etc/subuid /etc/subgid; do
	[ -e $f ] || { : >$f && tap_cleanup "rm -f $f"; }
	mount --bind "$tmp/subid" $f
done
opt "--userns auto takes a range" "0 0 2000000 1024" "--userns auto" 'id -u; cat /proc/self/uid_map'
opt "--user and --group-add" "1000 1000 5" "--user 1000:1000 --group-add 5" \
	'id -u; grep Groups /proc/self/status | { read a b c; echo $c $b; }'
opt "--hostname, -w and -e" "hh /tmp b" "--hostname hh -w /tmp -e A=b" 'hostname; pwd; echo $A'
opt "--read-only with a writable /tmp" "ro rw" --read-only \
	'touch /x 2>/dev/null || echo ro; touch /tmp/x && echo rw'
opt "--cap-drop all" "CapEff: 0000000000000000 CapBnd: 0000000000000000" "--cap-drop all" \
	'grep -E "CapEff|CapBnd" /proc/self/status'
opt "podman's own seccomp profile is in force" "Seccomp: 2" "" 'grep Seccomp: /proc/self/status'
opt "--security-opt seccomp=unconfined" "Seccomp: 0" "--security-opt seccomp=unconfined" \
	'grep Seccomp: /proc/self/status'
cat >"$tmp/seccomp.json" <<-X
	{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"],
	 "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
X
like "$(run --rm --security-opt "seccomp=$tmp/seccomp.json" localhost/box mkdir /a)" "No space left" \
	"--security-opt seccomp=FILE"
opt "--security-opt no-new-privileges" "NoNewPrivs: 1" "--security-opt no-new-privileges" \
	'grep NoNewPrivs /proc/self/status'
opt "--device gives a node and leave to use it" "1" "--device /dev/zero:/dev/zz" 'head -c 1 /dev/zz | wc -c'
opt "a device that was not given stays shut" "shut" "" \
	'mknod /tmp/d b 7 0 && head -c 1 /tmp/d 2>/dev/null || echo shut'
opt "--tmpfs with a size" "1024" "--tmpfs /foo:size=1m" "df /foo | { read x; read a b c; echo \$b; }"
mkdir "$tmp/vol" && echo data >"$tmp/vol/f"
opt "-v read-only" "data shut" "-v $tmp/vol:/vol:ro" 'cat /vol/f; touch /vol/g 2>/dev/null || echo shut'
run --rm -v "$tmp/vol:/vol" localhost/box touch /vol/h
check "-v read-write" test -e "$tmp/vol/h"
chown 0:0 "$tmp/vol/f"
opt "-v with idmap shows the owners as they are" "0:0" "--uidmap 0:100000:65536 -v $tmp/vol:/vol:idmap" 'stat -c %u:%g /vol/f'
is "$(stat -c %u "$tmp/vol/f")" 0 "and leaves them so"
opt "-v with U changes the owners" "0:0" "--uidmap 0:100000:65536 -v $tmp/vol:/vol:U" 'stat -c %u:%g /vol/f'
is "$(stat -c %u "$tmp/vol/f")" 100000 "to the container's"
chown -R 0:0 "$tmp/vol"
opt "--security-opt mask" 0 "--security-opt mask=/etc/passwd" 'wc -c </etc/passwd'
opt "--security-opt unmask" "1 0" "--security-opt unmask=/proc/sys" \
	'grep -c " /proc/fs " /proc/self/mountinfo; grep -c " /proc/sys " /proc/self/mountinfo'
opt "--privileged may mount" "yes" --privileged 'mkdir /m; mount -t tmpfs x /m && echo yes'
opt "--oom-score-adj" 500 "--oom-score-adj 500" 'cat /proc/self/oom_score_adj'
opt "--sysctl" 1 "--sysctl net.ipv4.ip_forward=1" 'cat /proc/sys/net/ipv4/ip_forward'
opt "--ulimit" "100 200" "--ulimit nofile=100:200 --ulimit nproc=100:100" 'ulimit -n; ulimit -Hn'
opt "--shm-size" 1024 "--shm-size 1m" "df /dev/shm | { read x; read a b c; echo \$b; }"
opt "--cgroups disabled leaves it in the caller's" "none" "--cgroups disabled --cgroup-parent=" \
	"grep -q libpod-[0-9a-f] /proc/self/cgroup || echo none"
if command -v catatonit >/dev/null; then
	opt "--init" podman-init --init 'cat /proc/1/comm'
else
	skip "--init" catatonit
fi
# shellcheck disable=SC2086
is "$(p run --rm $net --rootfs "$tmp/img" echo fromdir)" fromdir "--rootfs"
run --name oom --memory 16m localhost/box dd if=/dev/zero of=/dev/null bs=64M count=1 >/dev/null
is "$(field oom '{{.State.ExitCode}}')" 137 "--memory kills what wants more"
p rm oom >/dev/null
mkdir "$tmp/hooks"
cat >"$tmp/hook" <<-X
	#!/bin/sh
	cat >"$tmp/hook.\$1"
X
chmod +x "$tmp/hook"
for h in createRuntime createContainer poststart poststop; do
	cat >"$tmp/hooks/$h.json" <<-X
		{"version": "1.0.0", "hook": {"path": "$tmp/hook", "args": ["hook", "$h"]}, "when": {"always": true},
		 "stages": ["$h"]}
	X
done
timeout 30 $P --hooks-dir "$tmp/hooks" run --rm $net localhost/box true
for h in createRuntime poststart poststop; do
	check "--hooks-dir: $h is run with the state" jq -e '.id and .bundle and .status' "$tmp/hook.$h"
done

# ---- several together ----
run -d --name base localhost/box sleep 1000 >/dev/null
p exec base touch /made
like "$(p diff base)" '^A /made$' "diff knows what a container has changed"
p commit -q base localhost/committed >/dev/null
is "$(run --rm localhost/committed ls /made)" /made "commit makes an image of it"
like "$(p run --rm --pid container:base --ipc container:base --network container:base localhost/box ps)" \
	"1 root +sleep 1000" "--pid container: joins another's namespaces"
run -d --name healthy --health-cmd 'test -e /tmp/ok' --health-interval disable localhost/box sleep 1000 >/dev/null
check_fails "a health check that fails is unhealthy" p healthcheck run healthy
p exec healthy touch /tmp/ok
check "and one that succeeds is healthy" p healthcheck run healthy
p cp "$tmp/vol/f" healthy:/tmp/copied
is "$(p exec healthy cat /tmp/copied)" data "cp into a running container"
run -d --name often --restart on-failure:2 localhost/box sh -c 'exit 3' >/dev/null
again() { [ "$(field often '{{.RestartCount}}')" = 2 ]; }
check "--restart starts what failed again" wait_for $late again
check "rm -f of what runs" p rm -af -t 0
# shellcheck disable=SC2086
p pod create --name pod $net --share ipc,uts,net,pid --infra-image localhost/pause >/dev/null
p run -d --pod pod --name member localhost/box sleep 1000 >/dev/null
is "$(p pod inspect pod | jq -r .State)" Running "pod inspect"
check "pod pause and unpause" sh -c "$(echo $P) pod pause pod && $(echo $P) pod unpause pod"
check "pod stop and start" sh -c "$(echo $P) pod stop -t 1 pod && $(echo $P) pod start pod"
p pod rm -f -t 0 pod >/dev/null
cat >"$tmp/kube.yaml" <<-X
	apiVersion: v1
	kind: Pod
	metadata: {name: kube}
	spec:
	  containers:
	  - name: web
	    image: localhost/box:latest
	    imagePullPolicy: Never
	    command: [sh, -c, "echo up; exec sleep 1000"]
	    resources: {limits: {memory: 32Mi, cpu: 500m}}
	    securityContext: {readOnlyRootFilesystem: true, runAsUser: 1000}
X
check "kube play" p kube play --network none "$tmp/kube.yaml"
is "$(p exec kube-web id -u)" 1000 "its container runs as the file says"
check "kube down" p kube down "$tmp/kube.yaml"
p pod rm -af -t 0 >/dev/null 2>&1

# ---- checkpoints, where criu works; CRIU=PATH takes another one ----
: "${CRIU:=criu}"
if "$CRIU" check >/dev/null 2>&1; then
	# shellcheck disable=SC2086
	pc() { timeout 60 $P --runtime-flag "criu=$CRIU" container "$@"; }
	counted() { p logs "$1" 2>&1 | tail -n 1; }
	above() { [ "$(counted "$1")" -gt "$2" ]; }
	run -d --name count localhost/box sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done' >/dev/null
	wait_for 5 above count 3
	check "container checkpoint" pc checkpoint count
	at=$(counted count)
	is "$(field count '{{.State.Running}}')" false "it does not run then"
	check "container restore" pc restore count
	check "it counts on" wait_for 20 above count "$((at + 1))"
	check "container checkpoint --export, and it runs on" pc checkpoint --leave-running --export "$tmp/c.tar.gz" count
	at=$(counted count)
	p rm -f -t 0 count >/dev/null
	check "container restore --import under another name" pc restore --import "$tmp/c.tar.gz" --name again
	check "which counts on" wait_for 20 above again "$at"
	p rm -f -t 0 again >/dev/null
else
	skip "checkpoints" "criu does not work here"
fi

is "$("$R" list -q)" "" "no state is left"
check "no cgroup is left" wait_for $late groups_gone
is "$(findmnt -rno TARGET | grep -c "$tmp/.*/merged")" 0 "no mount is left"
tap_done
