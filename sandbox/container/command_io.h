// The owner's part of a running command: its standard streams, its limits, its end.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/container/command_turn.h"
#include "sandbox/container/launcher.h"
#include "sandbox/container/wire.h"
#include "sandbox/files/fd.h"
#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

// stdin is a sealed memory file (nothing to feed), or a pipe when its text is not known at the
// start; stdout and stderr are pipes, drained as they fill and cut at the limit. Or all three are
// one terminal.
class CommandIo {
 public:
  explicit CommandIo(int64_t max_bytes) : max_bytes_(max_bytes) {}
  ~CommandIo();
  CommandIo(const CommandIo&) = delete;
  CommandIo& operator=(const CommandIo&) = delete;

  bool open(const std::string& stdin_text, std::string* error);
  // With a pipe as stdin, which feed() fills.
  bool open_fed(std::string* error);
  // The same, for a program that may say that it ends (kEndFd in init.h).
  bool open_announced(std::string* error);
  // On a terminal, of which this is our side (it stays the caller's).
  bool open_terminal(int terminal, std::string* error);
  // What is read goes there instead of into take_out and take_err; -1: no.
  void send_to(int out, int err);
  // With `channel` as stdin and stdout, which stays the caller's; only stderr is collected.
  bool open_around(int channel, std::string* error);
  // Once, after open_fed or open_terminal: what stdin will hold: the text, then what `source` has
  // until its end (-1: nothing; it stays the caller's). Written by pump() as the program reads.
  void feed(std::string text, int source);
  // stdin (only when there is text), stdout, stderr, the announcement's. Empty for a terminal.
  const std::vector<int>& child_fds() const { return child_fds_; }
  void close_child_fds();

  // The ends to poll for reading; -1 when closed, or when what was read could go nowhere.
  int out_fd() const { return out_.is_blocked ? -1 : out_.fd.get(); }
  int err_fd() const { return err_.is_blocked ? -1 : err_.fd.get(); }
  // Where it is to go then, to poll for writing; else -1.
  int blocked_out_fd() const { return out_.is_blocked ? out_.sink : -1; }
  int blocked_err_fd() const { return err_.is_blocked ? err_.sink : -1; }
  // What to poll to go on feeding: both -1 when stdin is complete.
  int in_fd() const { return text_.empty() ? -1 : in_.get(); }           // for writing
  int source_fd() const { return text_.empty() && in_ ? source_ : -1; }  // for reading
  // Where an announcement comes, to poll for reading; -1 when none will.
  int end_fd() const { return end_.get(); }
  // Whether one came.
  bool reads_end();
  // Reads what is there without waiting. False when a stream went beyond its limit.
  bool drain();
  // All that is left of a command that is over. False also when it is not taken by the deadline.
  bool drain_rest(const wire::Deadline& deadline);
  // Moves stdin on without waiting.
  void pump();

  std::string take_out() { return std::move(out_.text); }
  std::string take_err() { return std::move(err_.text); }

 private:
  struct Stream {
    Fd fd;
    std::string text;
    int sink = -1;
    bool is_blocked = false;
    int64_t num_bytes = 0;
  };
  static bool pass_on(Stream* stream, std::string_view bytes);
  bool drain(Stream* stream) const;
  bool open_pipe(Fd* reader, std::string* error);
  bool open_outputs(std::string* error);

  const int64_t max_bytes_;
  std::vector<int> child_fds_;
  Stream out_, err_;
  // The writing end of a fed stdin, and a reading end of our own: a program that closes its stdin
  // costs us no SIGPIPE.
  Fd in_, in_reader_;
  Fd end_;
  int source_ = -1;
  std::string text_;  // still to be written
};

// CPU and memory use of one slot since the meter was made or restarted.
class CpuMeter {
 public:
  // shared_memory: its open /dev/shm.
  CpuMeter(const Slot& slot, int shared_memory);
  // By the cgroup, which misses nothing; without one, by /proc (only what is still alive counts).
  double seconds() const;
  // Begins anew and returns the seconds until now.
  double restart();
  // Whether no cgroup limits the memory, so that the owner has to.
  bool must_watch_memory() const { return !has_memory_; }
  // By /proc (process_tree.h), and what is in the shared memory, which counts twice when it is
  // mapped.
  int64_t memory_bytes() const;

 private:
  int64_t now_ns() const;
  const Slot& slot_;
  const int shared_memory_;
  const bool has_cpu_, has_memory_;
  int64_t start_ns_ = 0;
};

enum class CommandEnd {
  kDone,     // *done is init's answer to kExec; also for the five below, after the
             // kill
  kTimeout,  // CPU
  kWallTimeout,
  kMemory,
  kOutput,
  kCancelled,
  kAnnounced,  // the program said that it ends well and is killed; *done is still to come
  kLost,       // the sandbox died
  kStuck       // init did not answer the kill
};

// Waits for the end of the command that was just sent to init, and ends it at a limit or when
// `ending` (CommandTurn::ending) says so.
CommandEnd run_command(int socket, int ending, const Limits& limits, CommandIo* io,
                       const CpuMeter* meter, wire::Packet* done);

}  // namespace amalgam::sandbox
