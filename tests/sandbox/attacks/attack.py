# What the attacks share: copied beside each of them.
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def call(number, *arguments):
    """A system call: its result, or minus errno."""
    result = libc.syscall(ctypes.c_long(number),
                          *[ctypes.c_void_p(a) if isinstance(a, int) else a for a in arguments])
    return result if result >= 0 else -ctypes.get_errno()


def escaped(what):
    print("ESCAPED:", what, flush=True)


def refused(what, number, *arguments):
    result = call(number, *arguments)
    if result >= 0:
        escaped("%s gives %d" % (what, result))


def fails(what, function, *arguments):
    try:
        result = function(*arguments)
    except Exception:
        return
    escaped("%s gives %r" % (what, result))
