# expect: process_limit
# expect without cgroups: process_limit | exit
# Each child makes itself the leader of a session on a terminal of its own.
import os, pty, time
for i in range(100):
    pid, fd = pty.fork() if i < 8 else (os.fork(), -1)
    if pid == 0:
        time.sleep(5)
        os._exit(0)
