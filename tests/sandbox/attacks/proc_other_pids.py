# expect: ok
# No process but its own: of the machine and of the sandbox beside this one there is nothing.
import os
from attack import escaped, fails
pids = {int(name) for name in os.listdir("/proc") if name.isdigit()}
own = {1, os.getpid()}
if pids != own:
    escaped("sees processes %r beside %r" % (pids, own))
for pid in range(1, 70000, 1 if os.environ.get("ALL") else 7):
    if pid not in own and os.path.exists("/proc/%d" % pid):
        escaped("finds process %d" % pid)
canary = int(os.environ["CANARY_PID"])
if canary not in own:
    fails("canary", os.stat, "/proc/%d" % canary)
for line in open("/proc/self/status"):
    if line.startswith("NSpid") and line.split() != ["NSpid:", str(os.getpid())]:
        escaped(line)
if os.path.exists("/proc/sched_debug") and open("/proc/sched_debug").read():
    escaped("sched_debug")
