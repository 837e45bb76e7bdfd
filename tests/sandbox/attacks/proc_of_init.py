# expect: ok
# Process 1 is ours, of the same user.
import os
from attack import escaped, fails, refused
for name in ("environ", "mem", "maps", "auxv", "io", "syscall", "stack", "pagemap", "clear_refs"):
    fails("read " + name, lambda path: open(path, "rb").read(1)[0], "/proc/1/" + name)
def write(path):
    with open(path, "wb", 0) as file:
        file.write(b"1")
for name in ("mem", "oom_score_adj", "comm", "timerslack_ns", "coredump_filter", "uid_map",
             "setgroups", "attr/current", "clear_refs"):
    fails("write " + name, write, "/proc/1/" + name)
for name in ("root", "cwd", "exe", "ns/user", "ns/mnt", "fd/0", "fd/3"):
    fails("follow " + name, os.stat, "/proc/1/" + name)
    fails("link " + name, os.readlink, "/proc/1/" + name)
for name in ("fd", "fdinfo", "map_files"):
    fails("list " + name, os.listdir, "/proc/1/" + name)
fails("task", os.readlink, "/proc/1/task/1/root")
refused("setns", 308, os.open("/proc/self/ns/mnt", os.O_RDONLY), 0)
