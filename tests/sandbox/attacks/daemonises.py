# expect: ok
import os, signal, time
for i in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        for s in (1, 2, 3, 13, 15):
            signal.signal(s, signal.SIG_IGN)
        time.sleep(1)
        while True:
            print("ESCAPED: the daemon lives", flush=True)
            time.sleep(0.01)
os.wait()
