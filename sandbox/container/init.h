// Process 1 of a sandbox: our code inside it. It mounts what every sandbox has, waits for its owner
// to ask for one (kStart: limits and layers), makes the rest, gives up every right, installs the
// system call filter and then serves: files in, files out, commands. What needs no limits so is
// done before anyone waits for it.
//
// Answers:
//   kPut   kFileDone, code: errno, 0 on success
//   kGet   kFileDone, code: errno; value: size; kData follow
//   kOpenTop  kFileDone, one fd: the top directory
//   kChange   kFileDone, code: errno, 0 on success
//   kExec  kDone, code: wait status of the command; value: CPU time of all its processes in
//   microseconds;
//          payload: ExecReport, then one line when it could not be started
// While a command runs, kPut is served too (kGet is not: its tree does not stand still).
// After every command each other process of the sandbox is killed and reaped, so between requests
// init is alone and the file tree stands still; /dev/shm is emptied.
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
  int32_t limit_processes = 0;      // 1: no pids cgroup, so RLIMIT_NPROC decides
  int32_t has_terminal = 0;         // 1: kReady brings one fd, our side of a terminal made inside
};

// Where a program that was given one (fourth fd of kExec) may write a byte to say that it ends
// well: its owner need not wait until the kernel has taken it apart. Whoever writes it has ended,
// whatever else it meant to do. The highest number that a program may have open: others do not get
// it.
inline constexpr int kEndFd = 255;

// kExec: value: number of bytes of the strings that follow as kData, each ended by a 0 byte: the
// working directory, the environment, the arguments; code: how many of them are environment.
// Without fds the command runs on the terminal, which serves one command.
struct ExecReport {
  int64_t max_rss_bytes = 0;  // of the largest process that ever ran in the sandbox
  int32_t is_disk_full = 0;   // when the command's first process was dead
  int32_t num_left = 0;       // processes that had to be killed then
};

// Whether sandboxes can mount a /proc of their own (proc_mount.h).
struct OwnProc {
  int error = 0;  // why not: an errno
};

// kReady: code: the errno of OwnProc.

// Runs in a child cloned with CLONE_NEWPID, NEWNS, NEWUSER, NEWIPC, NEWUTS, NEWCGROUP. proc: an
// open /proc of the outside, closed here. Serves `socket` until kExit or the owner is gone.
[[noreturn]] void run_init(int socket, int proc, OwnProc own_proc,
                           const std::vector<sock_filter>& filter);

}  // namespace amalgam::sandbox
