# expect: memory
# limits: cpu=3
# No process alone is near the limit.
import os, time
for i in range(8):
    if os.fork() == 0:
        hoard = bytearray(os.urandom(1 << 20) * 20)
        time.sleep(5)
        os._exit(0)
for i in range(8):
    os.wait()
