# expect: ok
import os, socket
from attack import escaped, fails
s = socket.socket(socket.AF_UNIX)
fails("abstract socket", s.connect, "\0" + os.environ["CANARY_SOCKET"])
for path in (os.environ["CANARY_FOLDER"] + "/socket", "/run/docker.sock", "/var/run/docker.sock",
             "/run/systemd/private", "/run/dbus/system_bus_socket", "/tmp/.X11-unix/X0"):
    fails(path, s.connect, path)
