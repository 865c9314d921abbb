#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_headers.sh 'CC FLAGS' 'BPF CC FLAGS': every header compiles alone; the contracts in bpf/
# both for user space and behind vmlinux.h.
rc=0
for h in $(git ls-files 'user/*.h' 'policy/*.h' 'vector/*.h' 'bpf/*.h' 'selftests/*.h'); do
	case $h in
	bpf/lib/*.bpf.h) continue ;;
	esac
	printf '#include "%s"\n' "$h" | $1 -x c -fsyntax-only - || { echo "lint: $h does not compile alone"; rc=1; }
done
for h in $(git ls-files 'bpf/*.h'); do
	printf '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include "%s"\n' "$h" |
		$2 -x c -fsyntax-only -Wno-unused-function - || { echo "lint: $h does not compile behind vmlinux.h"; rc=1; }
done
exit $rc
