# expect: ok
import fcntl, os
from attack import escaped, fails
for fd in range(3, 1024):
    try:
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    except OSError:
        continue
    escaped("inherited descriptor %d" % fd)
fails("fchdir", os.fchdir, 0)
