// A user's reward function in Python, in one of three forms, each plain or async:
//     compute_score(data_source, solution_str, ground_truth, extra_info) -> number, bool or
//     {"score": …, "pred": …, …}                       verl's: one sample
//     compute_score(data_sources, solution_strs, ground_truths, extra_infos) -> [number]
//                                                      verl's for batches
//     some_reward(completions, **columns) -> [number or None]  TRL's: a batch; of several functions
//     the score of a sample is Σ weight · number over those that gave one
// Numbers beside a score are parts, "pred" is the answer (rewards/score/score.h).
// A batch is all samples of one prompt. It is the user's own, trusted code: plain child processes,
// supervised, with an environment that is named. One is started again after a crash or a time-out.
// What is not served is refused when the file is loaded, with the reason.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "configs/names.h"
#include "rewards/programs/child_process.h"
#include "rewards/score/score.h"

namespace amalgam::configs {
struct DomainConfig;
}

namespace amalgam::rewards {

enum class PluginForm { kVerl, kVerlBatch, kTrl };

struct PluginOptions {
  std::string path;  // of the Python file
  // Its name, or those of several in TRL's form. Empty: compute_score, else the only function with
  // "reward" in its name.
  configs::Names function = {};
  double call_deadline_seconds = 30;
  double start_deadline_seconds = 60;  // imports can be slow
  std::string python = "/usr/bin/python3";
  std::vector<std::string> environment = {};  // names of variables beside the minimal ones
  std::string kwargs = "{}";                  // JSON
  std::string name = "reward";                // in the log
  std::vector<double> weights = {};           // of the functions; empty: all 1
  std::string source = {};  // of a program of ours, which is run instead of a file
};
// Of a domain that has one.
PluginOptions plugin_options(const configs::DomainConfig& domain);

// What a function is made of.
struct PluginFacts {
  std::string python, python_version;  // the interpreter's path; "3.11.2"
  std::vector<std::string> files;      // its own, and those of local modules that it imported
  std::string function;                // its name, of several "A, B"
  std::vector<std::string> columns;    // that it requires of rows, by name
  std::string package;                 // that a program of ours needs: "reasoning-gym 0.1.25"
};

// Structured values are JSON text; empty stands for null.
struct PluginRequest {
  std::string data_source;
  std::string solution;
  std::string ground_truth;
  std::string extra_info;
  std::string row;  // an object; its columns, extra_info as above, are TRL's keyword arguments
  std::vector<int32_t> completion_ids = {};  // TRL's
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
  // crashed), kTimeout, kWrongType, kNotFinite or kNoReward.
  std::vector<Score> score(const std::string& seed, const std::vector<PluginRequest>& samples);

  // What a program of ours answers to a line of its own; both are JSON objects. Throws Error.
  std::string request(const std::string& line, double deadline_seconds);

  // Calls that are under way, and all later ones, fail at once.
  void stop();

 private:
  struct Started {
    std::unique_ptr<ChildProcess> child;
    PluginForm form;
    PluginFacts facts;
  };
  Started start();                       // throws Error
  std::unique_ptr<ChildProcess> take();  // an idle one, or one that starts; throws Error
  void give_back(std::unique_ptr<ChildProcess> child);
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
