// Maps one uid and gid into the caller's new user namespace.
#pragma once

namespace amalgam::sandbox {

// Writes /proc/self/{setgroups,uid_map,gid_map}: inner id -> the caller's outer id, alone. proc: an
// open /proc (any process namespace above the caller's). The caller must be dumpable. False with
// errno set on failure.
bool map_user(int proc, unsigned inner, unsigned outer);

}  // namespace amalgam::sandbox
