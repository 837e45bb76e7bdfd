// A user's reward function in Python, in verl's form
//     compute_score(data_source, solution_str, ground_truth, extra_info) -> number, bool or
//     {"score": …}
// or TRL's
//     some_reward(completions, **columns) -> [number]         (called with one completion at a
//     time)
// It is the user's own, trusted code: a plain child process, supervised. It is started again after
// a crash or a time-out.
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "rewards/programs/child_process.h"
#include "rewards/score/score.h"

namespace amalgam::rewards {

enum class PluginForm { kVerl, kTrl };

struct PluginOptions {
  std::string path;      // of the Python file
  std::string function;  // empty: compute_score, else the only function with "reward" in its name
  double call_deadline_seconds = 30;
  double start_deadline_seconds = 60;  // imports can be slow
};

// Structured values are JSON text; empty stands for null.
struct PluginRequest {
  std::string data_source;
  std::string solution;
  std::string ground_truth;
  std::string extra_info;
  std::string row;  // an object; its columns, extra_info as above, are TRL's keyword arguments
};

// Safe for use by several threads; calls take turns.
class Plugin {
 public:
  // Loads the file. Throws Error when it cannot be loaded or has no such function.
  explicit Plugin(PluginOptions options);

  // kTrl: it has a parameter `completions`; it gets every column of a row.
  PluginForm form() const { return form_; }

  // kScored, kVerifierFailed (it raised or crashed), kTimeout, kWrongType or kNotFinite.
  Score score(const PluginRequest& request);

 private:
  void start();  // throws Error

  PluginOptions options_;
  PluginForm form_ = PluginForm::kVerl;
  std::mutex mutex_;
  std::unique_ptr<ChildProcess> child_;  // null after a crash
};

}  // namespace amalgam::rewards
