# expect: ok
# Which files a command changed is told by their times, so every use has to leave one.
import os
from attack import escaped, fails, refused
with open("x", "w") as file:
    file.write("x" * 10000)
NOATIME = os.O_NOATIME
fails("open", os.open, "x", os.O_RDWR | NOATIME)
refused("open", 2, b"x", os.O_RDWR | NOATIME)
refused("openat", 257, -100, b"x", os.O_RDWR | NOATIME)
refused("openat, upper half", 257, -100, b"x", os.O_RDWR | NOATIME | 1 << 32)
refused("openat2", 437, -100, b"x", (os.O_RDWR | NOATIME).to_bytes(24, "little"), 24)
fd = os.open("x", os.O_RDWR)
for command in (4, 4 | 1 << 32):  # F_SETFL
    refused("fcntl", 72, fd, command, os.O_RDWR | NOATIME)
for mode in (3, 16, 17, 3 | 1 << 32):  # PUNCH_HOLE, ZERO_RANGE
    refused("fallocate", 285, fd, mode, 0, 100)
os.posix_fallocate(fd, 0, 20000)
before = os.stat(fd)
os.utime("x", ns=(before.st_atime_ns, before.st_mtime_ns))
if os.stat(fd).st_ctime_ns < before.st_ctime_ns:
    escaped("a change time was set back")
