// A specialist: optional cold start, then GRPO on its domains (specialist_domains), the best
// validated step kept.
#pragma once
#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

struct RlJob {
  std::string stage;
  std::string start_dir, out_dir;  // model directories
};

// Does nothing if out_dir is there. Continues an interrupted stage.
void run_rl_job(RunContext& run, const configs::DomainConfig& domain, const RlJob& job);

// RUN/specialist-NAME (specialist_name): cold start (if the domain's sft.steps says so) and GRPO
// from the base.
void run_specialist_stage(RunContext& run, const configs::DomainConfig& domain);
// The same directory, or that of a specialist that the config brings.
std::string specialist_dir(const RunContext& run, const std::string& domain);

}  // namespace amalgam::pipeline
