# expect: memory
# expect without cgroups: exit
# Files in memory that no process maps.
import os
fds = [os.memfd_create("x") for i in range(100)]
for fd in fds:
    os.write(fd, bytes(2 << 20))
