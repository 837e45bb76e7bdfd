// The list of system calls that code inside a sandbox may make; every other call does not exist
// there (ENOSYS, so that libc and interpreters fall back). No new namespaces, mounts, ptrace, keys,
// BPF, io_uring, perf, modules, System V objects or POSIX queues; sockets only of the unix family
// and, without raw ones, of the internet's; no other user or group; calls of another ABI (int 0x80,
// x32) kill the process.
#pragma once
#include <linux/filter.h>

#include <string>
#include <vector>

namespace amalgam::sandbox {

// Files in memory belong to no process that could be measured: they are allowed only where a cgroup
// limits the memory.
enum class MemoryFiles { kAllowed, kForbidden };

// What the calls are for: model-written code, or a QEMU that uses KVM, whose calls are ioctls.
enum class Calls { kOfCode, kOfKvm };

// The compiled filter, to be installed with seccomp(SECCOMP_SET_MODE_FILTER). Empty on failure,
// with one line in *error.
std::vector<sock_filter> build_seccomp_filter(MemoryFiles memory_files, Calls calls,
                                              std::string* error);

}  // namespace amalgam::sandbox
