// A specialist: optional cold start, then GRPO on its domains (specialist_domains), the best
// validated step kept.
#pragma once
#include <memory>
#include <string>

#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/sampling_stage.h"

namespace amalgam::pipeline {

struct RlJob {
  std::string stage;
  std::string start_dir, out_dir;  // model directories
  std::string stream = {};         // SamplingSpec.stream; empty: the stage's name
};

// GRPO on the domains' prompts, with `rl` for all of them, but each domain's own length_penalty.
std::unique_ptr<SamplingStage> make_rl_stage(RunContext& run, const Domains& domains,
                                             const configs::RlConfig& rl, const RlJob& job);

// Does nothing if out_dir is there. Continues an interrupted stage.
void run_rl_job(RunContext& run, const configs::DomainConfig& domain, const RlJob& job);

// RUN/specialist-NAME (specialist_name): cold start (if the domain's sft.steps says so) and GRPO
// from the base.
void run_specialist_stage(RunContext& run, const configs::DomainConfig& domain);
// The same directory, or that of a specialist that the config brings.
std::string specialist_dir(const RunContext& run, const std::string& domain);

}  // namespace amalgam::pipeline
