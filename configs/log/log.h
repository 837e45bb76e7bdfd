// The log of a run: RUN/log.txt, for people, and what of it they see on the console. A line has its
// time, level, process, stage, step and part:
//     2026-11-30T12:24:20.123Z warning  [worker 1] [rl-math 12] reward: no answer within 30 s
// It is in the kernel when a function returns. Lines that come again and again are counted
// (repeats.h). Where there is no run directory the console is all, and what is logged before there
// is one is in the file too.
//
// Workers have no file: their lines go to their controller, through their stderr. What else they
// and other children write there is logged as theirs.
//
// Safe for use by several threads, but not in a signal's handler.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "configs/log_config.h"
#include "configs/log_levels.h"

namespace amalgam::log {

class LinePipe;

void debug(Part part, const std::string& text);
void info(Part part, const std::string& text);
void error(Part part, const std::string& text);  // which ends the command: main says it
// On the console too:
void say(Part part, const std::string& text);  // level info
void warn(Part part, const std::string& text);

// Where the process is from now on, step -1: in none.
void set_place(const std::string& stage, int64_t step = -1);
// The same until the end of a block.
class At {
 public:
  At(const std::string& stage, int64_t step);
  ~At();
  At(const At&) = delete;
  At& operator=(const At&) = delete;

 private:
  std::string stage_;  // before
  int64_t step_;
};

// A text that no line may have: a secret that a child may print, of four bytes at least.
void hide(const std::string& secret);

void set_levels(const Levels& levels);

// The run directory's log, for as long as this lives. Throws Error when it cannot be opened.
class RunLog {
 public:
  RunLog(const std::string& run_dir, const configs::LogConfig& config);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;
};

// In a worker, first of all: lines go to stderr, which is its controller's worker_pipe().
void relay_to_controller();
// `name`: "worker 1".
std::unique_ptr<LinePipe> worker_pipe(const std::string& name);
// For any other child; `name`: "reward dates".
std::unique_ptr<LinePipe> child_pipe(Part part, const std::string& name);
// What one has printed, as its lines.
void printed(Part part, const std::string& name, std::string_view text);

}  // namespace amalgam::log
