# expect: ok
# Writes past the protection of pages: into its own copy of them, never into a file.
import ctypes, mmap, os
from attack import escaped, fails
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                      ctypes.c_long]
for path in ("/usr/bin/true", "/etc/passwd", "/dev/zero"):
    fd = os.open(path, os.O_RDONLY)
    before = os.read(fd, 16)
    for kind in (mmap.MAP_PRIVATE, mmap.MAP_SHARED):
        at = libc.mmap(None, 4096, mmap.PROT_READ, kind, fd, 0)
        if at in (None, ctypes.c_void_p(-1).value):
            continue
        try:
            memory = os.open("/proc/self/mem", os.O_RDWR)
            os.pwrite(memory, b"ESCAPED", at)
        except OSError:
            pass
    if os.pread(os.open(path, os.O_RDONLY), 16, 0) != before:
        escaped("changed " + path)
for path in ("/proc/self/exe", "/proc/self/root/usr/bin/true", "/proc/self/root/etc/passwd"):
    fails("write " + path, open, path, "r+b")
for name in os.listdir("/proc/self/map_files"):
    fails("map_files", open, "/proc/self/map_files/" + name, "r+b")
# The interpreter of whoever comes next is the same file.
fails("vsyscall", lambda: os.pwrite(os.open("/proc/self/mem", os.O_RDWR), b"x", 0xffffffffff600000))
