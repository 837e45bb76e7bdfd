# expect: ok
import os, stat
from attack import fails, refused
for kind, device in ((stat.S_IFBLK, os.makedev(8, 0)), (stat.S_IFCHR, os.makedev(1, 1)),
                     (stat.S_IFBLK, os.makedev(253, 0)), (stat.S_IFCHR, os.makedev(10, 229))):
    fails("mknod", os.mknod, "node", kind | 0o666, device)
for path in ("/dev/null", "/dev/zero", "/dev/urandom"):
    fails("times of " + path, os.utime, path)
    fails("mode of " + path, os.chmod, path, 0o600)
open("/dev/null", "w").write("x")
