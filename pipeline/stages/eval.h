// Final scores on test prompts: mean@n at the evaluation's temperature, with pass@k and maj@k of
// the same samples (scores_at_k.h), and greedy pass@1.
#pragma once
#include <functional>
#include <string>

#include "pipeline/identity/stage_plan.h"
#include "pipeline/stages/run_context.h"
#include "pipeline/stages/whole_run.h"

namespace amalgam::pipeline {

// kTest: the first eval.prompts test prompts. kAll: every validation and test prompt; the metrics'
// names end in "/all".
enum class EvalRows { kTest, kAll };

// Scores the model in `model_dir` on one domain and records the metrics under `model`: as far as
// they are not recorded of the same model, rows, reward function and settings. Says what it does
// anew, and why.
// `on_finished` is told how far each metric is, as CollectSpec's.
StageOutcome evaluate_model(RunContext& run, const configs::DomainConfig& domain,
                            const std::string& model, const std::string& model_dir, EvalRows rows,
                            const std::function<void(const std::string& metric, int64_t finished,
                                                     int64_t all)>& on_finished = {});

// Base, and of student and comparisons those that are wanted, on every domain, each specialist on
// its own.
void run_eval_stage(RunContext& run, const WantedModels& wanted);

}  // namespace amalgam::pipeline
