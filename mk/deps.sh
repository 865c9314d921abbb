#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Installs the Debian packages that building, running and testing need, and only when one of them is missing.
# `deps.sh clients` takes the real clients of rast-oci and its peers as well (50 MB to fetch, 200 MB on disk; they
# bring services of their own); `deps.sh check`, which `make check` calls, tries to, and what is missing then are
# skipped tests. Where Docker's containerd is, Debian's stays away: apt would remove one.
set -eu
BUILD="gcc make pkg-config clang-19 llvm-19 bpftool libc6-dev libbpf-dev libelf-dev zlib1g-dev \
libcap-dev libseccomp-dev libnl-3-dev libnl-route-3-dev libyaml-dev libjansson-dev libsodium-dev \
librocksdb-dev libsystemd-dev libarchive-dev libmicrohttpd-dev libhiredis-dev"
RUN="libnftables1 libarchive13 iproute2 nftables curl"
TEST="libcmocka-dev qemu-system-x86 cpio zstd kmod busybox-static strace libclang-rt-19-dev \
clang-format cppcheck python3-minimal jq procps util-linux binutils xz-utils lz4 e2fsprogs criu"
CLIENTS="podman conmon crun catatonit containernetworking-plugins iptables uidmap"

installed()
{
	case $(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null) in
	ii*) ;;
	*) return 1 ;;
	esac
}

# missing PACKAGE...: those that are not installed
missing()
{
	for p in "$@"; do
		installed "$p" || echo "$p"
	done
}

# get PACKAGE...
get()
{
	[ $# != 0 ] || return 0
	if [ "$(id -u)" != 0 ]; then
		echo "deps: not root; install these packages first: $*" >&2
		return 1
	fi
	echo "deps: installing $*"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

installed containerd.io || CLIENTS="$CLIENTS containerd runc"
# shellcheck disable=SC2046,SC2086
case ${1:-} in
clients) get $(missing $BUILD $RUN $TEST $CLIENTS) ;;
check)
	get $(missing $BUILD $RUN $TEST)
	get $(missing $CLIENTS) || echo "deps: tests of these clients will be skipped" >&2
	;;
*) get $(missing $BUILD $RUN $TEST) ;;
esac
