#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# as_test.sh SENTENCE COMMAND ARG...: one command as a TAP file of one test.
name=$1
shift
if "$@"; then
	echo "ok 1 - $name"
else
	echo "not ok 1 - $name"
fi
echo 1..1
