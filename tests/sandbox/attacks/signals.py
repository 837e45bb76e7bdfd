# expect: ok
import os, signal
from attack import escaped
canary = int(os.environ["CANARY_PID"])
for pid in [canary, -canary, os.getppid(), 1] + list(range(3, 2000)):
    for s in (9, 15, 19):
        try:
            os.kill(pid, s)
        except OSError:
            continue
        if pid != 1:  # init takes none of them
            escaped("signal %d to %d" % (s, pid))
try:
    os.kill(-1, 9)
except OSError:
    pass
for which, who in ((os.PRIO_PROCESS, canary), (os.PRIO_USER, 0)):
    try:
        os.setpriority(which, who, 19)
    except OSError:
        continue
    escaped("priority")
