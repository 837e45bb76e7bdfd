# expect: ok
import os
from attack import refused
os.makedirs("m", exist_ok=True)
for kind in (b"proc", b"sysfs", b"tmpfs", b"cgroup", b"cgroup2", b"devpts", b"overlay", b"mqueue"):
    refused("mount", 165, kind, b"/work/m", kind, 0, 0)
    refused("fsopen", 430, kind, 0)
refused("bind", 165, b"/", b"/work/m", 0, 0x1000, 0)
refused("remount", 165, b"/usr", b"/usr", 0, 0x1020, 0)
refused("umount2", 166, b"/work", 2)
refused("umount2 /usr/local", 166, b"/usr/local", 2)
refused("open_tree", 428, -100 & 0xffffffff, b"/", 1)
refused("move_mount", 429, 0, b"", 0, b"/work/m", 4)
refused("mount_setattr", 442, -100 & 0xffffffff, b"/usr", 0, bytes(32), 32)
