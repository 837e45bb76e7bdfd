# expect: memory
# limits: cpu=3
# Shared pages are nobody's private memory.
import mmap, os, time
for i in range(8):
    if os.fork() == 0:
        shared = mmap.mmap(-1, 20 << 20)
        shared.write(b"x" * (20 << 20))
        time.sleep(5)
        os._exit(0)
for i in range(8):
    os.wait()
