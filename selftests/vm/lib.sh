# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
# What the guests' tests of the real rastbpf share. Source it after tap.sh, with RAST_INSTANCE set.
# Under TCG one run of rastbpf takes a second or more: ask once, look at the answer often.
LIB_DIR=/var/lib/$RAST_INSTANCE RUN_DIR=/run/$RAST_INSTANCE CGROUP=/sys/fs/cgroup/$RAST_INSTANCE

# A root file system of one busybox, whose shell finds its applets without links.
busybox_root()
{
	mkdir -p "$1/bin" "$1/tmp" "$1/etc" "$1/www"
	cp /usr/bin/busybox "$1/bin/busybox"
	ln -s busybox "$1/bin/sh"
	ln -s busybox "$1/bin/sleep"
	echo pong >"$1/www/ping"
}

# The image "box" of that, as `rastbpf image build` would leave it.
busybox_image()
{
	mkdir -p "$LIB_DIR/images/box"
	busybox_root "$LIB_DIR/images/box/rootfs"
	echo '{"name":"box","digest":"","packages":[],"config":{"command":["/bin/sh"],"env":["PATH=/bin"]}}' \
		>"$LIB_DIR/images/box/image.json"
}

# Whatever the test did: nothing of its instance stays. The controller ends by its pid.
instance_cleanup()
{
	rastbpf down --all --now
	rastbpf daemon stop
	rastbpf gc --all
	rm -rf "$LIB_DIR" "$RUN_DIR"
}
tap_cleanup 'instance_cleanup >/dev/null 2>&1'

daemon_pid() { rastbpf -j daemon status | jq -r .pid; }
box_json() { rastbpf -j container show "$1"; }
status_is() { [ "$(box_json "$1" | jq -r .status)" = "$2" ]; }
# Records are JSON lines; the filter sees one at a time.
audit_file=$LIB_DIR/audit/audit.jsonl
audit_has() { jq -es "any(.[]; $1)" "$audit_file"; }
audit_count() { jq -s "[.[] | select($1)] | length" "$audit_file"; }
audit_count_is() { [ "$(audit_count "$1")" = "$2" ]; }
