# expect: ok
# Process 1 has the same user: whoever breaks it makes a failure of the infrastructure out of his own.
import ctypes, os, signal
from attack import call, escaped
low = (ctypes.c_uint64 * 2)(0, 0)
for which in range(16):
    for pid in (1, 1 | 1 << 32):
        if call(302, pid, which, low, 0) >= 0:
            escaped("limit %d of process 1" % which)
for s in range(1, 65):
    try:
        os.kill(1, s)
    except OSError:
        pass
for s in range(1, 65):
    try:
        signal.signal(s, signal.SIG_IGN)
        os.kill(-1, s)
    except (OSError, ValueError):
        pass
try:
    os.sched_setaffinity(1, {0})
except OSError:
    pass
