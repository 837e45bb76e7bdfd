# expect: ok
import resource
from attack import escaped
for name in ("NPROC", "NOFILE", "FSIZE", "CPU", "MEMLOCK", "CORE", "SIGPENDING"):
    which = getattr(resource, "RLIMIT_" + name, 11)
    for pid in (0, 1):
        try:
            soft, hard = resource.prlimit(pid, which)
            resource.prlimit(pid, which, (hard + 1, hard + 1))
        except (OSError, ValueError):
            continue
        escaped(name)
# A core limit of 0 would start the machine's handler of crashes.
import ctypes
from attack import call
zero = (ctypes.c_uint64 * 2)()
for number in (4, 4 | 1 << 32):
    if call(160, number, zero) == 0 or call(302, 0, number, zero, 0) == 0:
        escaped("RLIMIT_CORE lowered")
