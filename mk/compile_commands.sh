#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# compile_commands.sh 'CC FLAGS' FILE...: a compilation database for editors and clang-tidy.
cc=$1; shift
dir=$(pwd)
esc=$(printf '%s' "$cc" | sed 's/\\/\\\\/g; s/"/\\"/g')
sep='['
for f in "$@"; do
	printf '%s\n{"directory":"%s","file":"%s","command":"%s -c %s"}' "$sep" "$dir" "$f" "$esc" "$f"
	sep=,
done
printf '\n]\n'
