# expect: ok | exit
# Descriptors that wait in sockets count for nobody's limit but the user's.
import array, os, socket
from attack import escaped
n = 0
try:
    while n < 100000:
        a, b = socket.socketpair()
        for i in range(200):
            a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 50))],
                      socket.MSG_DONTWAIT)
            n += 50
        os.dup(b.fileno()), os.dup(a.fileno())
except OSError:
    pass
if n >= 100000:
    escaped("%d descriptors in flight" % n)
