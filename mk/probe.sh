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
have() {
	if ${PKG_CONFIG:-pkg-config} --exists "$2" 2>/dev/null; then echo "HAVE_$1 := 1"; else echo "HAVE_$1 := 0"; fi
}
have LIBSYSTEMD libsystemd
have CMOCKA cmocka
have LIBMICROHTTPD libmicrohttpd
have HIREDIS hiredis
