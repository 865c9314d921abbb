#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# image.sh KERNEL_DIR OUT.cpio [--disks] [--add SRC:DST]...: the root of a guest as an uncompressed
# cpio: our init, the host's tools (tools.txt) with their libraries, modules (modules.txt), and the
# project under /rast: build/ (bin, tests, bpf), selftests/, docs/examples/. The job comes apart
# (run-in-vm.sh): the kernel takes several archives one after the other.
set -eu
cd "$(dirname "$0")/../.."
: "${O:?absolute path of the build folder}"
kernel=$1 out=$2
shift 2
want=boot adds=()
while [ $# -gt 0 ]; do
	case $1 in
	--disks) want='boot|disk' && shift ;;
	--add) adds+=("$2") && shift 2 ;;
	*) echo "image.sh: what is \"$1\"?" >&2 && exit 2 ;;
	esac
done
PATH=$PATH:/usr/sbin:/sbin
root=$(mktemp -d "$O/vm/root.XXXXXX")
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

mkdir -p "$root"/{newroot,proc,sys,dev,run,root,tmp,mnt,etc,var/lib,var/log,usr/bin,usr/sbin,usr/lib64,usr/lib/x86_64-linux-gnu,rast/build}
ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root"
ln -s ../run "$root/var/run"
cp "$O/vm/init" "$root/init"
echo 'root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'root:x:0:
daemon:x:1:
tty:x:5:
www-data:x:33:
nogroup:x:65534:' >"$root/etc/group"
echo '127.0.0.1 localhost rast-guest' >"$root/etc/hosts"
printf 'passwd: files\ngroup: files\nhosts: files\n' >"$root/etc/nsswitch.conf"
cp /etc/protocols /etc/services "$root/etc" 2>/dev/null || true
mkdir -p "$root/etc/iproute2"
cp /etc/iproute2/* "$root/etc/iproute2" 2>/dev/null || true

# Applets as hard links: the archive then holds busybox once.
cp "$(command -v busybox)" "$root/usr/bin/busybox"
"$root/usr/bin/busybox" --install "$root/usr/bin" 2>/dev/null
programs=()
for tool in $(sed 's/#.*//' selftests/vm/tools.txt); do
	path=$(type -P "$tool") && programs+=("$path")
done
cp -L --remove-destination -t "$root/usr/bin" "${programs[@]}"
ln -sf dash "$root/usr/bin/sh"
ln -sf mawk "$root/usr/bin/awk"
# The kernel calls it by this path.
ln -sf ../bin/kmod "$root/usr/sbin/modprobe"
for tool in ip tc bpftool nft; do
	ln -sf "../bin/$tool" "$root/usr/sbin/$tool"
done

# The project.
for d in bin tests bpf; do
	[ -d "$O/$d" ] && cp -a "$O/$d" "$root/rast/build/$d"
done
find "$root/rast/build" -name '*.d' -delete
mkdir -p "$root/rast/docs"
cp -a selftests "$root/rast/selftests"
rm -rf "$root/rast/selftests/fuzz"
[ -d docs/examples ] && cp -a docs/examples "$root/rast/docs"
[ -d policy/examples ] && mkdir -p "$root/rast/policy" && cp -a policy/examples "$root/rast/policy"
for f in "$O"/bin/* "$O"/tests/*; do
	[ -f "$f" ] && [ -x "$f" ] && programs+=("$f")
done
for add in "${adds[@]}"; do
	src=${add%%:*} dst=${add#*:}
	mkdir -p "$root/$(dirname "$dst")"
	cp -a "$src" "$root/$dst"
	[ -f "$src" ] && [ -x "$src" ] && programs+=("$src")
done

# Libraries, each once. ldd runs the loader only; a static program has none.
mapfile -t libs < <(ldd "${programs[@]}" 2>/dev/null |
	sed -n 's/.* => \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) (.*/\1/p' | xargs realpath -s | sed 's|^/lib/|/usr/lib/|' | sort -u)
cp -L -t "$root/usr/lib/x86_64-linux-gnu" "${libs[@]}"
mv "$root"/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$root/usr/lib64/"

# Modules, unpacked, at the place where kmod looks.
version=$(cat "$kernel/version")
to=$root/usr/lib/modules/$version
from=$kernel/lib/modules/$version
mkdir -p "$to"
: >"$root/rast/modules"
put_module() { # PATH: as modules.dep has it
	local name=${1%.xz}
	[ -e "$to/$name" ] && return
	mkdir -p "$to/$(dirname "$name")"
	case $1 in
	*.xz) xz -dc "$from/$1" >"$to/$name" ;;
	*) cp "$from/$1" "$to/$name" ;;
	esac
}
sed 's/#.*//' selftests/vm/modules.txt | while read -r class rest; do
	case $class in
	boot | disk) names=$rest ;;
	*) names="$class $rest" ;;
	esac
	for name in $names; do
		line=$(grep -E "/$name\.ko(\.xz)?:" "$from/modules.dep") || continue # built in
		module=${line%%:*}
		# modules.dep names what a module needs, the deepest last.
		for m in $(printf '%s\n' ${line#*:} | tac) "$module"; do
			put_module "$m"
			[[ $class =~ ^($want)$ ]] || continue
			grep -qxF "/lib/modules/$version/${m%.xz}" "$root/rast/modules" ||
				echo "/lib/modules/$version/${m%.xz}" >>"$root/rast/modules"
		done
	done
done
cp "$from"/modules.{builtin,builtin.modinfo,order} "$to" 2>/dev/null || true
depmod -b "$root" "$version"
rm -f "$to"/modules.{symbols,symbols.bin,order}

(cd "$root" && find . -print0 | cpio -0 -o -H newc --quiet -R 0:0) >"$out.tmp"
mv "$out.tmp" "$out"
