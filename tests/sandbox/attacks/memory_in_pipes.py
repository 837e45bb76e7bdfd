# expect: ok | exit | memory
# limits: cpu=3
import fcntl, os
held = 0
try:
    for i in range(120):
        r, w = os.pipe()
        os.set_blocking(w, False)
        try:
            fcntl.fcntl(w, 1031, 1 << 20)  # F_SETPIPE_SZ
        except OSError:
            pass
        try:
            while True:
                held += os.write(w, bytes(65536))
        except BlockingIOError:
            pass
except OSError:
    pass
