# SPDX-License-Identifier: BSD-2-Clause
# console.py SOCKET [LINE]: a console socket. Says whether what came is a terminal, types LINE into it, and prints
# what it reads from it until its end, without carriage returns.
import array, os, socket, sys

s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
c, _ = s.accept()
data, anc, _, _ = c.recvmsg(256, socket.CMSG_SPACE(4))
fd = array.array("i", anc[0][2])[0]
print("tty", os.isatty(fd), data.decode(), flush=True)
if len(sys.argv) > 2:
    os.write(fd, sys.argv[2].encode() + b"\n")
while True:
    try:
        d = os.read(fd, 4096)
    except OSError:
        break
    if not d:
        break
    sys.stdout.write(d.decode().replace("\r", ""))
    sys.stdout.flush()
