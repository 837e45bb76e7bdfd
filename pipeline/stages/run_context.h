// What all stages of a run share.
#pragma once
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "configs/log/log.h"
#include "configs/run_config.h"
#include "kernels/device/thread_pool.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/identity/digest.h"
#include "pipeline/identity/stage_inputs.h"
#include "pipeline/run_store/run_store.h"
#include "pipeline/stages/data_sets.h"
#include "pipeline/workers/domain_tools.h"
#include "pipeline/workers/rollout_pool.h"
#include "rollout/tools/tool_registry.h"

namespace amalgam::pipeline {

struct RunContext {
  configs::RunConfig config;
  std::string run_dir;
  RunStore& store;
  kernels::ThreadPool& pool;
  rollout::ToolRegistry tools;
  InputFacts facts;

  std::string path(const std::string& name) const { return run_dir + "/" + name; }
  std::string state_path(const std::string& stage) const {
    return run_dir + "/checkpoints/" + stage + "/state";
  }

  // Sampling starts when the first stage needs it (then the tokenizer exists).
  RolloutPool& rollouts(const std::string& tokenizer_dir) {
    if (!rollouts_)
      rollouts_ = std::make_unique<RolloutPool>(config, tokenizer_dir, run_dir, tools.user_tools(),
                                                pool, store);
    return *rollouts_;
  }

  // Read and drawn when the first stage needs them.
  const DataSets& data() {
    if (!data_) data_ = std::make_unique<DataSets>(config, tools, pool);
    return *data_;
  }

  Digests& digests() { return digests_; }
  StageInputs inputs() { return StageInputs(config, facts, tools.user_tools(), digests_); }

  // A line for the user, on the console. Stages that find the same say it once.
  void say_once(const std::string& line) {
    if (said_.insert(line).second) log::warn(log::Part::kData, line);
  }

 private:
  std::set<std::string> said_;
  std::unique_ptr<RolloutPool> rollouts_;
  std::unique_ptr<DataSets> data_;
  Digests digests_;

 public:
  RunContext(configs::RunConfig c, InputFacts f, RunStore& s, kernels::ThreadPool& p)
      : config(std::move(c)),
        run_dir(config.run_dir),
        store(s),
        pool(p),
        tools(load_user_tools(config)),
        facts(std::move(f)),
        digests_(p) {}
};

// Request keys: one 64-bit number per sample of a stage and step.
inline uint64_t request_key(int64_t step, int64_t group, int64_t sample) {
  return (static_cast<uint64_t>(step) << 36) | (static_cast<uint64_t>(group) << 16) |
         static_cast<uint64_t>(sample);
}
// Streams differ by stage, so that two stages share no random numbers.
uint64_t stage_stream(const std::string& stage, uint64_t use);

}  // namespace amalgam::pipeline
