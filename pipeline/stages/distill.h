// The student: on-policy distillation from the specialists.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

struct DistillJob {
  std::string model;               // "student", or of a comparison
  std::string start_dir, out_dir;  // model directories
  Domains domains;                 // of the prompts
  // Name (of a domain, for its specialist, or of a [[teacher]]), model directory.
  std::vector<std::pair<std::string, std::string>> teachers;
  configs::Objective objective = configs::Objective::kExact;
};

std::vector<std::string> teacher_dirs(const DistillJob& job);

// A model's probabilities mean nothing for tokens of another tokenizer: throws Error where one of
// the others has another than the model in start_dir, naming the first difference, or none.
void check_tokenizers(const std::string& start_dir, const std::vector<std::string>& others);

// What the student starts from: distill.student, or the base.
std::string student_start_dir(const RunContext& run);

// RUN/MODEL or RUN/MODEL-GROUP (merged_name) from the run's specialists and other teachers.
DistillJob merging_job(RunContext& run, const std::string& model, const std::string& student_group,
                       configs::Objective objective);

// Trains with the best learning rate of distill.lr_candidates, each in a stage of its own, and
// leaves the chosen weights in out_dir; does nothing if it is there. Continues an interrupted job.
// All models of a run that are made so see the same prompts with the same keys, the same number of
// updates and the same candidates.
void run_distillation(RunContext& run, const DistillJob& job);

}  // namespace amalgam::pipeline
