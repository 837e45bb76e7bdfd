# expect: process_limit
# limits: cpu=0.2
# Parents die at once, so that every process is an orphan, in a session of its own.
import os
while True:
    try:
        if os.fork():
            os._exit(1) if os.getpid() != 2 else None
        os.setsid()
    except OSError:
        pass
