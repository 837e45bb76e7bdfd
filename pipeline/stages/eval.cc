#include "pipeline/stages/eval.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "configs/log/log.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/judge_results.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/run_store/results.h"
#include "pipeline/stages/compare.h"
#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/judge_measure.h"
#include "pipeline/stages/judged_answers.h"
#include "pipeline/stages/prompt_sets.h"
#include "pipeline/stages/rl.h"
#include "pipeline/stages/sampling.h"
#include "pipeline/stages/scores_by_length.h"
#include "pipeline/stages/sft.h"
#include "pipeline/stages/training_job.h"

namespace amalgam::pipeline {
namespace {

// One of the two figures of an evaluation.
struct Metric {
  std::string name, stage;
  std::string stream;  // the same for all models
  int64_t n;
  double temperature;
};

std::vector<Metric> metrics_of(const configs::EvalConfig& eval, const std::string& model,
                               const std::string& domain, EvalRows rows) {
  const bool all = rows == EvalRows::kAll;
  const auto metric = [&](const std::string& name, const std::string& kind, int64_t n,
                          double temperature) -> Metric {
    return {name + (all ? kAllRowsSuffix : ""),
            evaluation_stage(model, domain, kind) + (all ? "-all" : ""),
            "eval-" + domain + "-" + kind, n, temperature};
  };
  std::vector<Metric> metrics = {metric(kSampledMetricPrefix + std::to_string(eval.n), kSampledKind,
                                        eval.n, eval.temperature)};
  if (eval.greedy) metrics.push_back(metric(kGreedyMetric, "greedy", 1, 0));
  return metrics;
}

bool is_recorded(const RunStore& store, const std::string& model, const std::string& domain,
                 const Metric& metric) {
  const auto rows = store.evals();
  return std::any_of(rows.begin(), rows.end(), [&](const EvalRow& r) {
    return r.model == model && r.domain == domain && r.metric == metric.name;
  });
}

using OnFinished = std::function<void(const std::string&, int64_t, int64_t)>;

void score(RunContext& run, const configs::DomainConfig& domain, const std::string& model,
           const std::string& model_dir, EvalRows rows, const std::vector<Metric>& metrics,
           const OnFinished& on_finished) {
  begin_work();
  EpisodeBudget budget = budget_of(domain.rl.data, domain.rl.rollout, {&domain});
  if (run.config.eval.max_thinking_tokens >= 0)
    budget.max_thinking_tokens = run.config.eval.max_thinking_tokens;
  const model::Tokenizer tokenizer = model::Tokenizer::load(tokenizer_dir(run));
  const bool all = rows == EvalRows::kAll;
  PromptSet set = prompt_set(run, tokenizer, domain, Split::kTest, budget.max_prompt_length,
                             all ? -1 : run.config.eval.prompts);
  std::vector<PromptRow> prompts = set.all();
  const DomainSets& sets = run.data().of(domain.name);
  if (model == kScored)
    log::say(log::Part::kData,
             fmt::format("{}: {} test rows; {} are validation's{}", domain.name,
                         sets.test.rows.size(), sets.validation.rows.size(),
                         all ? " and scored too" : " (--all-rows scores them too)"));
  if (all && !sets.validation.rows.empty()) {
    PromptSet more =
        prompt_set(run, tokenizer, domain, Split::kValidation, budget.max_prompt_length);
    set.counts.add(more.counts);
    for (PromptRow& p : more.all()) prompts.push_back(std::move(p));
  }
  proto::WeightsRef weights;
  weights.set_model_dir(model_dir);
  for (const Metric& metric : metrics) {
    if (is_recorded(run.store, model, domain.name, metric)) continue;
    const auto tell = [&](int64_t finished, int64_t all_samples) {
      if (on_finished) on_finished(metric.name, finished, all_samples);
    };
    PromptScores s;
    try {
      s = score_prompts(run, prompts,
                        {.stage = metric.stage,
                         .stream = metric.stream,
                         .weights = weights,
                         .n = metric.n,
                         .temperature = metric.temperature,
                         .budget = budget,
                         .on_finished = tell});
    } catch (const NoVerdict& e) {  // a base that cannot judge: its score stays unknown
      log::warn(log::Part::kReward, model + " has no score here: " + e.what());
      continue;
    }
    SetCounts counts = set.counts;
    counts.not_scored = counts.used - s.num_scored;
    counts.used = s.num_scored;
    counts.masked_samples = s.masked_samples;
    record_set(run.store,
               {metric.stage, all ? "all" : to_string(Split::kTest), domain.name, counts});
    run.store.add_figure(RunStore::kRun, "index_visible",
                         static_cast<double>(s.figures.index_visible));
    run.store.add_figure(RunStore::kRun, "index_selected",
                         static_cast<double>(s.figures.index_selected));
    run.store.add_figure(RunStore::kRun, "index_compared",
                         static_cast<double>(s.figures.index_compared));
    run.store.add_figure(RunStore::kRun, "index_agreed",
                         static_cast<double>(s.figures.index_agreed));
    if (metric.n > 1 && s.success > 1)
      log::say(
          log::Part::kReward,
          fmt::format("{}, {}: a success of pass@k has the highest reward here, {}; of another "
                      "model it may be another",
                      model, domain.name, s.success));
    // The metric itself last: when it is there, they all are.
    const auto record = [&](const std::string& name, const Score& score) {
      run.store.record_eval(
          {metric.stage, model, domain.name, name + (all ? kAllRowsSuffix : ""), score});
    };
    if (metric.n > 1)
      for (const auto& [name, at_k] : s.at_k) record(name, at_k);
    const LengthScores length = length_scores(
        tokenizer, s.samples, std::max(budget.max_response_length, budget.max_window));
    const bool is_sampled = metric.name.starts_with(kSampledMetricPrefix);
    record(is_sampled ? kTokensMetric : kGreedyTokensMetric, length.tokens);
    if (budget.max_thinking_tokens > 0)
      record(is_sampled ? kForcedMetric : kGreedyForcedMetric, length.forced_thinking_ends);
    if (is_sampled && !domain.effort_mode().empty()) {
      for (const auto& [tokens, score] : length.within)
        record(kWithinMetricPrefix + std::to_string(tokens), score);
      length.by_number.record(&run.store, metric.stage);
    }
    if (is_sampled && domain.judge.is_on()) {
      const auto prompt_of = [&](int64_t group) { return prompts[static_cast<size_t>(group)]; };
      const Judge judge(run, domain);
      const JudgeMeasured m = JudgeMeasure(run, domain, judge, metric.stage)
                                  .measure(0, weights, metric.temperature, prompt_of, s.samples);
      const auto share = [](double x) { return Score{.mean = x}; };
      record(kJudgeScoreMetric, m.score);
      if (domain.has_program()) record(kJudgeTruthMetric, s.all);
      if (m.current && m.current->agreement)
        record(kJudgeCurrentMetric, share(*m.current->agreement));
      if (m.heldout && m.heldout->agreement)
        record(kJudgeHeldoutMetric, share(*m.heldout->agreement));
    }
    run.store.record_eval({metric.stage, model, domain.name, metric.name, s.all});
  }
}

}  // namespace

StageOutcome evaluate_model(RunContext& run, const configs::DomainConfig& domain,
                            const std::string& model, const std::string& model_dir, EvalRows rows,
                            const OnFinished& on_finished) {
  const std::vector<Metric> metrics = metrics_of(run.config.eval, model, domain.name, rows);
  StageInputs inputs = run.inputs();
  inputs.add_common();
  inputs.add_prompts();
  const std::string rl = "domain." + domain.name + ".rl.";
  inputs.add_keys({"eval.", rl + "data.max_prompt_length", rl + "data.max_response_length",
                   rl + "rollout.max_turns", rl + "rollout.max_calls_per_turn",
                   rl + "rollout.max_tool_response_tokens", rl + "rollout.max_tool_tokens",
                   rl + "rollout.max_thinking_tokens", "domain." + domain.name + ".windows"});
  inputs.add_scoring(domain.name);
  inputs.add_model(model, model_dir);
  // A sample depends on its prompt's and its own number, not on how many there are.
  const auto more = [](int64_t, int64_t) { return std::string(); };
  const StagePlan plan = {
      .name =
          "eval of " + model + " on " + domain.name + (rows == EvalRows::kAll ? ", all rows" : ""),
      .inputs = inputs.take(),
      .extensible = {{"eval.prompts", more}, {"eval.n", more}},
      // Verdicts are numbered through all answers.
      .reopen =
          [&] {
            run.store.forget_evals(model, domain.name);
            for (const Metric& metric : metrics) forget_verdicts(run, metric.stage);
          },
      .forget =
          [&] {
            run.store.forget_evals(model, domain.name);
            for (const Metric& metric : metrics) forget_job(run, metric.stage);
          },
      .run = [&] { score(run, domain, model, model_dir, rows, metrics, on_finished); },
      .is_done =
          [&] {
            return std::all_of(metrics.begin(), metrics.end(), [&](const Metric& m) {
              return is_recorded(run.store, model, domain.name, m);
            });
          }};
  std::set<std::string> anew;
  return run_stage(plan, &anew, run.store, run.digests());
}

void run_eval_stage(RunContext& run, const WantedModels& wanted) {
  struct Scored {
    const configs::DomainConfig* domain;
    std::string model, directory;
  };
  std::vector<Scored> all;
  for (const configs::DomainConfig& d : run.config.domains) {
    const std::string group = student_group(run.config, d);
    all.push_back({&d, kBase, base_dir(run)});
    if (run.config.distill.steps > 0 && wanted.has(kStudent))
      all.push_back({&d, kStudent, run.path(merged_name(kStudent, group))});
    for (const configs::CompareConfig& c : run.config.compare)
      if (wanted.has(c.name) && !configs::is_own_model(c.method) &&
          why_left_out(run.config, c, group).empty())
        all.push_back({&d, c.name, comparison_dir(run, c, group)});
    all.push_back({&d, kSpecialist, specialist_dir(run, d.name)});
  }
  Progress progress("eval", static_cast<int64_t>(all.size()));
  int64_t done = 0;
  for (const Scored& s : all) {
    const std::string what = s.model + " on " + s.domain->name;
    evaluate_model(run, *s.domain, s.model, s.directory, EvalRows::kTest,
                   [&](const std::string& metric, int64_t finished, int64_t samples) {
                     if (finished > 0 && finished < samples)
                       progress.update(done, fmt::format("{}, {}, {} of {} samples", what, metric,
                                                         finished, samples));
                   });
    progress.update(++done, what);
  }
}

}  // namespace amalgam::pipeline
