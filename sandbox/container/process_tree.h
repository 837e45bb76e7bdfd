// The processes below one, from /proc: what they use is measured so where cgroups are missing.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace amalgam::sandbox {

struct TreeUsage {
  int64_t cpu_ns = 0;  // of all descendants, those already reaped by one of them included
  // Resident pages that are not of files on a disk, of what the children of the root started: these
  // are inits, ours. Until a command's execve its process borrows init's memory, which would count
  // twice. Pages shared by several processes count in each: what a process holds back in shared
  // memory must not go unseen.
  int64_t memory_bytes = 0;
};

// All processes below `root`, without it, parents first.
std::vector<pid_t> descendants(pid_t root);

// Of the descendants of `root`. Processes that end meanwhile are left out.
TreeUsage measure_descendants(pid_t root);

}  // namespace amalgam::sandbox
