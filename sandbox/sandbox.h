// Sandbox: a container for code that a model wrote, which is hostile. One sandbox = one private
// writable directory (/work inside, on a size-limited tmpfs), a /proc, /dev/shm, terminals and
// loopback of its own, new user, mount, pid, network, ipc, uts and cgroup namespaces, an
// unprivileged uid, seccomp, no capabilities, and hard limits. It dies with its owner. Knows
// nothing of models.
//
// Thread safety: a Sandbox is used by one thread at a time, but for cancel; different sandboxes are
// independent.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace amalgam::sandbox {

// How a command ended. The last two are not the command's doing: the infrastructure broke (launcher
// killed, fork failed), or the owner changed its mind. They never become rewards; the caller
// retries and counts them. When several reasons apply, the first in this order decides: cancelled,
// process_limit, memory, timeout, output_limit, disk_limit, denied, signal, exit. A refused fork or
// a full disk that the program got over (exit code 0) is no reason. The numbers are written to
// disk.
enum class Outcome : int32_t {
  kOk = 0,            // exit code 0
  kExit = 1,          // another exit code; 126, 127: the program could not be run (as in a shell)
  kSignal = 2,        // a fatal signal of its own doing
  kTimeout = 3,       // CPU time, or the wall-clock backstop
  kMemory = 4,        // one of its processes was killed for memory
  kOutputLimit = 5,   // stdout or stderr
  kDiskLimit = 6,     // it failed with its directory full, or wrote a file above the limit
  kProcessLimit = 7,  // a fork was refused and the command failed. Without a pids cgroup, seen only
                      // when the processes are still there at the end
  kDenied = 8,        // killed by the system call filter, or a path outside the directory
  kSandboxFailed = 9,
  kCancelled = 10
};
// "ok", "exit", …, "sandbox_failed", "cancelled".
const char* to_string(Outcome outcome);
// By itself: exit_code is its own.
constexpr bool has_exited(Outcome outcome) {
  return outcome == Outcome::kOk || outcome == Outcome::kExit;
}
// Not the command's doing: no reward may come of it.
constexpr bool is_infrastructure(Outcome outcome) {
  return outcome == Outcome::kSandboxFailed || outcome == Outcome::kCancelled;
}

// The smallest Limits::memory_bytes: our own process in the sandbox counts too.
inline constexpr int64_t kMinMemoryBytes = 1 << 20;

struct Limits {
  double cpu_seconds = 2;    // per command, all its processes together
  double wall_seconds = 40;  // backstop for code that sleeps; at least 20 x cpu_seconds in runs
  int64_t memory_bytes = 256 << 20;
  int64_t disk_bytes = 16 << 20;  // of the writable directory
  int max_processes = 16;
  int64_t output_bytes = 64 << 10;  // stdout and stderr, each
  int64_t journal_bytes = 0;        // of what a journal keeps (journal.h); 0: no limit
  bool operator==(const Limits&) const = default;
};

struct Command {
  std::vector<std::string>
      argv;  // argv[0] is an absolute path inside the sandbox (/usr/bin/python3)
  std::string stdin_text = {};
  // "NAME=value", beside and before the fixed ones (PATH, HOME, LANG, PYTHONHASHSEED …).
  std::vector<std::string> environment = {};
  std::string working_directory = {};  // below /work, or absolute inside; empty: /work
  // When not -1: what can be read there until its end follows stdin_text. Stays the caller's.
  int stdin_fd = -1;
  // When not -1: stdout (stderr) goes there as it comes, up to the limit, and not into the Result.
  // Stay the caller's.
  int out_fd = -1, err_fd = -1;
  // The sandbox's terminal (create_with_terminal) is its stdin, stdout and stderr: what is read
  // from stdin_fd is typed, and what is shown goes to out_fd. One command per sandbox.
  bool is_on_terminal = false;
};

