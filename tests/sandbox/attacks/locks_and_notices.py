# expect: ok
# A lock is granted, but nobody else meets it, inside or outside: on the files of the machine it would
# be a sign to other sandboxes, and a million of them is kernel memory that nobody counts. No lease and
# no notice of what others do with a file.
import fcntl, os, sqlite3, struct
from attack import call, escaped, refused
F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW = 36, 37, 38


def lock(kind):
    return struct.pack("hhqqi4x", kind, 0, 0, 0, 0)


for path in ("x", "/dev/null", "/usr/bin/python3"):
    flags = os.O_RDONLY if path.startswith("/usr") else os.O_RDWR | os.O_CREAT
    first, second = os.open(path, flags), os.open(path, flags)
    for command in (fcntl.F_SETLK, fcntl.F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW):
        kind = fcntl.F_RDLCK if path.startswith("/usr") else fcntl.F_WRLCK
        for fd in (first, second):  # would wait for ever
            fcntl.fcntl(fd, command, lock(kind))
        for upper in (0, 1 << 32):
            if call(72, first, command | upper, lock(kind)) != 0:
                escaped(f"lock {command} of {path} is not granted")
    found = fcntl.fcntl(second, F_OFD_GETLK, lock(fcntl.F_WRLCK))
    if struct.unpack("hhqqi4x", found)[0] != fcntl.F_UNLCK:
        escaped(f"a lock of {path} is kept")
    for fd in (first, second):
        fcntl.flock(fd, fcntl.LOCK_EX)
    for command in (1024, 1026, 1036, 1038, 1024 | 1 << 32):  # SETLEASE, NOTIFY, two write hints
        refused(f"fcntl {command}", 72, first, command, 1)
base = sqlite3.connect("base")
base.execute("create table t (x)")
base.execute("insert into t values (1)")
base.commit()
if sqlite3.connect("base").execute("select x from t").fetchall() != [(1,)]:
    escaped("a data base does not work")
