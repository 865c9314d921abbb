#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kernel.sh 6.1|6.12 [--update]: Debian's kernel of that series, unpacked below $O/vm/kernels and
# never installed. Prints the folder: vmlinux (an ELF file for PVH boot), lib/modules
# and version.
# What is in the folder is used as it is, however old; --update fetches apt's candidate.
#
# The cloud flavour: BTF, every cgroup controller and network module we need, half the size.
set -eu
series=${1:-}
update=${2:-}
case $series in
6.1) meta=linux-image-cloud-amd64 ;;
6.12) meta=linux-image-6.12-cloud-amd64 ;;
*) echo "usage: kernel.sh 6.1|6.12 [--update]" >&2 && exit 2 ;;
esac
: "${O:?absolute path of the build folder}"
dir=$O/vm/kernels/$series
mkdir -p "$O/vm/kernels"
exec 9>"$O/vm/kernels/$series.lock"
flock 9
if [ -e "$dir/version" ] && [ "$update" != --update ]; then
	echo "$dir"
	exit 0
fi

new=$(mktemp -d "$dir.XXXXXX")
trap 'rm -rf "$new"' EXIT
die() {
	echo "kernel.sh: $*" >&2
	exit 1
}

# apt's sandbox user may not write below a folder of root's; downloading as root is what it does then.
fetch() {
	package=$(apt-cache depends "$meta" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
	[ -n "$package" ] && (cd "$new" && apt-get -qq -o APT::Sandbox::User=root download "$package" >"$new/apt.log" 2>&1)
}
# Package lists older than the mirror name files that are gone.
if ! fetch; then
	apt-get -qq update >"$new/apt.log" 2>&1 || true
	fetch || die "cannot download ${package:-what $meta depends on}: $(tail -n 1 "$new/apt.log")"
fi
dpkg-deb -x "$new"/linux-image-*.deb "$new/root"
rm -f "$new"/*.deb "$new/apt.log"
image=$(echo "$new"/root/boot/vmlinuz-*)

# Documentation/arch/x86/boot.rst: the payload's place is in the setup header, counted from the end
# of the setup sectors.
number() {
	od -An -t "u$2" -j "$1" -N "$2" "$image" | tr -d ' '
}
[ "$(number 514 4)" = 1400005704 ] || die "$image is no bzImage" # "HdrS"
sectors=$(number 497 1)
start=$(((sectors + 1) * 512 + $(number 584 4)))
length=$(number 588 4)
tail -c +$((start + 1)) "$image" | head -c "$length" >"$new/payload"
case $(od -An -t x1 -N 6 "$new/payload" | tr -d ' ') in
1f8b*) unpack="gzip -dc" ;;
fd377a585a00*) unpack="xz -dc" ;;
28b52ffd*) unpack="zstd -dcq" ;;
02214c18*) unpack="lz4 -dcq" ;;
425a68*) unpack="bzip2 -dc" ;;
5d0000*) unpack="xz --format=lzma -dc" ;;
*) die "$image is compressed in an unknown way" ;;
esac
command -v "${unpack%% *}" >/dev/null || die "$image needs ${unpack%% *}, which is not installed"
# The build appends the unpacked size to every format but gzip.
case $unpack in
gzip*) ;;
*) truncate -s $((length - 4)) "$new/payload" ;;
esac
$unpack <"$new/payload" >"$new/vmlinux" || die "cannot unpack $image"
[ "$(head -c 4 "$new/vmlinux" | od -An -c | tr -d ' ')" = '177ELF' ] || die "$image holds no ELF file"
readelf -n "$new/vmlinux" 2>/dev/null | grep -q 'Xen' || die "$image has no PVH entry"
readelf -SW "$new/vmlinux" | grep -q ' \.BTF ' || die "$image has no BTF"

version=${image##*/vmlinuz-}
mkdir -p "$new/lib"
mv "$new"/root/lib/modules "$new/lib" 2>/dev/null || mv "$new"/root/usr/lib/modules "$new/lib"
PATH=$PATH:/usr/sbin:/sbin depmod -b "$new" "$version"
mv "$new"/root/boot/config-* "$new/config"
rm -rf "$new/root" "$new/payload"
echo "$version" >"$new/version"
rm -rf "$dir"
mv "$new" "$dir"
trap - EXIT
echo "$dir"
