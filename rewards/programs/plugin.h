// A user's reward function in Python, in one of three forms:
//     compute_score(data_source, solution_str, ground_truth, extra_info) -> number, bool or
//     {"score": …, "pred": …, …}                       verl's: one sample
//     compute_score(data_sources, solution_strs, ground_truths, extra_infos) -> [number]
//                                                      verl's for batches
//     some_reward(completions, **columns) -> [number]  TRL's: a batch
// Numbers beside a score are parts, "pred" is the answer (rewards/score/score.h).
// A batch is all samples of one prompt. It is the user's own, trusted code: plain child processes,
// supervised, with an environment that is named. One is started again after a crash or a time-out.
#pragma once
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "rewards/programs/child_process.h"
#include "rewards/score/score.h"

namespace amalgam::configs {
struct DomainConfig;
}

namespace amalgam::rewards {

enum class PluginForm { kVerl, kVerlBatch, kTrl };

struct PluginOptions {
  std::string path;      // of the Python file
  std::string function;  // empty: compute_score, else the only function with "reward" in its name
  double call_deadline_seconds = 30;
  double start_deadline_seconds = 60;  // imports can be slow
  std::string python = "/usr/bin/python3";
  std::vector<std::string> environment = {};  // names of variables beside the minimal ones
  std::string kwargs = "{}";                  // JSON
  std::string name = "reward";                // in the log
};
// Of a domain with a reward_file.
PluginOptions plugin_options(const configs::DomainConfig& domain);

// What a function is made of.
struct PluginFacts {
  std::string python, python_version;  // the interpreter's path; "3.11.2"
  std::vector<std::string> files;      // its own, and those of local modules that it imported
  std::string function;                // its name
};

// Structured values are JSON text; empty stands for null.
struct PluginRequest {
  std::string data_source;
  std::string solution;
  std::string ground_truth;
  std::string extra_info;
  std::string row;  // an object; its columns, extra_info as above, are TRL's keyword arguments
};

// Safe for use by several threads: as many children as threads that ask at once.
class Plugin {
 public:
  // Loads the file. Throws Error when it cannot be loaded or has no such function.
  explicit Plugin(PluginOptions options);

  PluginForm form() const { return form_; }
  bool takes_batches() const { return form_ != PluginForm::kVerl; }
  const PluginFacts& facts() const { return facts_; }

  // One call: of one sample, or of a batch, in TRL's form of one row. Python's `random` and numpy's
  // are seeded from `seed` before it. For each sample kScored, kVerifierFailed (it raised or
  // crashed), kTimeout, kWrongType or kNotFinite.
  std::vector<Score> score(const std::string& seed, const std::vector<PluginRequest>& samples);

  // Calls that are under way, and all later ones, fail at once.
  void stop();

 private:
  struct Started {
    std::unique_ptr<ChildProcess> child;
    PluginForm form;
    std::string python_version;
    std::vector<std::string> files;
    std::string function;
  };
  Started start();  // throws Error
  // The answer to one line. *failure when there is none, and then the child is of no more use.
  std::string ask(ChildProcess* child, const std::string& line, double deadline_seconds,
                  Score* failure);

  PluginOptions options_;
  PluginForm form_ = PluginForm::kVerl;
  PluginFacts facts_;
  std::mutex mutex_;  // guards what follows
  std::vector<std::unique_ptr<ChildProcess>> idle_;
  std::set<ChildProcess*> busy_;
  bool stopped_ = false;
};

}  // namespace amalgam::rewards
