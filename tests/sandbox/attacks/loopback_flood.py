# expect: ok | exit | memory
# What waits in connections of its own.
import socket
server = socket.create_server(("127.0.0.1", 0))
held = []
for i in range(100):
    client = socket.create_connection(server.getsockname())
    peer, _ = server.accept()
    held += [client, peer]
    client.setblocking(False)
    try:
        while True:
            client.send(bytes(65536))
    except BlockingIOError:
        pass
