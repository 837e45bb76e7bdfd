# expect: ok
import socket
from attack import fails
for family in (2, 10, 16, 17, 38, 40, 44):  # inet, inet6, netlink, packet, alg, vsock, xdp
    for kind in (1, 2, 3, 5):
        fails("socket %d %d" % (family, kind), socket.socket, family, kind)
for where in (("127.0.0.1", 22), ("::1", 22), ("8.8.8.8", 53), ("169.254.169.254", 80)):
    fails("connection", socket.create_connection, where, 0.5)
