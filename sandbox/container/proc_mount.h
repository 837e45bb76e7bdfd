// The /proc of sandboxes: a procfs of each one's own process namespace, with the paths masked and
// read-only that Docker masks. The kernel lets a user namespace mount one only where it already
// sees a whole procfs, and a sandbox's root must not show the machine's. So every slot (slot.h) has
// the procfs of a process namespace that has ended, which shows no process, and each sandbox mounts
// its own over it. Where even that is refused (the machine's /proc has mounts over it, as in
// Docker) there is a synthetic one: files of what programs read about the machine.
#pragma once

namespace amalgam::sandbox {

// A detached procfs of an ended process namespace; -1 with errno set. Single-threaded callers only.
int open_empty_proc();
// Mounts it on `target` and closes it.
bool attach_proc(int empty_proc, const char* target);

// Fills the folder `target`, which is on a tmpfs. proc: an open /proc of the machine.
bool write_synthetic_proc(int proc, const char* target);

// In a sandbox's namespaces, as their process 1: mounts its own on /proc. False with errno set.
bool mount_own_proc();

}  // namespace amalgam::sandbox
