#include "pipeline/stages/sampling.h"

#include <google/protobuf/io/coded_stream.h>

#include <cmath>
#include <map>

#include "rollout/engine/streams.h"

namespace amalgam::pipeline {

int64_t EpisodeBudget::max_positions() const {
  constexpr int64_t kFrameTokens = 128;  // around a result, whose bytes are at worst a token each
  return max_prompt_length + max_response_length +
         (max_turns - 1) * (max_tool_response_length + kFrameTokens);
}

EpisodeBudget budget_of(const configs::PromptBatchConfig& data,
                        const configs::RolloutConfig& rollout) {
  return {data.max_prompt_length, data.max_response_length, rollout.max_turns,
          rollout.max_tool_response_length, rollout.draft};
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
  add("rollout/routing_bytes_per_token", experts);
  add("rollout/index_bytes_per_token", entries);
}

HeldOutScore summarize(const std::vector<proto::Trajectory>& trajectories) {
  HeldOutScore s;
  std::map<int64_t, std::pair<double, int64_t>> by_prompt;
  for (const auto& t : trajectories) {
    const auto outcome = t.meta().outcome();
    if (outcome != proto::OUTCOME_OK && outcome != proto::OUTCOME_TRUNCATED) {
      ++s.num_failed;
      continue;
    }
    auto& [sum, count] = by_prompt[t.meta().group()];
    sum += t.meta().reward(), ++count;
    s.response_length += t.meta().response_length();
    ++s.num_samples;
  }
  if (by_prompt.empty()) return s;
  s.response_length /= static_cast<double>(s.num_samples);
  const auto prompts = static_cast<double>(by_prompt.size());
  for (const auto& [group, p] : by_prompt) s.mean += p.first / static_cast<double>(p.second);
  s.mean /= prompts;
  double squares = 0;
  for (const auto& [group, p] : by_prompt) {
    const double d = p.first / static_cast<double>(p.second) - s.mean;
    squares += d * d;
  }
  s.standard_error = prompts > 1 ? std::sqrt(squares / (prompts - 1) / prompts) : 0;
  return s;
}

HeldOutScore score_held_out(RunContext& run, const std::string& stage, int64_t step,
                            const proto::WeightsRef& weights, const std::string& tokenizer_dir,
                            const std::vector<PromptRow>& prompts, int64_t n, double temperature,
                            const EpisodeBudget& budget) {
  TrajectoryLog log(trajectory_log_path(run.run_dir, stage));
  std::vector<proto::SampleGroup> groups;
  for (size_t i = 0; i < prompts.size(); ++i)
    groups.push_back(sample_group(prompts[i], step, static_cast<int64_t>(i), n));
  CollectFigures figures;
  const CollectSpec spec{.stage = stage,
                         .step = step,
                         .weights = weights,
                         .stream = stage_stream(stage, rollout::kStreamValidation),
                         .temperature = temperature,
                         .max_response_length = budget.max_response_length,
                         .max_turns = budget.max_turns,
                         .max_tool_response_length = budget.max_tool_response_length,
                         .max_positions = budget.max_positions(),
                         .draft = budget.draft,
                         .score = true};
  const auto trajectories =
      run.rollouts(tokenizer_dir).collect(spec, std::move(groups), log, &figures);
  run.rollouts(tokenizer_dir).forget(stage, step);
  HeldOutScore s = summarize(trajectories);
  s.figures = figures;
  return s;
}

}  // namespace amalgam::pipeline