struct Result {
  Outcome outcome = Outcome::kSandboxFailed;
  int exit_code = 0;     // as a shell reports it: 128 + signal after a fatal signal
  std::string out, err;  // what was written before the end, cut at the limit
  double cpu_seconds = 0;
  double wall_seconds = 0;
  bool hit_wall_limit = false;  // the backstop ended it: an accident of time, whatever the outcome
  // The most memory in use at once by all its processes and its files; without a memory cgroup, the
  // resident memory of the largest process.
  int64_t peak_memory_bytes = 0;
  // kSandboxFailed, kCancelled: one line that says what failed. kDiskLimit of a full journal: that.
  std::string detail;
};
// Of a call that is nobody's fault but ours.
inline Result sandbox_failure(std::string detail) {
  Result result;
  result.detail = std::move(detail);
  return result;
}

struct Image;  // image_store.h

class Sandbox {
 public:
  virtual ~Sandbox() = default;
  // Runs one command to its end. Never throws; every failure is an Outcome. When it returns, no
  // process of the command is alive.
  virtual Result exec(const Command& command) = 0;
  // Path relative to the writable directory; put_file makes missing folders. kOk on success.
  // Otherwise one line in err and: kDenied for a path that is absolute or has "..", kDiskLimit when
  // it does not fit, kExit with exit_code 1 when the sandbox's content is the reason (missing, not
  // a regular file). Symlinks that the command left are not followed.
  virtual Result put_file(const std::string& path, const std::string& content) = 0;
  virtual Result get_file(const std::string& path, std::string* content) = 0;
  // All that commands have changed, as an open directory that the caller closes: the upper
  // directory of the overlay (its paths start at the root), or without an image the writable
  // directory. It stands still between commands. Written to only through `change`.
  virtual Result open_top(int* directory);
  // Sets one entry of the top; see apply_change in top.h. The parent must exist.
  virtual Result change(const std::string& path, unsigned mode, const std::string& content);
  // Whether out_fd and stdin_fd work while a command runs, so that two can talk with each other.
  virtual bool can_stream() const { return false; }
  // Our side of its terminal, -1 without one. For TIOCSWINSZ, at any time.
  virtual int terminal() const { return -1; }
  // From any thread: ends the command that runs in another one, whose exec returns kCancelled; the
  // sandbox can be used on. True when the command is over; false when none runs, or when it is
  // not over by the deadline.
  virtual bool cancel(double deadline_seconds) {
    static_cast<void>(deadline_seconds);
    return false;
  }
};

// On an image, or on one without layers in a sandbox that sees this machine's /usr. Null, with one
// line in *error, when none can be made.
using SandboxFactory = std::function<std::unique_ptr<Sandbox>(
    const Limits& limits, const Image& image, std::string* error)>;

// A fresh container. Returns null and sets *error to one line when none can be made here.
std::unique_ptr<Sandbox> create_container(const Limits& limits, std::string* error);
// One whose root is an image, with a private top of limits.disk_bytes; /work is a folder of it. All
// files belong to the sandbox's user, and all may be changed. Of an image without layers: a
// create_container.
std::unique_ptr<Sandbox> create_on_image(const Limits& limits, const Image& image,
                                         std::string* error);
// The same, or without layers in the image a container, with a terminal of its own for one command:
// a pseudo-terminal that exists inside the sandbox only.
std::unique_ptr<Sandbox> create_with_terminal(const Limits& limits, const Image& image,
                                              std::string* error);

// The kinds of sandbox, by the word that chooses one:
//   container  see above; any number of commands
//   function   one call of Python in a container whose interpreter was started ahead (function.h)
//   microvm    any number of commands, in a small virtual machine (machine.h) on the default image
//   vm         the same in a machine like a PC
std::vector<std::string> substrates();
// Null with one line in *error, also for an unknown word. store: folder of the image store, for
// those that need one; empty: the user's own (default_store_folder in image_store.h).
std::unique_ptr<Sandbox> create(const std::string& substrate, const Limits& limits,
                                std::string* error, const std::string& store = {});

// What this machine offers, for `amalgam doctor` and for clear errors: each line "name: value".
struct Support {
  bool user_namespaces = false;
  bool seccomp = false;
  std::string cgroups;  // "v1 memory,pids,cpu", "v2 …" or "none (rlimits only)"
  // Why sandboxes have no /proc of their own but a synthetic one; empty: they have.
  std::string why_no_proc;
  std::string python;  // path of the interpreter visible inside, or empty
};
Support probe();
// Whether microvm and vm work, and how: one line for people.
std::string machine_support();

}  // namespace amalgam::sandbox
