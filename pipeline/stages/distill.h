// The student: on-policy distillation from the specialists.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/rate_choice.h"
#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

struct DistillJob {
  std::string model;               // "student", or of a comparison
  std::string start_dir, out_dir;  // model directories
  Domains domains;                 // of the prompts
  // Name (of a domain, for its specialist, or of a [[teacher]]), model directory.
  std::vector<std::pair<std::string, std::string>> teachers;
  configs::Objective objective = configs::Objective::kExact;
  std::vector<double> learning_rates = {};  // empty: distillation_rates()
  configs::ObjectiveParameters parameters = {};
};

std::vector<std::string> teacher_dirs(const DistillJob& job);

// All merging by training sees the same prompts, with keys of this stream.
inline constexpr char kMergingStream[] = "distill";
// A training of the job with this rate, but for what it learns by; and its choice of a rate.
SamplingSpec merging_spec(const RunContext& run, const DistillJob& job, double lr);
RateChoice rate_choice(const configs::DistillConfig& config, const DistillJob& job);

// A model's probabilities mean nothing for tokens of another tokenizer: throws Error where one of
// the others has another than the model in start_dir, naming the first difference, or none.
void check_tokenizers(const std::string& start_dir, const std::vector<std::string>& others);

// Where what all start from has another tokenizer than the base, in which prompts are written.
void check_start(const RunContext& run, const std::string& start_dir);
// That, and its teachers'.
void check_job(const RunContext& run, const DistillJob& job);

// What the student starts from: distill.student, or the base.
std::string student_start_dir(const RunContext& run);

// RUN/MODEL or RUN/MODEL-GROUP (merged_name) from the run's specialists and other teachers.
DistillJob merging_job(RunContext& run, const std::string& model, const std::string& student_group,
                       configs::Objective objective,
                       const configs::ObjectiveParameters& parameters);

// distill.lr_candidates, or the one rate.
std::vector<double> distillation_rates(const configs::DistillConfig& config);

// Trains with the best of its learning rates, each in a stage of its own, and
// leaves the chosen weights in out_dir; does nothing if it is there. Continues an interrupted job.
// All models of a run that are made so see the same prompts with the same keys, the same number of
// updates and the same candidates.
void run_distillation(RunContext& run, const DistillJob& job);

}  // namespace amalgam::pipeline
