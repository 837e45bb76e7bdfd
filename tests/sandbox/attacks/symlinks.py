# expect: ok
import os
from attack import fails
for i, target in enumerate(("/etc/shadow", "/proc/self/root/etc/shadow", "/proc/1/cwd",
                            "../../../../etc/shadow", os.environ["CANARY_FOLDER"] + "/secret")):
    os.symlink(target, "link%d" % i)
    fails(target, open, "link%d" % i)
    fails("write " + target, open, "link%d" % i, "w") if target[0] == "/" else None
os.symlink("loop", "loop")
fails("loop", open, "loop")
