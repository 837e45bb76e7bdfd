# expect: process_limit
# limits: cpu=0.2
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
