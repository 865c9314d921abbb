#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The systemd cgroup driver against a systemd that runs for this test alone: what the unit is, what it
# limits, and what is left of it.
. selftests/lib/tap.sh
. selftests/lib/systemd.sh
systemd_box jq busybox
. selftests/lib/oci.sh

cat /proc/self/cgroup; systemctl is-system-running
id=one
config '.linux.cgroupsPath = "my-own.slice:pre:one"' sleep 1000
leaving --systemd-cgroup run -b "$tmp" -d one
systemctl status pre-one.scope --no-pager
oci delete -f one
systemctl status pre-one.scope --no-pager
tap_done
