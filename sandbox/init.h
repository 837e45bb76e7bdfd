// Process 1 of a sandbox: our code inside it. It makes the private tmpfs, gives up every right,
// installs the system call filter and then serves its owner: files in, files out, commands.
//
// Answers (tag kDone):
//   kPut   code: errno, 0 on success
//   kGet   code: errno; value: size; kData follow
//   kOpenTop  one fd: the top directory
//   kChange   code: errno, 0 on success
//   kExec  code: wait status of the command; value: CPU time of all its processes in microseconds;
//          payload: when it could not be started, one line
// After every command each other process of the sandbox is killed and reaped, so between requests
// init is alone and the file tree stands still.
#pragma once
#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

// The sandboxed uid and gid as seen inside.
inline constexpr unsigned kInnerId = 1000;

struct StartRequest {
  Limits limits;
  int32_t limit_address_space = 0;  // 1: no memory cgroup, so each process gets RLIMIT_AS
};

// Runs in a child cloned with CLONE_NEWPID, NEWNS, NEWUSER, NEWIPC, NEWUTS, NEWCGROUP. proc: an
// open /proc of the outside, closed here. layers: of its image (overlay_root.h); empty: its root is
// the slot's view. Serves `socket` until kExit or the owner is gone.
[[noreturn]] void run_init(int socket, int proc, const StartRequest& request,
                           const std::string& layers, const std::vector<sock_filter>& filter);

}  // namespace amalgam::sandbox
