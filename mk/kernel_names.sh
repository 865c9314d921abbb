#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# kernel_names.sh FILE...: the kernel keeps 15 characters of a program's or map's name, and that is
# all that bpftool shows. Those of one kind must differ over all files, or nobody can tell them apart.
# A map that several objects share is declared once, in bpf/lib.
[ $# -gt 0 ] || { echo "lint: kernel_names.sh: no files"; exit 1; }
awk '
function bad(text) { print "lint: " FILENAME ":" FNR ": " text; rc = 1 }
function name_is(kind, name,    key)
{
	key = kind " " substr(name, 1, 15)
	if (key in seen)
		bad(kind " " name " has the same first 15 characters as " seen[key])
	seen[key] = name " (" FILENAME ")"
}
FNR == 1 { section = 0 }
/SEC\("license"\)/ { next }
/SEC\("\.maps"\)/ {
	if (match($0, /^\} *[A-Za-z_0-9]+/)) {
		name = substr($0, RSTART + 1, RLENGTH - 1)
		gsub(/ /, "", name)
		name_is("map", name)
	} else
		bad("a map whose name is not on the line of its section")
	next
}
/^SEC\("/ { section = 1; sub(/^SEC\("[^"]*"\) */, "") }
# The function: int NAME(ctx), or int BPF_PROG(NAME, arguments).
section && match($0, /[A-Za-z_0-9]+ *\(/) {
	name = substr($0, RSTART, RLENGTH)
	if (name ~ /^BPF_[A-Z]+/ && match($0, /\([A-Za-z_0-9]+/))
		name = substr($0, RSTART + 1, RLENGTH - 1)
	gsub(/[ (]/, "", name)
	name_is("program", name)
	section = 0
}
section && /\{/ { bad("a section whose program has no name that is understood"); section = 0 }
END { exit rc }
' "$@"
