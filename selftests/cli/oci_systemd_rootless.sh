#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The systemd cgroup driver by a user who is not root: a scope of his own systemd, which runs as a unit of the
# system's as user@.service would.
. selftests/lib/tap.sh
. selftests/lib/systemd.sh
systemd_box jq busybox setpriv
tmp=$(mktemp -d)
uid=1717
run=/run/user/$uid
mkdir -p $run "$tmp/b/rootfs/bin"
cp "$(command -v busybox)" "$tmp/b/rootfs/bin/busybox"
for a in sh id cat sleep grep; do ln -sf busybox "$tmp/b/rootfs/bin/$a"; done
chown -R $uid:$uid "$tmp" $run
cp "$O/bin/rast-oci" "$O/bin/rast-oci-systemd" "$tmp"
chmod 755 "$tmp" "$tmp"/rast-oci*
cd "$tmp/b" || exit 1
as() { setpriv --reuid $uid --regid $uid --clear-groups env -i PATH="$PATH" XDG_RUNTIME_DIR=$run "$@"; }
oci() { as "$tmp/rast-oci" --systemd-cgroup "$@"; }
as unshare -U true 2>/dev/null || skip_all "user namespaces for ordinary users"
echo "tester:x:$uid:$uid::/:/bin/sh" >>/etc/passwd
echo "tester:x:$uid:" >>/etc/group

# What comes first has no systemd to ask.
oci spec --rootless
jq '.process.terminal = false | .process.args = ["sleep", "1000"] | .linux.cgroupsPath = ":pre:one"' config.json >c && mv c config.json
out=$(oci create one 2>&1 </dev/null)
like "$? $out" "^1 rast-oci: systemd: no way to the user's bus" "without a systemd of the user's that is said"
is "$(ls -A $run/rast-oci)" "" "and nothing is left"

systemd-run -q --unit=manager.service -p User=$uid -p Delegate=yes -p DefaultDependencies=no -p Type=notify -p NotifyAccess=all \
	-p Environment=XDG_RUNTIME_DIR=$run /lib/systemd/systemd --user --log-target=null
check "a user's systemd runs" wait_for 20 as busctl --user status
detached() { oci create one </dev/null >/dev/null 2>"$tmp/err"; }
check "create" detached
cat "$tmp/err"
u=pre-one.scope
is "$(as systemctl --user is-active $u)" active "the scope is one of the user's systemd"
is "$(as systemctl --user show --value -p Slice $u)" user.slice "in his user.slice"
pid=$(oci state one | jq .pid)
like "$(grep ^0:: "/proc/$pid/cgroup")" "^0::/system.slice/manager.service/user.slice/$u\$" "below his own cgroup"
is "$(jq -r '"\(.systemd_user) \(.systemd_scope)"' $run/rast-oci/one/state.json)" "true $u" "the state says whose it is"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	check "update" as "$tmp/rast-oci" update --pids-limit 30 one
	is "$(as systemctl --user show --value -p TasksMax $u) $(cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")/pids.max")" \
		"30 30" "is known to it and in force"
else
	skip "update" "controllers on cgroup v2"
fi
check "start" oci start one
is "$(oci exec one id -u)" 0 "exec"
check "delete without the option" as "$tmp/rast-oci" delete -f one
no_unit() { ! as systemctl --user list-units --all --plain --no-legend "$1" | grep -q .; }
check "leaves no unit" wait_for 5 no_unit $u
# As podman without root: root of a user namespace whose ids somebody else has mapped.
inner()
{
	rm -f "$tmp/pid"
	# shellcheck disable=SC2016
	as unshare -U -m sh -c 'echo $$ >"$0/pid"
		while [ -z "$(cat /proc/self/uid_map)" ]; do sleep 0.05; done
		exec "$0/rast-oci" --root "$XDG_RUNTIME_DIR/two" --systemd-cgroup "$@"' "$tmp" "$@" \
		</dev/null >"$tmp/err" 2>&1 &
	wait_for 5 test -s "$tmp/pid"
	echo "0 $uid 1" >"/proc/$(cat "$tmp/pid")/gid_map"
	echo "0 $uid 1" >"/proc/$(cat "$tmp/pid")/uid_map"
	wait $!
}
jq 'del(.linux.cgroupsPath) | .linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0' config.json >c && mv c config.json
check "root of a user namespace asks the user's systemd" inner create two
cat "$tmp/err"
is "$(as systemctl --user is-active rast-oci-two.scope)" active "and has his scope"
check "and lets go of it" inner delete -f two
systemctl stop manager.service
tap_done
