// Sandbox: a container for code that a model wrote, which is hostile. One sandbox = one private
// writable directory (/work inside, on a size-limited tmpfs), new user, mount, pid, network, ipc,
// uts and cgroup namespaces, an unprivileged uid, seccomp, no capabilities, and hard limits. It
// dies with its owner. Knows nothing of models.
//
// Thread safety: a Sandbox is used by one thread at a time; different sandboxes are independent.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace amalgam::sandbox {

// How a command ended. kSandboxFailed is the infrastructure's fault (launcher killed, disk full,
// fork failed): it is retried and counted by the caller and never becomes a reward. All others are
// the command's own doing.
enum class Outcome {
  kExited,   // by itself; exit_code says how (a fatal signal of its own: 128 + signal)
  kTimeout,  // CPU time, or the wall-clock backstop
  kOutOfMemory,
  kOutputLimit,  // stdout + stderr
  kSandboxFailed
};
const char* to_string(Outcome outcome);

struct Limits {
  double cpu_seconds = 2;    // per command, all its processes together
  double wall_seconds = 40;  // backstop for code that sleeps; at least 20 x cpu_seconds in runs
  int64_t memory_bytes = 256 << 20;
  int64_t disk_bytes = 16 << 20;  // of the writable directory
  int max_processes = 16;
  int64_t output_bytes = 64 << 10;  // stdout and stderr, each
};

struct Command {
  std::vector<std::string>
      argv;  // argv[0] is an absolute path inside the sandbox (/usr/bin/python3)
  std::string stdin_text;
};

struct Result {
  Outcome outcome = Outcome::kSandboxFailed;
  int exit_code = 0;     // kExited only; 126, 127: the program could not be run (as in a shell)
  std::string out, err;  // what was written before the end, cut at the limit
  double cpu_seconds = 0;
  std::string detail;  // kSandboxFailed: one line that says what failed
};

struct Image;  // image_store.h

class Sandbox {
 public:
  virtual ~Sandbox() = default;
  // Runs one command to its end. Never throws; every failure is an Outcome. When it returns, no
  // process of the command is alive.
  virtual Result exec(const Command& command) = 0;
  // Path relative to the writable directory; no "..", no absolute path; put_file makes missing
  // folders. kExited with exit_code 0 on success. When the sandbox's content is the reason
  // (missing, not a regular file, disk full, bad path): kExited, exit_code 1 and one line in err.
  // Symlinks that the command left are not followed.
  virtual Result put_file(const std::string& path, const std::string& content) = 0;
  virtual Result get_file(const std::string& path, std::string* content) = 0;
  // All that commands have changed, as an open directory that the caller closes: the upper
  // directory of the overlay (its paths start at the root), or without an image the writable
  // directory. It stands still between commands. Written to only through `change`.
  virtual Result open_top(int* directory);
  // Sets one entry of the top; see apply_change in top.h. The parent must exist.
  virtual Result change(const std::string& path, unsigned mode, const std::string& content);
};

// A fresh container. Returns null and sets *error to one line when none can be made here.
std::unique_ptr<Sandbox> create_container(const Limits& limits, std::string* error);
// One whose root is an image, with a private top of limits.disk_bytes; /work is a folder of it. All
// files belong to the sandbox's user, and all may be changed.
std::unique_ptr<Sandbox> create_container(const Limits& limits, const Image& image,
                                          std::string* error);

// What this machine offers, for `amalgam doctor` and for clear errors: each line "name: value".
struct Support {
  bool user_namespaces = false;
  bool seccomp = false;
  std::string cgroups;  // "v1 memory,pids,cpu", "v2 …" or "none (rlimits only)"
  std::string python;   // path of the interpreter visible inside, or empty
};
Support probe();

}  // namespace amalgam::sandbox
