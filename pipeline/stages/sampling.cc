#include "pipeline/stages/sampling.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "configs/error.h"
#include "pipeline/run_store/results.h"
#include "pipeline/stages/judged_answers.h"
#include "pipeline/stages/judged_scores.h"
#include "pipeline/stages/scores_at_k.h"
#include "pipeline/stages/sft.h"
#include "rollout/engine/streams.h"

namespace amalgam::pipeline {

int64_t EpisodeBudget::max_positions() const {
  return max_prompt_length + std::max(max_response_length, max_window) +
         (max_turns > 1 ? max_tool_tokens : 0);
}

EpisodeBudget budget_of(const configs::PromptBatchConfig& data,
                        const configs::RolloutConfig& rollout,
                        const std::vector<const configs::DomainConfig*>& domains) {
  int64_t max_window = 0;
  for (const configs::DomainConfig* d : domains)
    max_window = std::max(max_window, d->max_window(data.max_response_length));
  return {data.max_prompt_length,
          data.max_response_length,
          max_window,
          rollout.max_turns,
          rollout.max_calls_per_turn,
          rollout.max_tool_response_tokens,
          rollout.max_tool_tokens,
          rollout.draft,
          rollout.max_thinking_tokens};
}

CollectSpec collect_spec(const std::string& stage, int64_t step, const proto::WeightsRef& weights,
                         uint64_t stream, double temperature, const EpisodeBudget& budget,
                         bool score) {
  return {.stage = stage,
          .step = step,
          .weights = weights,
          .stream = stream,
          .temperature = temperature,
          .max_response_length = budget.max_response_length,
          .max_turns = budget.max_turns,
          .max_calls_per_turn = budget.max_calls_per_turn,
          .max_tool_response_tokens = budget.max_tool_response_tokens,
          .max_tool_tokens = budget.max_tool_tokens,
          .max_positions = budget.max_positions(),
          .max_thinking_tokens = budget.max_thinking_tokens,
          .draft = budget.draft,
          .score = score};
}

void add_choice_bytes(const std::vector<proto::Trajectory>& trajectories, NamedValues* figures) {
  size_t tokens = 0, experts = 0, entries = 0;
  for (const auto& t : trajectories) {
    tokens += static_cast<size_t>(t.ids_size());
    experts += t.experts().size();
    for (const uint32_t e : t.index_entries())
      entries += google::protobuf::io::CodedOutputStream::VarintSize32(e);
  }
  const auto add = [&](const char* name, size_t bytes) {
    if (bytes > 0)
      figures->emplace_back(name, static_cast<double>(bytes) / static_cast<double>(tokens));
  };
  add(kRoutingBytesMetric, experts);
  add("rollout/index_bytes_per_token", entries);
}

bool is_answer(const proto::Trajectory& t) {
  return t.meta().outcome() == proto::OUTCOME_OK || t.meta().outcome() == proto::OUTCOME_TRUNCATED;
}

Score score_of(const std::vector<const proto::Trajectory*>& trajectories) {
  std::vector<std::pair<int64_t, double>> rewards;
  for (const proto::Trajectory* t : trajectories)
    if (is_answer(*t)) rewards.emplace_back(t->meta().group(), t->meta().reward());
  return mean_over_prompts(rewards);
}

Score mean_over_prompts(const std::vector<std::pair<int64_t, double>>& values) {
  if (values.empty()) return {};
  std::map<int64_t, std::pair<double, int64_t>> by_prompt;
  for (const auto& [prompt, value] : values) {
    auto& [sum, count] = by_prompt[prompt];
    sum += value, ++count;
  }
  std::vector<double> means;
  for (const auto& [prompt, p] : by_prompt)
    means.push_back(p.first / static_cast<double>(p.second));
  Score s = score_over_prompts(means);
  s.is_share = std::all_of(values.begin(), values.end(),
                           [](const auto& v) { return v.second == 0 || v.second == 1; });
  return s;
}

Score score_over_prompts(const std::vector<double>& means) {
  const auto prompts = static_cast<double>(means.size());
  Score s{.mean = 0};
  for (const double m : means) s.mean += m;
  s.mean /= prompts;
  double squares = 0;
  for (const double m : means) squares += (m - s.mean) * (m - s.mean);
  if (prompts > 1) s.standard_error = std::sqrt(squares / (prompts - 1) / prompts);
  return s;
}

PromptScores score_prompts(RunContext& run, const std::vector<PromptRow>& prompts,
                           const ScoreSpec& spec) {
  TrajectoryLog log(trajectory_log_path(run.run_dir, spec.stage));
  std::vector<proto::SampleGroup> groups;
  for (size_t i = 0; i < prompts.size(); ++i)
    groups.push_back(sample_group(prompts[i], spec.step, static_cast<int64_t>(i), spec.n));
  PromptScores scores;
  CollectSpec collect = collect_spec(
      spec.stage, spec.step, spec.weights,
      stage_stream(spec.stream.empty() ? spec.stage : spec.stream, rollout::kStreamValidation),
      spec.temperature, spec.budget, /*score=*/true);
  collect.on_finished = spec.on_finished;
  leave_to_judge(run.config, &groups);
  RolloutPool& rollouts = run.rollouts(tokenizer_dir(run));
  scores.samples = rollouts.collect(collect, std::move(groups), log, &scores.figures);
  score_by_judge(run, spec.stage, spec.step, spec.weights, spec.temperature, prompts, log,
                 &scores.samples);
  rollouts.forget(spec.stage, spec.step);
  std::vector<const proto::Trajectory*> all;
  std::vector<std::pair<std::string, std::vector<const proto::Trajectory*>>> by_source;
  for (const proto::Trajectory& t : scores.samples) {
    all.push_back(&t);
    const std::string& source = prompts[static_cast<size_t>(t.meta().group())].source;
    auto at = std::find_if(by_source.begin(), by_source.end(),
                           [&](const auto& s) { return s.first == source; });
    if (at == by_source.end()) at = by_source.insert(at, {source, {}});
    at->second.push_back(&t);
  }
  scores.all = score_of(all);
  scores.at_k = scores_at_k(all, spec.n);
  scores.success = success_reward(all);
  std::set<int64_t> scored;
  for (const proto::Trajectory* t : all)
    if (is_answer(*t)) scored.insert(t->meta().group());
  scores.num_scored = static_cast<int64_t>(scored.size());
  for (const proto::Trajectory* t : all)
    scores.masked_samples += !is_answer(*t) && scored.contains(t->meta().group());
  for (const auto& [source, samples] : by_source) {
    scores.by_source.emplace_back(source, score_of(samples));
    if (!std::isnan(scores.by_source.back().second.mean)) continue;
    const proto::TrajectoryMetadata& meta = samples[0]->meta();
    const std::string problem = spec.stage + ": no answer of " + source +
                                " could be scored; the first: " + meta.prompt_id() + ": " +
                                meta.failure();
    if (is_scored_by_judge(*run.config.find_domain(meta.domain()))) throw NoVerdict(problem);
    throw Error(problem);
  }
  return scores;
}

}  // namespace amalgam::pipeline
