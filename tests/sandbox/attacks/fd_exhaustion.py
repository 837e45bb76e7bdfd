# expect: ok
import os
from attack import escaped
n = 0
try:
    while n < 100000:
        os.open("/dev/null", 0)
        n += 1
except OSError:
    pass
if n > 1024:
    escaped("%d descriptors" % n)
