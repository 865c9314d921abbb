#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The example bundle, by the very lines of docs/oci.md.
. selftests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "root"
command -v busybox >/dev/null || skip_all "busybox (busybox-static)"
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp"'

sed -n '/^## Try it/,/^## From/p' docs/oci.md | sed -n '/^```sh$/,/^```$/{/^```/!p}' >"$tmp/lines"
is "$(grep -c 'rast-oci run' "$tmp/lines")" 1 "the document has the lines"
# Its own state folder and name: nothing else is changed.
sed -i "s,rast-oci run,rast-oci --root $tmp/state run,; s,hello\$,hello-$$,; s,oci/hello-$$,oci/hello,; s,mktemp -d,mktemp -d -p $tmp," "$tmp/lines"
out=$(PATH=$PWD/$O/bin:$O/bin:$PATH timeout 60 bash -e "$tmp/lines" 2>&1)
is "$?" 0 "they run"
is "$out" "hello from hello, process 1, uid 1000
capabilities: 0000000000000000, no new privileges: 1
the root is read-only
/tmp can be written to
/scratch cannot, by Landlock" "the container is confined as config.json says"
is "$(ls "$tmp" | tr '\n' ' ')" "lines state " "and no bundle is left"
tap_done
