#include "pipeline/stages/eval.h"

#include <algorithm>

#include "pipeline/run_store/progress.h"
#include "pipeline/run_store/results.h"
#include "pipeline/stages/prompt_sets.h"
#include "pipeline/stages/rl.h"
#include "pipeline/stages/sampling.h"
#include "pipeline/stages/sft.h"

namespace amalgam::pipeline {
namespace {

bool is_recorded(const RunStore& store, const std::string& model, const std::string& domain,
                 const std::string& metric) {
  const auto rows = store.evals();
  return std::any_of(rows.begin(), rows.end(), [&](const EvalRow& r) {
    return r.model == model && r.domain == domain && r.metric == metric;
  });
}

}  // namespace

void evaluate_model(RunContext& run, const configs::DomainConfig& domain, const std::string& model,
                    const std::string& model_dir, EvalRows rows) {
  const configs::EvalConfig& eval = run.config.eval;
  const EpisodeBudget budget = budget_of(domain.rl.data, domain.rl.rollout);
  const model::Tokenizer tokenizer = model::Tokenizer::load(tokenizer_dir(run));
  const bool all = rows == EvalRows::kAll;
  PromptSet set = prompt_set(run, tokenizer, domain, Split::kTest, budget.max_prompt_length,
                             all ? -1 : eval.prompts);
  if (all && !run.data().of(domain.name).validation.rows.empty()) {
    PromptSet more =
        prompt_set(run, tokenizer, domain, Split::kValidation, budget.max_prompt_length);
    set.counts.add(more.counts);
    for (PromptRow& p : more.prompts) set.prompts.push_back(std::move(p));
  }
  proto::WeightsRef weights;
  weights.set_model_dir(model_dir);
  const auto score = [&](const std::string& name, const std::string& kind, int64_t n,
                         double temperature) {
    const std::string metric = name + (all ? "/all" : "");
    if (is_recorded(run.store, model, domain.name, metric)) return;
    const std::string stage = evaluation_stage(model, domain.name, kind) + (all ? "-all" : "");
    const PromptScores s = score_prompts(run, stage, 0, weights, tokenizer_dir(run), set.prompts, n,
                                         temperature, budget);
    SetCounts counts = set.counts;
    counts.not_scored = counts.used - s.num_scored;
    counts.used = s.num_scored;
    counts.masked_samples = s.masked_samples;
    record_set(run.store, {stage, all ? "all" : to_string(Split::kTest), domain.name, counts});
    run.store.add_figure(RunStore::kRun, "index_visible",
                         static_cast<double>(s.figures.index_visible));
    run.store.add_figure(RunStore::kRun, "index_selected",
                         static_cast<double>(s.figures.index_selected));
    run.store.add_figure(RunStore::kRun, "index_compared",
                         static_cast<double>(s.figures.index_compared));
    run.store.add_figure(RunStore::kRun, "index_agreed",
                         static_cast<double>(s.figures.index_agreed));
    run.store.record_eval({stage, model, domain.name, metric, s.all});
  };
  score(kSampledMetricPrefix + std::to_string(eval.n), kSampledKind, eval.n, eval.temperature);
  if (eval.greedy) score(kGreedyMetric, "greedy", 1, 0);
}

void run_eval_stage(RunContext& run) {
  const auto& domains = run.config.domains;
  std::vector<std::pair<std::string, std::string>> everywhere = {{kBase, base_dir(run)}};
  if (run.config.distill.steps > 0) everywhere.emplace_back(kStudent, run.path(kStudent));
  for (const configs::CompareConfig& c : run.config.compare)
    everywhere.emplace_back(c.name, run.path(c.name));
  Progress progress("eval", static_cast<int64_t>(domains.size() * (everywhere.size() + 1)));
  int64_t done = 0;
  for (const configs::DomainConfig& d : domains) {
    for (const auto& [model, dir] : everywhere) {
      evaluate_model(run, d, model, dir, EvalRows::kTest);
      progress.update(++done, model + " on " + d.name);
    }
    evaluate_model(run, d, kSpecialist, specialist_dir(run, d.name), EvalRows::kTest);
    progress.update(++done, "specialist on " + d.name);
  }
}

}  // namespace amalgam::pipeline
