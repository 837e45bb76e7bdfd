# expect: ok
import os, socket
from attack import fails
for family in (16, 17, 38, 40, 44):  # netlink, packet, alg, vsock, xdp
    for kind in (1, 2, 3, 5):
        fails("socket %d %d" % (family, kind), socket.socket, family, kind)
for family in (2, 10):  # inet, inet6
    for kind in (3, 5, 6, 10):  # raw, seqpacket, dccp, packet
        fails("socket %d %d" % (family, kind), socket.socket, family, kind)
    for protocol in (1, 58, 132, 255):
        fails("protocol %d" % protocol, socket.socket, family, 1, protocol)
# A listener of the machine's loopback, and what is beyond it.
for where in (("127.0.0.1", int(os.environ["CANARY_PORT"])), ("::1", 22), ("8.8.8.8", 53),
              ("169.254.169.254", 80)):
    fails("connection", socket.create_connection, where, 0.5)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fails("datagram", udp.sendto, b"x", ("8.8.8.8", 53))
udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
fails("broadcast", udp.sendto, b"x", ("255.255.255.255", 67))
fails("device", udp.setsockopt, socket.SOL_SOCKET, 25, b"lo")
