// Which rows train, which choose and which score: every domain's training, validation and test
// rows.
//
// No prompt (as encoded for the model, and without its effort; data that only tools see do not
// count) is in two of the sets, of any domain. Training is what a model of the run may have learned
// from: the prompts of supervised training, of RL and of distillation. Generators draw disjoint
// sets; of files the later row is left out, and counted.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "configs/run_config.h"
#include "kernels/device/thread_pool.h"
#include "pipeline/data/quickstart/generate.h"
#include "pipeline/data/row_store.h"
#include "pipeline/data/rows.h"
#include "rollout/tools/tool_registry.h"

namespace amalgam::pipeline {

struct RowSet {
  RowStore rows;
  // Left out: those that cannot be used, and those whose prompt stands in an earlier set.
  int64_t num_bad = 0, num_repeated = 0;
};

struct DomainSets {
  RowSet train, validation, test;

  const RowSet& of(Split split) const {
    return split == Split::kTrain ? train : split == Split::kValidation ? validation : test;
  }
  RowSet& of(Split split) {
    return split == Split::kTrain ? train : split == Split::kValidation ? validation : test;
  }
};

class DataSets {
 public:
  // Draws and reads all rows, on the pool's threads. Throws Error for a file that cannot be read,
  // for a row that cannot be used (skip_bad_rows: such are left out), for a set that would be
  // empty, and where held-out rows do not suffice for a validation that the config asks for.
  DataSets(const configs::RunConfig& config, const rollout::ToolRegistry& tools,
           kernels::ThreadPool& pool);

  const DomainSets& of(const std::string& domain) const { return sets_.at(domain); }

 private:
  std::map<std::string, DomainSets> sets_;
};

// The rows of base.sft and base.anneal, or of a specialist's cold start (kSft).
enum class SftPhase { kSft, kAnneal };
const char* to_string(SftPhase phase);  // "sft", "anneal"
RowSet domain_sft_rows(const configs::RunConfig& config, const rollout::ToolRegistry& tools,
                       kernels::ThreadPool& pool, const configs::DomainConfig& domain,
                       SftPhase phase);
// Of every domain, in the config's order.
std::vector<RowSet> all_sft_rows(const configs::RunConfig& config,
                                 const rollout::ToolRegistry& tools, kernels::ThreadPool& pool,
                                 SftPhase phase);

}  // namespace amalgam::pipeline
