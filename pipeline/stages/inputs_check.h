// What can be wrong with the files that a config names is said before anything is computed, not
// hours into it.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "configs/run_config.h"
#include "kernels/device/thread_pool.h"
#include "pipeline/identity/stage_inputs.h"

namespace amalgam::pipeline {

// The sets of a domain that a command needs.
struct NeededSets {
  bool train = false, validation = false, test = false;
};
// Throws Error where neither a generator nor a file gives one of them, naming the key that would.
void require_sets(const configs::DomainConfig& domain, const std::string& command,
                  const NeededSets& needed);

struct InputScope {
  const configs::DomainConfig* examples_of = nullptr;  // its files for supervised training alone
  std::vector<std::string> teachers = {};              // model directories beside the config's
  bool calls_rewards = false;                          // once each, with a trial answer
};

struct InputReport {
  std::vector<std::pair<std::string, std::string>> usable;  // "rows", "train.jsonl: 600"
  std::vector<std::string> problems;                        // "train.jsonl:417: …"
  // Rows among the problems, whether listed or not; 0 where the config has them left out.
  int64_t num_bad_rows = 0;
  // Said once a file: rows that are left out, columns and message keys that nothing reads, keys of
  // extra_info that stand in for what a reward function would be told.
  std::vector<std::string> notes;
  InputFacts facts;
};

// Checks the model, the sandboxes' gateway, the tools, the reward files, and every row of every
// file by the verifier that will score it.
InputReport inspect_inputs(const configs::RunConfig& config, kernels::ThreadPool& pool,
                           const InputScope& scope = {});

// The same for a command that needs them: says the notes on stderr. Throws Error when there is a
// problem; of several each is said on stderr first.
InputFacts check_inputs(const configs::RunConfig& config, const InputScope& scope = {});

}  // namespace amalgam::pipeline
