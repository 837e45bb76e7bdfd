# expect: ok
import os
from attack import escaped, fails, refused
os.makedirs("new/old", exist_ok=True)
refused("chroot", 161, b"/work/new")
refused("pivot_root", 155, b"/work/new", b"/work/new/old")
refused("pivot_root . .", 155, b".", b".")
# The way out of a chroot: a directory above the root.
top = os.open("/", os.O_RDONLY)
os.chdir("new")
os.fchdir(top)
for i in range(100):
    os.chdir("..")
if sorted(os.listdir(".")) != sorted(os.listdir("/")):
    escaped("there is something above /")
fails("openat above", os.open, "../../../../root", os.O_RDONLY)
