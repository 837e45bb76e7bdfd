# expect: ok
import ctypes
from attack import refused
handle = (ctypes.c_uint8 * 136)()
handle[0] = 128
refused("name_to_handle_at", 303, -100 & 0xffffffff, b"/", handle, handle, 0)
handle[0] = 8
handle[8] = 2  # the root directory's inode of ext4
refused("open_by_handle_at", 304, 0, handle, 0)
