// Which rows train, which choose and which score: every domain's training, validation and test
// rows.
//
// No prompt (as encoded for the model; data that only tools see do not count) is in two of the
// sets, of any domain. Training is what a model of the run may have learned from: the prompts of
// supervised training, of RL and of distillation. Generators draw disjoint sets; of files the later
// row is left out, and counted.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "configs/run_config.h"
#include "kernels/device/thread_pool.h"
#include "pipeline/data/quickstart/generate.h"
#include "pipeline/data/rows.h"
#include "rollout/tools/tool_registry.h"

namespace amalgam::pipeline {

struct DomainSets {
  std::vector<Row> train, validation, test;
  int64_t validation_left_out = 0, test_left_out = 0;

  const std::vector<Row>& of(Split split) const {
    return split == Split::kTrain ? train : split == Split::kValidation ? validation : test;
  }
};

class DataSets {
 public:
  // Draws and reads all rows, on the pool's threads. Throws Error for a file that cannot be read,
  // for a set that would be empty, and where held-out rows do not suffice for a validation that the
  // config asks for.
  DataSets(const configs::RunConfig& config, const rollout::ToolRegistry& tools,
           kernels::ThreadPool& pool);

  const DomainSets& of(const std::string& domain) const { return sets_.at(domain); }

 private:
  std::map<std::string, DomainSets> sets_;
};

// The rows of base.sft and base.anneal, or of a specialist's cold start (kSft).
enum class SftPhase { kSft, kAnneal };
std::vector<Row> domain_sft_rows(const configs::RunConfig& config,
                                 const configs::DomainConfig& domain, SftPhase phase);
// Of every domain, in the config's order.
std::vector<std::vector<Row>> all_sft_rows(const configs::RunConfig& config,
                                           kernels::ThreadPool& pool, SftPhase phase);

}  // namespace amalgam::pipeline
