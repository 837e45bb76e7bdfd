# expect: ok
import os
from attack import call, escaped, refused
for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80):
    refused("unshare", 272, flag)
    refused("setns", 308, 0, flag)
    pid = call(56, flag | 17, 0, 0, 0, 0) if flag != 0x80 else -1
    if pid == 0:
        os._exit(0)
    if pid > 0:
        escaped("clone with %x" % flag)
refused("clone3", 435, bytes(88), 88)
