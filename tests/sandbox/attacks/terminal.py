# expect: ok
import os
from attack import fails, refused
for fd in (0, 1, 2):
    for request in (0x5412, 0x541c, 0x5453, 0x540e, 0x4b33, 0x89a0):  # TIOCSTI, TIOCLINUX, …
        refused("ioctl %x" % request, 16, fd, request, b"x")
for path in ("/dev/tty", "/dev/console", "/dev/tty0", "/dev/pts/0"):
    fails("open " + path, os.open, path, os.O_RDWR)
