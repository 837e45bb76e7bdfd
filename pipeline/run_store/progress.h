// Progress: "rl math  12/40  0.31 step/s  1m 30s left  score 0.42" while a stage runs. On a
// terminal one line that updates in place; elsewhere plain lines, at most one in ten seconds
// besides the first and the last. Display only: what it shows comes from the clock and reaches no
// file of the run. Used by one thread.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "configs/log/console.h"
namespace amalgam::pipeline {

struct ProgressOutput {
  log::Console* console;
  int terminal_columns;                 // 0: not a terminal
  std::function<double()> now_seconds;  // a steady clock
};
ProgressOutput standard_error_output();

class Progress {
 public:
  // `first`: steps that were already done when this process began (a resumed stage); the rate
  // leaves them out. `unit`: what a step is called. The output's console must outlive this.
  Progress(std::string stage, int64_t total, int64_t first = 0, std::string unit = "step",
           ProgressOutput output = standard_error_output());
  ~Progress();  // ends the terminal's line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` steps of `total`; `note` is shown at the end of the line, for example "score 0.42".
  void update(int64_t done, const std::string& note = "");

 private:
  std::string line(int64_t done, const std::string& note, double now) const;

  const std::string stage_;
  const int64_t total_, first_;
  const std::string unit_;
  const ProgressOutput output_;
  const double start_;
  double last_shown_;
  bool line_open_ = false;
};

std::string compact_duration(double seconds);  // "45s", "1m 30s", "2h 05m"

}  // namespace amalgam::pipeline
