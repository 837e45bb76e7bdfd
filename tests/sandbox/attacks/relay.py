# expect: timeout | process_limit
# Its dead may fill the limit for a moment; without cgroups nobody sees that it was reached.
# expect without cgroups: timeout | process_limit | exit
# limits: cpu=0.3
# Each process does a little and hands on before anybody can look at it.
import os
while True:
    if os.fork():
        os._exit(0) if os.getpid() != 2 else os.wait()
    for i in range(20000):
        pass
