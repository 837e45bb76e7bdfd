# expect: output_limit
# limits: cpu=5
import os
if os.fork() == 0:
    os.setsid()
while True:
    os.write(2, b"flood" * 1000)
