#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# process.terminal: in the foreground, through a console socket, and /dev/console.
. selftests/lib/tap.sh
. selftests/lib/oci.sh
command -v python3 >/dev/null || skip_all "python3"

# A program on a terminal of ours: its output, with carriage returns taken out.
cat >"$tmp/ontty.py" <<'EOF'
import os, pty, sys, fcntl, termios, struct
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
out = b""
while True:
    try:
        d = os.read(fd, 4096)
    except OSError:
        break
    if not d:
        break
    out += d
_, st = os.waitpid(pid, 0)
sys.stdout.write(out.decode().replace("\r", ""))
sys.exit(os.waitstatus_to_exitcode(st))
EOF
term='.process.terminal = true'
on_tty() { timeout 30 python3 "$tmp/ontty.py" "$R" --root "$tmp/state" "$@" </dev/null 2>&1; }
fore()
{
	config "$term | $1"
	on_tty run -b "$tmp" "$id"
}
is "$(fore 'sh("tty")')" /dev/pts/0 "in the foreground the process has a terminal of its own devpts"
is "$(fore 'sh("test -t 0 && test -t 1 && test -t 2 && echo all")')" all "standard input, output and error are it"
is "$(fore 'sh("echo by console >/dev/console")')" "by console" "/dev/console is that terminal"
is "$(fore 'sh("stat -c %t /dev/console; stat -c %t:%T /dev/pts/0 | cut -d: -f1")' | sort -u)" 88 "and is of its kind"
is "$(fore 'sh("echo hi >/dev/tty")')" hi "it is the controlling terminal"
# In the foreground the size is the caller's terminal's.
sed -i 's/^out = b""$/fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))\nout = b""/' "$tmp/ontty.py"
is "$(fore 'sh("sleep 0.2; busybox stty size")')" "33 101" "it has the size of the caller's terminal"
is "$(fore '.process.user = {uid: 5, gid: 5} | sh("stat -c %u /dev/pts/0")')" 5 "it belongs to the user of the process"
is "$(fore 'sh("exit 9")'; echo $?)" 9 "the exit status comes through"
[ -e "$tmp/rootfs/dev/console" ] && nok "nothing is made in the image for it" || ok "nothing is made in the image for it"
config "$term" true
check_fails "create with a terminal and no console socket is an error" create
check "and leaves nothing" gone

python3 selftests/lib/console.py "$tmp/sock" >"$tmp/got" 2>&1 &
wait_for 5 test -S "$tmp/sock"
config "$term | sh(\"tty; echo x >/dev/console\")"
check "create hands the terminal to the console socket" create --console-socket "$tmp/sock"
like "$(cat "$tmp/got")" '^tty True ' "what is handed over is a terminal"
oci start "$id"
wait_for 5 stopped
wait_for 5 grep -q '^x' "$tmp/got" && ok "and what the process writes arrives there" || nok "and what the process writes arrives there" "$(cat "$tmp/got")"
oci delete "$id"
config "$term" true
check_fails "a console socket that is not there is an error" create --console-socket "$tmp/none"
check "and leaves nothing" gone
config . true
check_fails "a console socket without a terminal is an error" create --console-socket "$tmp/none"

begin . sleep 60
is "$(on_tty exec -t "$id" tty)" /dev/pts/0 "exec -t has a terminal of the container's"
is "$(on_tty exec -t "$id" sh -c 'exit 4'; echo $?)" 4 "and its exit status"
rm -f "$tmp/sock"
python3 selftests/lib/console.py "$tmp/sock" >"$tmp/got" 2>&1 &
wait_for 5 test -S "$tmp/sock"
leaving exec -d -t --console-socket "$tmp/sock" "$id" sh -c 'echo from exec; sleep 0.2'
wait_for 5 grep -q 'from exec' "$tmp/got" && ok "exec -d -t hands it to the console socket" || nok "exec -d -t hands it to the console socket" "$(cat "$tmp/got")"
oci delete -f "$id"

# ---- CVE-2025-52565: /dev/console of the image ----
echo safe >"$tmp/canary"
nodev='.mounts |= map(select(.destination != "/dev")) | .linux.maskedPaths = []'
for what in link dir file; do
	rm -rf "$tmp/rootfs/dev/console"
	case $what in
	link) ln -s "$tmp/canary" "$tmp/rootfs/dev/console" ;;
	dir) mkdir "$tmp/rootfs/dev/console" ;;
	file) echo mine >"$tmp/rootfs/dev/console" ;;
	esac
	out=$(fore "$nodev | sh(\"echo wrote >/dev/console\")")
	rc=$?
	case $what in
	file) is "$out" wrote "CVE-2025-52565: a file as /dev/console is mounted over" ;;
	*) [ $rc -ne 0 ] && ok "CVE-2025-52565: a $what as /dev/console is refused" || nok "CVE-2025-52565: a $what as /dev/console is refused" "$out" ;;
	esac
done
is "$(cat "$tmp/canary")" safe "CVE-2025-52565: no file of the node is written"
tap_done
