# expect: ok
import glob
from attack import escaped, fails
for path in ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/cgroup.procs",
             "/sys/fs/cgroup/rdma/release_agent", "/sys/kernel/uevent_helper",
             "/sys/kernel/mm/transparent_hugepage/enabled", "/proc/sysrq-trigger",
             "/proc/sys/kernel/modprobe"):
    fails("write " + path, open, path, "w")
if glob.glob("/sys*"):
    escaped("/sys")
