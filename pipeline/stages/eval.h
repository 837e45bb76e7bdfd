// Final scores: mean@n at the evaluation's temperature and greedy pass@1, on held-out prompts.
#pragma once
#include <string>

#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

// Scores the model in `model_dir` on one domain and records both metrics under `model` (kModels in
// pipeline/run_store/results.h). Does nothing when they are recorded already.
void evaluate_model(RunContext& run, const configs::DomainConfig& domain, const std::string& model,
                    const std::string& model_dir);

// Base, student and baselines on every domain, each specialist on its own.
void run_eval_stage(RunContext& run);

}  // namespace amalgam::pipeline
