# expect: ok
import os, pty
from attack import escaped
pairs = []
try:
    while len(pairs) < 100:
        pairs.append(os.openpty())
except OSError:
    pass
if len(pairs) > 16:
    escaped("%d terminals" % len(pairs))
for outer, inner in pairs:  # and what they hold back
    os.set_blocking(outer, False)
    try:
        while True:
            os.write(outer, bytes(65536))
    except BlockingIOError:
        pass
