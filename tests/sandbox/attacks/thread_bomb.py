# expect: process_limit
# expect without cgroups: exit | process_limit | timeout
# limits: memory=2G
import threading, time
while True:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
