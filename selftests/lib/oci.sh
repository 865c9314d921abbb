# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
# A bundle of one busybox for shell tests of rast-oci, on top of tap.sh; state below $tmp. Source it
# after tap.sh.
#
#	oci ARG...                  rast-oci with the test's own --root
#	config JQ ARG...            $tmp/config.json: the default one as JQ changes it, for command ARG...
#	run [OPTION]...             runs it in the foreground as $id; output and errors together
#	inside JQ ARG...            config and run
#	create [OPTION]...          `create` of it
#	begin JQ ARG...             config and `run -d`
#	leaving ARG...              as oci, for any command that leaves a process behind
#	status                      of $id, or "none"
#	gone                        succeeds when nothing of $id is left
#	oci_times MANY FEW          how often to try: FEW in a guest, where a start takes a second
# In JQ: sh("TEXT") is process.args that run TEXT by a shell; ns("type") and ns("type"; "path") put a
# namespace in the place of one of that type; nons("type") takes it away; mnt({…}) adds a mount.
[ "$(id -u)" = 0 ] || skip_all "root"
oci_box=$(command -v busybox) || skip_all "busybox (busybox-static)"
command -v jq >/dev/null || skip_all "jq"
unshare -mpf true 2>/dev/null || skip_all "mount and pid namespaces"
R=$O/bin/rast-oci
tmp=$(mktemp -d)
# A root file system wants its device nodes to work: a guest's /tmp is nodev.
if findmnt -rno OPTIONS -T "$tmp" | grep -qw nodev; then
	rmdir "$tmp"
	tmp=$(mktemp -d -p /var/tmp)
fi
id=toci-$$
tap_cleanup 'rm -rf "$tmp"'
tap_cleanup 'for oci_id in $(oci list -q 2>/dev/null); do oci delete -f "$oci_id" >/dev/null 2>&1; done'

oci_times() { [ "${RAST_TEST_NAME:-}" = guest ] && echo "$2" || echo "$1"; }
oci() { "$R" --root "$tmp/state" "$@"; }
# For what leaves a process behind, which would keep a pipe of ours open: output by way of a file.
leaving()
{
	timeout 30 "$R" --root "$tmp/state" "$@" </dev/null >"$tmp/out" 2>&1
	oci_rc=$?
	cat "$tmp/out"
	return $oci_rc
}
create() { leaving create -b "$tmp" "$@" "$id"; }

# make_rootfs DIR
make_rootfs()
{
	mkdir -p "$1/bin" "$1/tmp" "$1/etc" "$1/proc" "$1/sys" "$1/dev" "$1/mnt"
	chmod 1777 "$1/tmp"
	cp "$oci_box" "$1/bin/busybox"
	for a in sh cat ls ps id grep stat sleep touch mkdir mknod mount umount hostname true false chroot \
		dd sed head tail tr ip echo readlink test kill wc env awk date ln rm cp sort tty chmod find mkfifo pwd uname; do
		ln -sf busybox "$1/bin/$a"
	done
}
make_rootfs "$tmp/rootfs"
(cd "$tmp" && "$R" spec && mv config.json plain.json)

oci_jq='def sh(t): .process.args = ["/bin/sh", "-c", t];
def nons(t): .linux.namespaces |= map(select(.type != t));
def ns(t): nons(t) | .linux.namespaces += [{type: t}];
def ns(t; p): nons(t) | .linux.namespaces += [{type: t, path: p}];
def mnt(m): .mounts += [m];
def caps(l): .process.capabilities = {bounding: l, effective: l, permitted: l};
'
config()
{
	oci_filter=$1
	shift
	jq --arg tmp "$tmp" "$oci_jq"'.process.terminal = false | .root.readonly = false |
		(if ($ARGS.positional | length) > 0 then .process.args = $ARGS.positional else . end) |
		'"$oci_filter" --args -- "$@" <"$tmp/plain.json" >"$tmp/config.json"
}
# shellcheck disable=SC2120 # the tests pass them
run() { timeout 30 "$R" --root "$tmp/state" run -b "$tmp" "$@" "$id" </dev/null 2>&1; }
inside()
{
	config "$@"
	run
}
begin()
{
	config "$@"
	leaving run -b "$tmp" -d "$id"
}
status() { oci state "$id" 2>/dev/null | jq -r .status | grep . || echo none; }
status_is() { [ "$(status)" = "$1" ]; }
stopped() { status_is stopped; }
gone()
{
	[ ! -e "$tmp/state/$id" ] && ! find /sys/fs/cgroup -maxdepth 3 -name "rast-oci-$id" | grep -q .
}
