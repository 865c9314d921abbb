#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# traces.sh: what a test may leave behind on this machine, one sorted line a thing. The runner
# compares the lines before and after a test file. Names only: counters and indexes change anyway.
{
	ip -o link show 2>/dev/null | awk -F': ' '{ print "link " $2 }'
	ip netns list 2>/dev/null | awk '{ print "netns " $1 }'
	awk '{ print "mount " $5 }' /proc/self/mountinfo
	awk '$3 == "bpf" { print $2 }' /proc/self/mounts | while read -r m; do
		find "$m" -mindepth 1 -printf 'bpffs pin %p\n' 2>/dev/null
	done
	awk '$3 ~ /^cgroup/ { print $2 }' /proc/self/mounts | while read -r m; do
		find "$m" -mindepth 1 -type d -printf 'cgroup %p\n' 2>/dev/null
	done
	for p in /proc/[0-9]*; do
		read -r comm 2>/dev/null <"$p/comm" || continue
		case $comm in
		rast* | rinit*)
			# Ended, and waiting for an init that is in no hurry.
			grep -q '^State:[[:space:]]*Z' "$p/status" 2>/dev/null && continue
			echo "process ${p#/proc/} $comm"
			;;
		esac
	done
	bpftool prog show 2>/dev/null | awk '/^[0-9]+:/ { print "BPF program " $2 " " $4 }'
} | sort
