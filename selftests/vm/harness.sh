#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The guest harness itself, with made-up guest tests: it must see a crash, a hang, a leak, and a
# kernel that complains, and name the test that was running.
. selftests/lib/tap.sh
command -v qemu-system-x86_64 >/dev/null || skip_all "qemu-system-x86_64"
tmp=$(mktemp -d)
tap_cleanup 'rm -rf "$tmp"'

made() {
	mkdir -p "$tmp/$1"
	cat >"$tmp/$1/$2.sh"
	chmod +x "$tmp/$1/$2.sh"
}

made crash 1good <<'END'
#!/bin/sh
echo "ok 1 - fine"
echo 1..1
END
made crash 2leak <<'END'
#!/bin/sh
ip link add left0 type veth peer name left1
echo "ok 1 - fine"
echo 1..1
END
made crash 3bad <<'END'
#!/bin/sh
echo "not ok 1 - two and two is five"
echo 1..1
exit 1
END
made crash 4crash <<'END'
#!/bin/sh
echo "ok 1 - still alive"
echo c >/proc/sysrq-trigger
END
out=$(RAST_ONLY='' RAST_VM_TESTS=$tmp/crash RAST_VM_LOG=$tmp/log selftests/vm/check.sh 6.1 2>&1)
is $? 1 "a run with failures exits with 1"
like "$out" '^ok [0-9]+ - vm/1good: fine$' "a test's result carries its name"
like "$out" '^not ok [0-9]+ - vm/2leak: leaves nothing behind$' "what a test leaves in the guest is a failure of that test"
like "$out" 'new: link left0' "what was left is named"
like "$out" '^not ok [0-9]+ - vm/3bad: two and two is five$' "a failed test comes through"
like "$out" '^not ok [0-9]+ - vm/4crash: the guest ended while this test ran$' "a crash names the test that was running"
like "$out" "^not ok [0-9]+ - the kernel's log holds no warning" "a kernel that complains is a failure"
like "$out" 'sysrq triggered crash' "the kernel's log is shown"

made hang hang <<'END'
#!/bin/sh
echo "ok 1 - still alive"
sleep 1000
END
out=$(RAST_ONLY='' RAST_VM_TESTS=$tmp/hang RAST_VM_LOG=$tmp/log RAST_TIME_LIMIT=900 RAST_VM_TIMEOUT=20 selftests/vm/check.sh 6.1 2>&1)
is $? 1 "a run that hangs exits with 1"
like "$out" '^not ok [0-9]+ - vm/hang: the guest was ended, out of time, while this test ran$' "a hang names the test that was running"
tap_done
