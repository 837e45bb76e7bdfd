// A stage with what it reads and makes: whether it is done, goes on, or has to begin anew.
#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/identity/digest.h"
#include "pipeline/identity/stage_inputs.h"
#include "pipeline/run_store/run_store.h"

namespace amalgam::pipeline {

struct StagePlan {
  std::string name;  // "rl-math"
  std::vector<Input> inputs;
  std::vector<std::pair<std::string, std::string>> outputs = {};  // models: name, directory
  // Keys that may get a larger value, and then what is there stays valid: empty, or why it would
  // not.
  std::map<std::string, std::function<std::string(int64_t before, int64_t now)>> extensible = {};
  std::function<bool()> has_begun = nullptr;   // whether anything is there of it
  std::function<bool()> has_scores = nullptr;  // whether there is a reward in it
  std::function<void()> reopen = nullptr;      // it is finished and extended
  std::function<void()> forget = nullptr;      // removes what is there of it
  std::function<void()> run = nullptr;
  // Of a part of a stage, which has no row among the stages. Other inputs are no error then: it
  // begins anew.
  std::function<bool()> is_done = nullptr;
};

// Runs a stage, as far as it is not done, and records what it read and made. What it read when it
// began must be what it reads now, or Error names each difference. But a key may extend it; what
// decides rewards may change before there is one; and it begins anew when it is in *anew, or where
// something differs and what made its models is. It is in *anew then. A model that is not what its
// stage made is an Error. Says what it does anew, and why.
enum class StageOutcome { kWasDone, kRan };
StageOutcome run_stage(const StagePlan& plan, std::set<std::string>* anew, RunStore& store,
                       Digests& digests);

}  // namespace amalgam::pipeline
