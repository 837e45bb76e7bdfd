#include "rewards/programs/plugin_program.h"

namespace amalgam::rewards {

const char* const kPluginGuard = R"python(
import sys
if sys.path[0] == "":  # the working directory: a file there may be named like a module of Python's
    sys.path.append(sys.path.pop(0))
import hashlib, importlib.util, inspect, json, math, os, random, signal, socket, traceback

owner = int(sys.argv[1])

# The guard.

WAKING = {signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP}
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

def prctl(option, value):
    try:
        import ctypes
        ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)
    except (ImportError, OSError):
        pass  # the guard looks for its owner once a second too

def reap(child):
    """The child's status, or None; others are orphans of its."""
    status = None
    try:
        while (got := os.waitpid(-1, os.WNOHANG))[0]:
            if got[0] == child:
                status = got[1]
    except ChildProcessError:
        pass
    return status

def guard(child):
    status = None
    while status is None and os.getppid() == owner:
        woken = signal.sigtimedwait(WAKING, 1)
        if woken and woken.si_signo == signal.SIGTERM:
            break
        status = reap(child)
    try:
        os.killpg(child, signal.SIGKILL)
        while True:
            os.waitpid(-child, 0)
    except (ProcessLookupError, ChildProcessError):
        pass
    if status is None:
        os._exit(1)
    if os.WIFSIGNALED(status):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WAKING)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))

signal.pthread_sigmask(signal.SIG_BLOCK, WAKING)
prctl(PR_SET_PDEATHSIG, signal.SIGHUP)
prctl(PR_SET_CHILD_SUBREAPER, 1)
child = os.fork()
if child:
    os.close(0)
    try:
        os.setpgid(child, child)
    except OSError:
        pass  # it is gone already
    guard(child)
os.setpgid(0, 0)
prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, WAKING)

)python";

}  // namespace amalgam::rewards
