#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Prints make assignments: which compiler flags work and which optional libraries are here.
set -u
CC=${CC:-gcc}
flag() {
	if echo 'int main(void){return 0;}' | $CC -Werror "$1" -x c -o /dev/null - 2>/dev/null; then
		echo "HARDEN += $1"
	fi
}
flag -fstack-protector-strong
flag -fstack-clash-protection
flag -fcf-protection=full
flag -ftrivial-auto-var-init=zero
# Whether an executable can be static and still be loaded anywhere.
if [ "$(echo 'int main(void){return 0;}' | $CC -static-pie -fPIE -Wl,--no-warnings -x c -o /dev/null - 2>&1)" = "" ]; then
	echo "HAVE_STATIC_PIE := 1"
fi
# Relocations in a hundredth of the space, where the C library's start code knows them.
t=$(mktemp)
if echo 'static int x, *p = &x; int main(void){return p != &x;}' | $CC -static-pie -fPIE \
	-Wl,-z,pack-relative-relocs -x c -o "$t" - 2>/dev/null && "$t"; then
	echo "RELR := -Wl,-z,pack-relative-relocs"
fi
# A linker that takes a script as an addition to its own.
if echo 'int main(void){return 0;}' | $CC -static-pie -fPIE -Wl,-T,mk/oci_order.ld -x c -o "$t" - 2>/dev/null &&
	"$t"; then
	echo "OCI_ORDER := -Wl,-T,mk/oci_order.ld"
fi
rm -f "$t"
have() {
	if ${PKG_CONFIG:-pkg-config} --exists "$2" 2>/dev/null; then echo "HAVE_$1 := 1"; else echo "HAVE_$1 := 0"; fi
}
# Which libraries have an archive: those are linked statically (mk/rules.mk says why).
for l in yaml jansson sodium seccomp cap nl-3 nl-route-3 bpf elf z; do
	case $($CC -print-file-name="lib$l.a") in
	/*) echo "ARCHIVES += $l" ;;
	esac
done
have LIBSYSTEMD libsystemd
have CMOCKA cmocka
have LIBMICROHTTPD libmicrohttpd
have HIREDIS hiredis
