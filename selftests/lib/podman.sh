# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
# podman with rast-oci as its runtime, for shell tests. Source it after tap.sh: it runs the script again in
# namespaces of its own (mounts, network, processes), with podman's folders on file systems that end with
# them; what is left to clean are cgroups.
#
#	p ARG...                    podman with everything of its own
#	run ARG...                  podman run without a network, in the test's cgroup; output and errors together
#	$net                        these options of run and create
#	field CONTAINER FORMAT      of inspect
#	opt SENTENCE WANT "OPTIONS" SCRIPT
#	term                        cleans what script(1) caught
#	$late                       seconds to wait for what should be there soon
#	core_done                   in a guest, where every call takes seconds, ends the test unless RAST_SLOW=1
# The images: localhost/box, with busybox, and localhost/pause for a pod's infra container.
if [ -z "${TOCI_OWN:-}" ]; then
	[ "$(id -u)" = 0 ] || skip_all "root"
	for need in podman conmon busybox jq script unshare; do
		command -v $need >/dev/null || skip_all "$need"
	done
	[ -e /usr/share/containers/seccomp.json ] || skip_all "podman's seccomp profile"
	trap - EXIT INT TERM HUP
	TOCI_OWN=$$ exec unshare -m -n -p --fork --kill-child --mount-proc bash "$0"
fi
id=toci-podman-$TOCI_OWN
R=$O/bin/rast-oci
tmp=$(mktemp -d)
cd_back=$PWD
had_libpod=$(find /sys/fs/cgroup -maxdepth 3 -name libpod_parent | head -1)

groups_gone()
{
	find /sys/fs/cgroup -maxdepth 3 -type d -name "$id" | while read -r g; do
		find "$g" -depth -type d -exec rmdir {} + 2>/dev/null
	done
	# kube play names no parent: what podman's own leaves is ours when it was not there before.
	[ -n "$had_libpod" ] || find /sys/fs/cgroup -maxdepth 3 -type d -name libpod_parent |
		while read -r g; do find "$g" -depth -type d -exec rmdir {} + 2>/dev/null; done
	[ -z "$(find /sys/fs/cgroup -maxdepth 3 -type d -name "$id")" ]
}
cleanup()
{
	cd "$cd_back" || :
	p pod rm -af -t 0 >/dev/null 2>&1
	p rm -af -t 0 >/dev/null 2>&1
	wait_for $late groups_gone
	umount -l "$tmp"
	rmdir "$tmp"
}
mount -t tmpfs podman "$tmp"
tap_cleanup cleanup
mount -t tmpfs run /run
mount -t tmpfs lib /var/lib
ip link set lo up
cd "$tmp" || exit 1 # conmon leaves a file where it is called

# Limits that are not above the caller's; the names of runtimes that podman asks for JSON and for nothing
# of cgroups (its own list knows crun's and runc's only); no systemd for health checks.
cat >"$tmp/containers.conf" <<-X
	[containers]
	default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
	[engine]
	runtime_supports_json = ["rast-oci"]
	runtime_supports_nocgroup = ["rast-oci"]
	infra_image = "localhost/pause"
X
export CONTAINERS_CONF="$tmp/containers.conf" TMPDIR="$tmp"
P="podman --root $tmp/root --runroot $tmp/run --tmpdir $tmp/tmp --runtime $R --cgroup-manager cgroupfs
	--storage-driver vfs --events-backend file"
guest() { [ "${RAST_TEST_NAME:-}" = guest ]; }
core_done() { if guest && [ -z "${RAST_SLOW:-}" ]; then tap_done; fi; }
limit=60 late=10
guest && limit=130 late=30
# shellcheck disable=SC2086
p() { timeout $limit $P "$@"; }
# run/create with what every container here gets
net="--network none --cgroup-parent /$id"
# shellcheck disable=SC2086
run() { p run $net "$@" 2>&1; }
opt()
{
	# shellcheck disable=SC2086
	is "$(run --rm $3 localhost/box sh -c "$4" | xargs)" "$2" "$1"
}
field() { p inspect --format "$2" "$1"; }

# What script(1) caught, without what the terminal adds, and without complaints that the window of a
# process that has ended already cannot be resized.
term() { tr -d '\r\0\004' | sed 's/^^@//; s/^^D//; /resize/d'; }

mkdir -p "$tmp/img/bin" "$tmp/img/tmp" "$tmp/img/etc"
cp "$(command -v busybox)" "$tmp/img/bin/busybox"
for a in sh cat ls id echo sleep grep dd touch mkdir mount df head ps hostname tty true test mknod stty env wc stat; do
	ln -s busybox "$tmp/img/bin/$a"
done
echo 'root:x:0:0::/:/bin/sh' >"$tmp/img/etc/passwd"
echo 'root:x:0:' >"$tmp/img/etc/group"
tar -C "$tmp/img" -cf "$tmp/img.tar" .
check "podman imports an image" p import -q "$tmp/img.tar" localhost/box
p import -q --change 'ENTRYPOINT ["/bin/sleep","100000"]' "$tmp/img.tar" localhost/pause >/dev/null
