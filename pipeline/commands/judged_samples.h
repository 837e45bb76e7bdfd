// Answers of a run that its domains' judges judge, to be labelled by people.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "configs/run_config.h"
#include "kernels/device/thread_pool.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/data/judge_form.h"
#include "pipeline/run_store/run_store.h"
#include "pipeline/stages/data_sets.h"
#include "rollout/tools/tool_registry.h"

namespace amalgam::pipeline {

class JudgedSamples {
 public:
  // Reads the record of the run and the rows that its config names. Throws Error for a directory
  // that is no run's, and for a run without a judge.
  explicit JudgedSamples(const std::string& run_dir);

  const configs::RunConfig& config() const { return config_; }
  // Complete ones, and those without a verdict that could be parsed: leaving them out would choose.
  // By stage, step, group and number of the sample.
  const std::vector<TrajectoryRow>& all() const { return all_; }
  const TrajectoryRow* find(const std::string& stage, int64_t step, int64_t group,
                            int64_t sample) const;

  bool is_compared(const TrajectoryRow& sample) const;  // its judge is pairwise
  // STAGE/STEP/GROUP/SAMPLE
  static std::string id_of(const TrajectoryRow& sample);
  // Nothing: the answer has no text. Throws Error where the prompt's row is not the one that was
  // sampled from.
  std::optional<JudgeFormEntry> entry(const TrajectoryRow& sample) const;

 private:
  const configs::DomainConfig& domain_of(const TrajectoryRow& sample) const;

  configs::RunConfig config_;
  RunStore store_;
  kernels::ThreadPool pool_;
  rollout::ToolRegistry tools_;
  DataSets data_;
  model::Tokenizer tokenizer_;
  std::vector<TrajectoryRow> all_;
};

}  // namespace amalgam::pipeline
