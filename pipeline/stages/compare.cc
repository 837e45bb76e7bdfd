#include "pipeline/stages/compare.h"

#include <algorithm>
#include <filesystem>

#include "pipeline/run_store/progress.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/stages/distill.h"
#include "pipeline/stages/model_files.h"
#include "pipeline/stages/prompt_sets.h"
#include "pipeline/stages/rl.h"
#include "pipeline/stages/sampling.h"
#include "pipeline/stages/sft.h"
#include "pipeline/stages/training_job.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;

// 1, 1.25, 0.75, 1.5, 0.5, …: the plain mean first.
std::vector<double> default_coefficients(int64_t n) {
  std::vector<double> c;
  for (int64_t i = 0; i < std::max<int64_t>(1, n); ++i)
    c.push_back(1 + (i % 2 == 1 ? 0.25 : -0.25) * static_cast<double>((i + 1) / 2));
  return c;
}

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

void run_weight_average(RunContext& run, const configs::CompareConfig& compare,
                        const std::string& student_group) {
  const std::string name = merged_name(compare.name, student_group), out = run.path(name);
  if (fs::exists(out)) return;
  const Domains domains = domains_of(run.config, student_group);
  std::vector<std::string> specialists;
  for (const configs::DomainConfig* d : domains)
    if (specialist_domains(run.config, *d)[0] == d)
      specialists.push_back(specialist_dir(run, d->name));
  const configs::DistillConfig& distill = run.config.distill;
  const bool validates = distill.test_freq > 0;
  std::vector<double> coefficients = compare.coefficients;
  if (coefficients.empty())
    coefficients =
        default_coefficients(num_choices(run.store, merged_name(kStudent, student_group)));
  if (!validates || coefficients.size() == 1) {
    average_models(base_dir(run), specialists, coefficients[0], out, tokenizer_dir(run));
    return;
  }
  const std::string stage = "compare-" + name, trial = run.path("checkpoints/" + stage);
  const std::vector<PromptRow> prompts = validation_prompts(run, domains, stage);
  Progress progress(stage, static_cast<int64_t>(coefficients.size()), 0);

  double best = coefficients[0], best_score = kUnknown;
  for (size_t i = 0; i < coefficients.size(); ++i) {
    fs::remove_all(trial);
    average_models(base_dir(run), specialists, coefficients[i], trial, tokenizer_dir(run));
    proto::WeightsRef weights;
    weights.set_model_dir(trial);
    const Score score =
        score_prompts(run, validation_stage(stage), static_cast<int64_t>(i), weights,
                      tokenizer_dir(run), prompts, 1, distill.rollout.temperature,
                      budget_of(distill.data, distill.rollout, domains))
            .all;
    run.store.record_sweep({name, kCoefficient, coefficients[i], score});
    if (!(score.mean <= best_score)) best = coefficients[i], best_score = score.mean;
    progress.update(static_cast<int64_t>(i) + 1,
                    "coefficient " + format_number(coefficients[i]) + ": " + format_score(score));
  }
  fs::remove_all(trial);
  average_models(base_dir(run), specialists, best, out, tokenizer_dir(run));
}

}  // namespace

void run_comparison(RunContext& run, const configs::CompareConfig& compare,
                    const std::string& student_group) {
  switch (compare.kind) {
    case configs::CompareKind::kWeightAverage:
      run_weight_average(run, compare, student_group);
      break;
    case configs::CompareKind::kDistill:
      run_distillation(
          run, merging_job(run, compare.name, student_group, compare.objective, /*parameters=*/{}));
      break;
  }
}

}  // namespace amalgam::pipeline
