#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Formatting, static analysis and the link rules of docs/ARCHITECTURE.md.
rc=0
bad() { echo "lint: $*"; rc=1; }
files=$(git ls-files '*.c' '*.h' | grep -v '^vmlinux.h$')

# shellcheck disable=SC2086
clang-format --dry-run -Werror $files || rc=1

for f in $(git ls-files | grep -Ev '\.(json|jsonl|gz|png|svg|md|txt)$|LICENSE|^\.|corpus/|Makefile$|golden/'); do
	head -n 5 "$f" | grep -q 'SPDX-License-Identifier' || bad "$f: no SPDX line in its first five lines"
done

# Link rules: who may include what.
for f in $files; do
	case $f in
	*_bpf.c | user/loader/* | selftests/*) ;;
	bpf/*) ;;
	*) grep -Eq '#include [<"](bpf/(libbpf|bpf)\.h|.*\.skel\.h)' "$f" && bad "$f: only *_bpf.c and user/loader may include libbpf or skeletons" ;;
	esac
	case $f in
	vector/*) ;;
	*) grep -q '#include [<"]rocksdb/' "$f" && bad "$f: RocksDB is seen only behind vector.h" ;;
	esac
	case $f in
	user/base/*) grep -Eq '#include "(policy|vector|container|oci|network|loader|controller|cli|account|audit|anomaly)/' "$f" &&
		bad "$f: base may include only base" ;;
	esac
	case $f in
	user/container/*) grep -q '#include "oci/' "$f" && bad "$f: the launch library knows nothing of its OCI face" ;;
	esac
	case $f in
	*.bpf.c) ;;
	*_bpf.c | *_cmd.[ch] | *_feature.[ch]) ;;
	policy/* | user/container/* | user/oci/* | user/network/* | user/account/* | user/audit/* | user/anomaly/*)
		grep -Eq '#include "(controller|cli)/' "$f" && bad "$f: a pure half may not include the controller or the CLI" ;;
	esac
done

# shellcheck disable=SC2046
mk/kernel_names.sh $(git ls-files 'bpf/*.bpf.[ch]') || rc=1

if command -v cppcheck >/dev/null; then
	# What cppcheck cannot know: the loops of jansson and libbpf's option macro; that memory marked
	# _cleanup_ is freed by its scope (memleak); GNU's a ?: b (internalAstError); and that the ends of
	# a section are one object to the linker (comparePointers).
	# shellcheck disable=SC2046
	cppcheck --quiet --std=c11 --inline-suppr --error-exitcode=1 --enable=warning,portability \
		--suppress=missingIncludeSystem --suppress=nullPointerArithmeticRedundantCheck \
		--suppress=memleak --suppress=internalAstError --suppress=comparePointers \
		'-Djson_array_foreach(a,i,v)=for(i=0;i<json_array_size(a)&&(v=json_array_get(a,i));i++)' \
		'-Djson_object_foreach(o,k,v)=for(;(k=json_next(o,&v));)' \
		'-Djson_object_foreach_safe(o,n,k,v)=for(;(k=json_next(o,&v));)' \
		'-DLIBBPF_OPTS(t,n,...)=struct t n={0}' \
		-j2 -I. -Iuser -D__x86_64__ -D_GNU_SOURCE $(git ls-files 'user/*.c' 'policy/*.c' 'vector/*.c') || rc=1
else
	echo "lint: SKIP cppcheck: not installed"
fi
exit $rc
