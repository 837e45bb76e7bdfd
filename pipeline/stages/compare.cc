#include "pipeline/stages/compare.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <filesystem>

#include "configs/error.h"
#include "configs/log/log.h"
#include "distill/merging/merge.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/stages/distill.h"
#include "pipeline/stages/imitation.h"
#include "pipeline/stages/merge_candidates.h"
#include "pipeline/stages/mixed_rl.h"
#include "pipeline/stages/model_files.h"
#include "pipeline/stages/prompt_sets.h"
#include "pipeline/stages/rl.h"
#include "pipeline/stages/sampling.h"
#include "pipeline/stages/sft.h"
#include "pipeline/stages/training_job.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;
using configs::Method;

// The validation prompts of all domains, as the distillation's.
std::vector<PromptRow> validation_prompts(RunContext& run, const Domains& domains,
                                          const std::string& stage) {
  const model::Tokenizer tokenizer = model::Tokenizer::load(tokenizer_dir(run));
  std::vector<PromptRow> all;
  for (const configs::DomainConfig* d : domains) {
    const PromptSet set = prompt_set(run, tokenizer, *d, Split::kValidation,
                                     run.config.distill.data.max_prompt_length, d->rl.val_prompts);
    record_set(run.store, {stage, to_string(Split::kValidation), d->name, set.counts});
    for (PromptRow& prompt : set.all()) all.push_back(std::move(prompt));
  }
  return all;
}

// As the table of choices has it.
SweepRow sweep_row(const std::string& model, Method method, const MergeCandidate& c,
                   const Score& score) {
  if (method == Method::kSlerp) return {model, kPlace, c.t, score};
  const std::string at =
      method == Method::kTaskArithmetic ? "" : " at density " + format_number(c.density);
  return {model, kScale + at, c.scale, score};
}

std::vector<std::string> specialists_of(const RunContext& run, const Domains& domains) {
  std::vector<std::string> directories;
  for (const configs::DomainConfig* d : domains)
    if (specialist_domains(run.config, *d)[0] == d)
      directories.push_back(specialist_dir(run, d->name));
  return directories;
}

// Weights are 1 / number of specialists: scale 1 adds the mean of their differences to the base.
void merge(RunContext& run, const configs::CompareConfig& compare, const MergeCandidate& candidate,
           const std::vector<std::string>& specialists, const std::string& out) {
  const double share = 1 / static_cast<double>(specialists.size());
  distill::MergeSpec spec{.method = distill::merge_method(configs::name_of(compare.method)),
                          .base = base_dir(run),
                          .models = {},
                          .out = out};
  for (const std::string& s : specialists) spec.models.push_back({s, share});
  switch (compare.method) {
    case Method::kMean:
      break;
    case Method::kSlerp:
      spec.base = specialists.at(0);
      spec.models = {{specialists.at(1), 1}};
      spec.t = candidate.t;
      break;
    case Method::kDare:
    case Method::kDareTies:
      if (candidate.density < 1) spec.seed = static_cast<uint64_t>(run.config.seed);
      [[fallthrough]];
    case Method::kTies:
      spec.density = {candidate.density};
      [[fallthrough]];
    default:  // task_arithmetic too
      spec.lambda = candidate.scale;
  }
  distill::merge_models(spec, run.pool, {.add_files = [&](const std::string& directory) {
                          copy_tokenizer_files(tokenizer_dir(run), directory);
                        }});
}

DistillJob comparison_job(RunContext& run, const configs::CompareConfig& compare,
                          const std::string& group) {
  DistillJob job =
      merging_job(run, compare.name, group,
                  configs::is_objective(compare.method) ? configs::objective_of(compare.method)
                                                        : run.config.distill.objective,
                  compare.parameters);
  job.learning_rates = compare.learning_rates;
  return job;
}

void run_merge(RunContext& run, const configs::CompareConfig& compare, const std::string& group) {
  const std::string name = merged_name(compare.name, group), out = run.path(name);
  if (fs::exists(out)) return;
  const Domains domains = domains_of(run.config, group);
  const std::vector<std::string> specialists = specialists_of(run, domains);
  const auto candidates = merge_candidates(compare, run.config.num_candidates());
  if (candidates.size() == 1) return merge(run, compare, candidates[0], specialists, out);
  const configs::DistillConfig& distill = run.config.distill;
  const std::string stage = "compare-" + name, trial = run.path("checkpoints/" + stage);
  const std::vector<PromptRow> prompts = validation_prompts(run, domains, stage);
  Progress progress(stage, static_cast<int64_t>(candidates.size()), 0, "candidate");
  size_t best = 0;
  double best_score = kUnknown;
  for (size_t i = 0; i < candidates.size(); ++i) {
    fs::remove_all(trial);
    merge(run, compare, candidates[i], specialists, trial);
    proto::WeightsRef weights;
    weights.set_model_dir(trial);
    const Score score = score_prompts(run, prompts,
                                      {.stage = validation_stage(stage),
                                       .step = static_cast<int64_t>(i),
                                       .weights = weights,
                                       .temperature = distill.rollout.temperature,
                                       .budget = budget_of(distill.data, distill.rollout, domains)})
                            .all;
    run.store.record_sweep(sweep_row(name, compare.method, candidates[i], score));
    if (!(score.mean <= best_score)) best = i, best_score = score.mean;
    progress.update(static_cast<int64_t>(i) + 1,
                    candidate_text(compare.method, candidates[i]) + ": " + format_score(score));
  }
  fs::remove_all(trial);
  merge(run, compare, candidates[best], specialists, out);
}

}  // namespace

std::string why_left_out(const configs::RunConfig& config, const configs::CompareConfig& compare,
                         const std::string& group) {
  const Domains domains = domains_of(config, group);
  const auto n = std::count_if(domains.begin(), domains.end(), [&](const auto* d) {
    return specialist_domains(config, *d)[0] == d;
  });
  if (compare.method != Method::kSlerp || n == 2) return "";
  return fmt::format("slerp merges two models, and there {} {}", n == 1 ? "is" : "are",
                     n == 1 ? std::string("one specialist") : fmt::format("{} specialists", n));
}

bool is_the_student(const configs::RunConfig& config, const configs::CompareConfig& compare) {
  return configs::is_objective(compare.method) && config.distill.steps > 0 &&
         configs::objective_of(compare.method) == config.distill.objective &&
         compare.parameters == config.distill.parameters && compare.learning_rates.empty();
}

bool has_stage(const configs::RunConfig& config, const configs::CompareConfig& compare,
               const std::string& group) {
  return !configs::is_own_model(compare.method) && !is_the_student(config, compare) &&
         why_left_out(config, compare, group).empty();
}

std::string comparison_dir(const RunContext& run, const configs::CompareConfig& compare,
                           const std::string& group) {
  return run.path(
      merged_name(is_the_student(run.config, compare) ? kStudent : compare.name, group));
}

void run_comparison(RunContext& run, const configs::CompareConfig& compare,
                    const std::string& group) {
  if (configs::is_merge(compare.method)) return run_merge(run, compare, group);
  if (compare.method == Method::kMixedRl) return run_mixed_rl(run, compare, group);
  if (compare.method == Method::kSft)
    return run_imitation(run, comparison_job(run, compare, group));
  run_distillation(run, comparison_job(run, compare, group));
}

}  // namespace amalgam::pipeline
