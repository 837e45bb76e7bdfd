# expect: ok
import os
from attack import escaped, fails
folder = os.environ["CANARY_FOLDER"]
paths = [folder, folder + "/secret", "/root", "/home", "/etc/shadow", "/etc/hostname", "/etc/ssh",
         "/var", "/run", "/boot", "/mnt", "/opt", "/srv", "/proc/1/root/etc/shadow",
         "/proc/self/root/root", "/proc/1/cwd/..", "/sys", "/sys/fs/cgroup",
         "/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/fuse", "/dev/vda", "/dev/sda",
         "/dev/fd/0/..", "/work/../../root", "/usr/local/bin", "/usr/local/lib"]
for path in paths:
    if os.path.lexists(path):
        escaped("sees " + path)
for name in os.environ:
    if name not in ("PATH", "HOME", "LANG", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE",
                    "CANARY_FOLDER", "CANARY_SOCKET", "CANARY_PID", "CANARY_PORT"):
        escaped("environment variable " + name)
if os.uname().nodename != "sandbox":
    escaped("host name")
