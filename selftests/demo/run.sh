#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# make run: builds the images of the shop example, then walks through it (shop.sh) here or, with
# RAST_VM=1, inside a QEMU guest with pure cgroup v2. O is the absolute build folder.
set -eu
HERE=$(cd "$(dirname "$0")/../.." && pwd)
cd "$HERE"
export PATH="$O/bin:$PATH" RAST_INSTANCE=${RAST_INSTANCE:-shopdemo}
[ "$(id -u)" = 0 ] || { echo "make run: needs root: it makes containers" >&2; exit 1; }
echo "== Images from Debian packages"
rastbpf image build -f docs/examples/shop/images.yaml -I "$O/examples"
if [ "${RAST_VM:-0}" = 1 ]; then
	exec selftests/vm/run-in-vm.sh "${RAST_VM_KERNEL:-6.12}" \
		--add "$HERE/selftests/demo:/rast/selftests/demo" --add "$HERE/docs/examples:/rast/docs/examples" \
		--disk "/var/lib/$RAST_INSTANCE/images:/var/lib/$RAST_INSTANCE/images" \
		-- bash /rast/selftests/demo/shop.sh
fi
missing=
for c in cpu memory pids; do
	grep -qw "$c" /sys/fs/cgroup/cgroup.controllers 2>/dev/null || missing="$missing $c"
done
[ -z "$missing" ] || echo "note: hybrid cgroups: no cgroup v2 controller for$missing; limits go through cgroup v1 where it has them"
exec selftests/demo/shop.sh
