// The student: on-policy distillation from the specialists.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

struct DistillJob {
  std::string stage;
  std::string start_dir, out_dir;                             // model directories
  std::vector<std::pair<std::string, std::string>> teachers;  // domain, model directory
  configs::Objective objective = configs::Objective::kExact;
  double lr = 0;
};

std::vector<std::string> teacher_dirs(const DistillJob& job);

// A model's probabilities mean nothing for tokens of another tokenizer: throws Error where one of
// the others has another than the model in start_dir, naming the first difference, or none.
void check_tokenizers(const std::string& start_dir, const std::vector<std::string>& others);

// Trains and leaves the chosen weights in out_dir; does nothing if it is there. Continues an
// interrupted job.
void run_distill_job(RunContext& run, const DistillJob& job);

// What the student starts from: distill.student, or the base.
std::string student_start_dir(const RunContext& run);

// RUN/NAME, distilled from the run's specialists with the best learning rate of
// distill.lr_candidates. All models of a run that are made so see the same prompts with the same
// keys, the same number of updates and the same candidates.
void run_distillation(RunContext& run, const std::string& name, configs::Objective objective);

}  // namespace amalgam::pipeline
