# expect: disk_limit
# limits: cpu=2
import os
open("f", "w").close()
for i in range(1000000):
    os.link("f", "l%d" % i)
