// The user's own commands at the end of a run: a message to a phone, the next job.
#pragma once
#include <array>
#include <string>

namespace amalgam::pipeline {

enum class RunEnd { kFinished, kStopped, kFailed };

// A command of config.on_finish or config.on_stop, ready to be run where nothing may be allocated:
// in the handler of a signal. /bin/sh runs it with its output on the console; it sees
// AMALGAM_RUN_DIR, AMALGAM_STATE (finished, stopped, failed) and AMALGAM_MESSAGE.
class Hook {
 public:
  // An empty command does nothing. What does not fit into 64 KiB together is an Error.
  Hook(const std::string& command, const std::string& run_dir, RunEnd end,
       const std::string& message);
  Hook(const Hook&) = delete;
  Hook& operator=(const Hook&) = delete;

  // Async-signal-safe. Waits for its end, and kills it after a minute. Returns what waitpid() says
  // of it, kTimeout, or kNotStarted.
  static constexpr int kTimeout = -1, kNotStarted = -2;
  int run() const;
  // The same, and says a failure as a warning: what it does changes nothing of the run.
  void run_and_warn() const;

 private:
  const char* keep(const std::string& text);

  bool is_empty_;
  std::string what_;
  std::array<char, 64 << 10> text_{};
  size_t used_ = 0;
  std::array<const char*, 4> argv_{};
  std::array<const char*, 512> environment_{};
};

}  // namespace amalgam::pipeline
