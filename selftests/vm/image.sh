#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# image.sh KERNEL_DIR OUT [--programs] [--add SRC:DST]...: the root of a guest as two uncompressed cpio
# archives, one behind the other, which is how the kernel likes them. The first is kept in
# KERNEL_DIR: the host's tools (tools.txt) with their libraries, and modules (modules.txt). The
# second is made each time: init and the project under /rast: build/ (bin, tests, bpf), selftests/,
# docs/examples/, policy/examples/; with --programs only bin of build/, which is much smaller.
set -eu
cd "$(dirname "$0")/../.."
: "${O:?absolute path of the build folder}"
kernel=$1 out=$2
shift 2
adds=() parts="bin tests bpf"
while [ $# -gt 0 ]; do
	case $1 in
	--add) adds+=("$2") && shift 2 ;;
	--programs) parts=bin && shift ;;
	*) echo "image.sh: what is \"$1\"?" >&2 && exit 2 ;;
	esac
done
PATH=$PATH:/usr/sbin:/sbin
version=$(<"$kernel/version")
root=$(mktemp -d "$O/vm/root.XXXXXX")
trap 'rm -rf "$root"' EXIT

pack() { # DIR OUT
	(cd "$1" && find . -print0 | cpio -0 -o -H newc --quiet -R 0:0) >"$2.$$"
	mv "$2.$$" "$2"
}

# Every library of these programs, each once, where the guest's loader looks for it. A static
# program has none.
put_libraries() { # ROOT PROGRAM...
	local to=$1/usr/lib/x86_64-linux-gnu libs
	shift
	mapfile -t libs < <(ldd "$@" 2>/dev/null |
		sed -n 's/.* => \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) (.*/\1/p' | sed 's|^/lib|/usr/lib|' | sort -u)
	mkdir -p "$to"
	[ "${#libs[@]}" = 0 ] || cp -L -t "$to" "${libs[@]}"
}

# Modules, unpacked, with the lists of what init loads at once and when there is a disk.
put_modules() { # ROOT
	local from=$kernel/lib/modules/$version to=$1/usr/lib/modules/$version class rest name line m
	mkdir -p "$to"
	while read -r class rest; do
		case $class in
		boot | disk) ;;
		*) rest="$class $rest" class= ;;
		esac
		for name in $rest; do
			line=$(grep -E -m 1 "/$name\.ko(\.xz)?:" "$from/modules.dep") || continue # built in
			# modules.dep names what a module needs, the deepest last.
			for m in $(printf '%s\n' ${line#*:} | tac) "${line%%:*}"; do
				if [ ! -e "$to/${m%.xz}" ]; then
					mkdir -p "$to/${m%/*}"
					case $m in
					*.xz) xz -dc "$from/$m" >"$to/${m%.xz}" ;;
					*) cp "$from/$m" "$to/$m" ;;
					esac
				fi
				[ -n "$class" ] && echo "/lib/modules/$version/${m%.xz}" >>"$1/rast/modules.$class"
			done
		done
	done < <(sed 's/#.*//' selftests/vm/modules.txt)
	cp "$from"/modules.{builtin,builtin.modinfo,order} "$to" 2>/dev/null || true
	depmod -b "$1" "$version"
}

make_base() { # ROOT
	local tool path programs=()
	mkdir -p "$1"/{newroot,proc,sys,dev,run,root,tmp,mnt,etc/iproute2,var/lib,var/log,var/tmp,usr/bin,usr/sbin,usr/lib64,rast}
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$1"
	ln -s ../run "$1/var/run"
	printf '%s\n' root:x:0:0:root:/root:/bin/bash daemon:x:1:1:daemon:/:/usr/sbin/nologin \
		www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin \
		nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin >"$1/etc/passwd"
	printf '%s\n' root:x:0: daemon:x:1: tty:x:5: www-data:x:33: nogroup:x:65534: >"$1/etc/group"
	echo '127.0.0.1 localhost rast-guest' >"$1/etc/hosts"
	printf '%s: files\n' passwd group hosts services protocols >"$1/etc/nsswitch.conf"
	cp -t "$1/etc" /etc/protocols /etc/services 2>/dev/null || true
	cp -t "$1/etc/iproute2" /etc/iproute2/* 2>/dev/null || true

	# Links, not hard links: the kernel unpacks the second archive over the first in place, and a
	# program that replaces one applet would replace them all.
	cp "$(type -P busybox)" "$1/usr/bin/busybox"
	for tool in $(busybox --list); do
		ln -s busybox "$1/usr/bin/$tool" 2>/dev/null || true
	done
	for tool in $(sed 's/#.*//' selftests/vm/tools.txt); do
		path=$(type -P "$tool") && programs+=("$path")
	done
	cp -L --remove-destination -t "$1/usr/bin" "${programs[@]}"
	ln -sf dash "$1/usr/bin/sh"
	ln -sf mawk "$1/usr/bin/awk"
	# The kernel, and some scripts, call these by their whole path.
	ln -sf ../bin/kmod "$1/usr/sbin/modprobe"
	for tool in ip tc bridge nft bpftool mke2fs; do
		ln -sf "../bin/$tool" "$1/usr/sbin/$tool"
	done
	put_libraries "$1" "${programs[@]}"
	cp -L /lib64/ld-linux-x86-64.so.2 "$1/usr/lib64"
	put_modules "$1"
}

# Kept as long as nothing of what it is made from has changed.
key=$(cat selftests/vm/{image.sh,tools.txt,modules.txt} "$kernel/version" | sha256sum)
key+=$(stat -c %Y /var/lib/dpkg/status 2>/dev/null || true)
if [ "$(cat "$kernel/base.key" 2>/dev/null)" != "$key" ]; then
	mkdir "$root/base"
	chmod 755 "$root/base"
	make_base "$root/base"
	pack "$root/base" "$kernel/base.cpio"
	echo "$key" >"$kernel/base.key"
fi

top=$root/top
mkdir -p "$top"/{usr,rast/build,rast/docs,rast/policy}
chmod 755 "$top"
programs=()
cp "$O/vm/init" "$top/init"
for d in $parts; do
	[ -d "$O/$d" ] && cp -a "$O/$d" "$top/rast/build/$d"
done
find "$top/rast/build" -name '*.d' -delete
cp -a selftests "$top/rast/selftests"
rm -rf "$top/rast/selftests/fuzz"
for d in docs policy; do
	[ -d $d/examples ] && cp -a $d/examples "$top/rast/$d"
done
for f in "$top"/rast/build/bin/* "$top"/rast/build/tests/*; do
	[ -f "$f" ] && [ -x "$f" ] && programs+=("$f")
done
for add in "${adds[@]}"; do
	src=${add%%:*} dst=${add#*:}
	# A path below / that is a link there is written as what it links to.
	case $dst in
	/bin/* | /sbin/* | /lib/* | /lib64/*) dst=/usr$dst ;;
	esac
	if [ -d "$src" ]; then # onto what may be there already
		mkdir -p "$top$dst"
		cp -a "$src/." "$top$dst"
		continue
	fi
	mkdir -p "$top$(dirname "$dst")"
	cp -a "$src" "$top$dst"
	[ -f "$src" ] && [ -x "$src" ] && programs+=("$src")
done
[ "${#programs[@]}" = 0 ] || put_libraries "$top" "${programs[@]}"
pack "$top" "$root/top.cpio"
cat "$kernel/base.cpio" "$root/top.cpio" >"$out"
