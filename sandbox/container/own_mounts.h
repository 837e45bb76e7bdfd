// What each sandbox has of its own beside /proc (proc_mount.h) and its files: pseudo-terminals and
// shared memory.
#pragma once
#include <cstdint>

#include "sandbox/files/fd.h"

namespace amalgam::sandbox {

// On /dev/pts: a file system of terminals that exist nowhere else, as few as kMaxTerminals.
inline constexpr int kMaxTerminals = 16;
bool mount_terminals();
// Opens one. Returns its outer side; empty with errno set on failure.
Fd make_terminal(Fd* inner);

// On /dev/shm: a tmpfs of this size. Where a cgroup limits the memory it counts there.
bool mount_shared_memory(int64_t bytes);
// Of an open /dev/shm: what is used of it.
int64_t used_bytes(int shared_memory);
// Removes what a command left in an open /dev/shm: it belongs to no journal and no image, so no
// command finds what another one left there. No process may be alive that could change it.
void clear_shared_memory(int shared_memory);

}  // namespace amalgam::sandbox
