# expect: ok
import os
from attack import fails
for path in ("/x", "/usr/x", "/usr/bin/x", "/usr/bin/python3", "/usr/bin/true", "/bin/sh",
             "/etc/passwd", "/etc/ld.so.preload", "/etc/x", "/dev/x", "/lib64/x", "/usr/local/x"):
    fails("open " + path, open, path, "ab")
fails("mkdir", os.mkdir, "/y")
fails("rename", os.rename, "/usr/bin/true", "/usr/bin/t")
fails("unlink", os.unlink, "/etc/passwd")
fails("chmod", os.chmod, "/usr/bin/true", 0o777)
fails("rmdir", os.rmdir, "/work")
fails("rename of /work", os.rename, "/work", "/w")
fails("utime", os.utime, "/usr/bin/true")
fails("truncate", os.truncate, "/usr/bin/true", 0)
