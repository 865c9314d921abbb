#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# mk/kernel_names.sh: what it accepts and what it refuses.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh
dir=$(mktemp -d)
tap_cleanup 'rm -rf "$dir"'

map() { printf 'struct {\n\t__uint(type, 1);\n} %s%s SEC(".maps");\n' "$1" "$2"; }
prog() { printf 'SEC("%s")\nint %s\n{\n\treturn 0;\n}\n' "$1" "$2"; }
names() { mk/kernel_names.sh "$@" 2>&1; }

{ map endpoint_by_ifindex ''; map endpoint_by_name ' __weak'; prog tc 'packet_in(void *ctx)'; } >"$dir/a.bpf.c"
{ prog tc 'packet_out(void *ctx)'; prog tp_btf/x 'BPF_PROG(packet_exec, int a)'; map packet_in ''; } >"$dir/b.bpf.c"
check "names that differ in their first 15 characters pass, a program may be called as a map" \
	mk/kernel_names.sh "$dir/a.bpf.c" "$dir/b.bpf.c"

map endpoint_by_ifinfo ' __weak' >"$dir/map.bpf.h"
like "$(names "$dir/a.bpf.c" "$dir/map.bpf.h")" \
	'map endpoint_by_ifinfo has the same first 15 characters as endpoint_by_ifindex' \
	"two maps whose names differ only after 15 characters are refused, also in two files"
check_fails "and that is a failure of the check" mk/kernel_names.sh "$dir/a.bpf.c" "$dir/map.bpf.h"

{ prog raw_tp/y 'packet_in_by_interface_4(void *ctx)'; prog raw_tp/z 'BPF_PROG(packet_in_by_interface_6, int a)'; } >"$dir/prog.bpf.c"
like "$(names "$dir/prog.bpf.c")" 'program packet_in_by_interface_6 has the same' \
	"so are two programs, of either form"
like "$(names "$dir/b.bpf.c" "$dir/b.bpf.c")" 'program packet_exec has the same' \
	"the same name in two objects is refused"

printf 'SEC("tc")\n{\n' >"$dir/odd.bpf.c"
check_fails "a program whose name is not understood is not passed over" mk/kernel_names.sh "$dir/odd.bpf.c"
check_fails "no file at all is a failure" mk/kernel_names.sh
tap_done
