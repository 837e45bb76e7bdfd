# expect: ok
import ctypes
from attack import refused
attributes = (ctypes.c_uint64 * 32)()
for command in range(40):
    refused("bpf", 321, command, attributes, 120)
attributes[0] = 1 | 128 << 32
refused("perf_event_open", 298, attributes, 0, -1 & 0xffffffff, -1 & 0xffffffff, 0)
refused("userfaultfd", 323, 1)
refused("io_uring_setup", 425, 8, attributes)
refused("io_uring_enter", 426, 0, 0, 0, 0, 0)
refused("io_uring_register", 427, 0, 0, 0, 0)
refused("fanotify_init", 300, 0, 0)
refused("memfd_secret", 447, 0)
