#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Installs the Debian packages that building, running and testing need, and only when one of
# them is missing: the second call costs one dpkg-query. `deps.sh clients` takes the real clients of
# rast-oci and its peers as well (200 MB, and packages that bring services of their own and do not go
# together with Docker's): without them selftests/cli/oci_podman.sh and oci_containerd.sh are skipped.
set -eu
BUILD="gcc make pkg-config clang-19 llvm-19 bpftool libc6-dev libbpf-dev libelf-dev zlib1g-dev \
libcap-dev libseccomp-dev libnl-3-dev libnl-route-3-dev libyaml-dev libjansson-dev libsodium-dev \
librocksdb-dev libsystemd-dev libarchive-dev libmicrohttpd-dev libhiredis-dev"
RUN="libnftables1 libarchive13 iproute2 nftables curl"
TEST="libcmocka-dev qemu-system-x86 cpio zstd kmod busybox-static strace libclang-rt-19-dev \
clang-format cppcheck python3-minimal jq procps util-linux binutils xz-utils lz4 e2fsprogs criu"
CLIENTS="podman conmon crun catatonit containerd runc"
want="$BUILD $RUN $TEST"
[ "${1:-}" != clients ] || want="$want $CLIENTS"
missing=
for p in $want; do
	case $(dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null) in
	ii*) ;;
	*) missing="$missing $p" ;;
	esac
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
	echo "deps: not root; install these packages first:$missing" >&2
	exit 1
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
