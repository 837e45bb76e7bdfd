// Measures the processes below one, from /proc: the fallback where cgroups are missing.
#pragma once
#include <sys/types.h>

#include <cstdint>

namespace amalgam::sandbox {

struct TreeUsage {
  int64_t cpu_ns = 0;        // of all descendants, those already reaped by one of them included
  int64_t memory_bytes = 0;  // private resident pages
};

// The descendants of `root`, without it. Processes that end meanwhile are left out.
TreeUsage measure_descendants(pid_t root);

}  // namespace amalgam::sandbox
