#include "pipeline/stages/shaped_rewards.h"

#include <algorithm>
#include <map>

#include "configs/check.h"
#include "learner/estimators/length_penalty.h"
#include "pipeline/stages/sampling.h"

namespace amalgam::pipeline {
namespace {

using Figure = double (*)(const ShapedReward&);

double reward_of(const ShapedReward& s) { return s.reward; }
double score_of(const ShapedReward& s) { return s.score; }
double penalty_of(const ShapedReward& s) { return s.reward - s.score; }
double tokens_of(const ShapedReward& s) { return static_cast<double>(s.length.tokens); }
double truncated_of(const ShapedReward& s) { return s.length.is_truncated; }
double unclosed_of(const ShapedReward& s) { return s.length.has_unclosed_thinking; }

double mean_of(const std::vector<const ShapedReward*>& samples, Figure figure) {
  double sum = 0;
  for (const ShapedReward* s : samples) sum += figure(*s);
  return sum / static_cast<double>(samples.size());
}

// Samples with a score, and their prompts.
using Shaped = std::vector<std::pair<int64_t, const ShapedReward*>>;

double prompts_mean(const Shaped& samples, Figure figure) {
  std::vector<std::pair<int64_t, double>> values;
  for (const auto& [prompt, s] : samples) values.emplace_back(prompt, figure(*s));
  return mean_over_prompts(values).mean;
}

}  // namespace

std::vector<std::optional<ShapedReward>> shape_rewards(
    const std::function<configs::LengthPenaltyConfig(const proto::TrajectoryMetadata&)>& penalty,
    const model::Tokenizer& tokenizer, const std::vector<proto::Trajectory>& trajectories,
    const std::function<int64_t(const proto::TrajectoryMetadata&)>& window) {
  std::vector<std::optional<ShapedReward>> shaped(trajectories.size());
  std::map<int64_t, std::vector<size_t>> groups;
  for (size_t i = 0; i < trajectories.size(); ++i)
    if (is_answer(trajectories[i])) groups[trajectories[i].meta().group()].push_back(i);
  for (const auto& [group, members] : groups) {
    const configs::LengthPenaltyConfig config = penalty(trajectories[members[0]].meta());
    const int64_t budget = window(trajectories[members[0]].meta());
    std::vector<learner::LengthSample> samples;
    for (const size_t i : members) {
      const proto::Trajectory& t = trajectories[i];
      CHECK_EQ(t.meta().effort(), trajectories[members[0]].meta().effort());
      shaped[i] = {.score = t.meta().reward(), .length = answer_length(tokenizer, t)};
      samples.push_back({.score = t.meta().reward(),
                         .length = shaped[i]->length.tokens,
                         .window = budget,
                         .effort = t.meta().effort()});
      if (config.repetition_ngram > 0) samples.back().ids = answer_ids(tokenizer, t);
    }
    const std::vector<double> rewards = learner::shaped_rewards(config, samples);
    for (size_t k = 0; k < members.size(); ++k) shaped[members[k]]->reward = rewards[k];
  }
  return shaped;
}

void add_figures(const std::vector<proto::Trajectory>& trajectories,
                 const std::vector<std::optional<ShapedReward>>& shaped, NamedValues* to) {
  std::map<std::string, std::vector<const ShapedReward*>> by_domain;
  std::vector<const ShapedReward*> all;
  for (size_t i = 0; i < shaped.size(); ++i)
    if (shaped[i]) {
      all.push_back(&*shaped[i]);
      by_domain[trajectories[i].meta().domain()].push_back(&*shaped[i]);
    }
  const auto add = [&](const std::vector<const ShapedReward*>& samples, const std::string& suffix) {
    to->emplace_back("critic/rewards/mean" + suffix, mean_of(samples, reward_of));
    to->emplace_back("critic/length_penalty/mean" + suffix, mean_of(samples, penalty_of));
    to->emplace_back("response_length/answer_mean" + suffix, mean_of(samples, tokens_of));
    to->emplace_back("response_length/unclosed_thinking" + suffix, mean_of(samples, unclosed_of));
  };
  if (!all.empty()) add(all, "");
  for (const auto& [domain, samples] : by_domain)
    if (const auto [name, mode] = configs::split_domain_name(domain);
        by_domain.size() > 1 || !mode.empty()) {
      const std::string suffix = "/" + configs::domain_metric_name(domain);
      to->emplace_back("critic/score/mean" + suffix, mean_of(samples, score_of));
      add(samples, suffix);
    }
}

double add_validation_figures(const std::vector<proto::Trajectory>& trajectories,
                              const std::vector<std::optional<ShapedReward>>& shaped,
                              const std::vector<PromptRow>& prompts, int64_t n, NamedValues* to) {
  std::vector<std::pair<std::string, Shaped>> by_source;  // in the prompts' order
  Shaped all;
  for (size_t i = 0; i < shaped.size(); ++i) {
    if (!shaped[i]) continue;
    const int64_t group = trajectories[i].meta().group();
    const std::string& source = prompts[static_cast<size_t>(group)].source;
    auto at = std::find_if(by_source.begin(), by_source.end(),
                           [&](const auto& s) { return s.first == source; });
    if (at == by_source.end()) at = by_source.insert(at, {source, {}});
    at->second.emplace_back(group, &*shaped[i]);
    all.emplace_back(group, &*shaped[i]);
  }
  const auto add = [&](const std::string& source, const Shaped& of) {
    const std::string prefix = "val-aux/" + source;
    to->emplace_back(prefix + "/reward/mean@" + std::to_string(n), prompts_mean(of, reward_of));
    to->emplace_back(prefix + "/response_length/mean", prompts_mean(of, tokens_of));
    to->emplace_back(prefix + "/truncated", prompts_mean(of, truncated_of));
    to->emplace_back(prefix + "/unclosed_thinking", prompts_mean(of, unclosed_of));
  };
  for (const auto& [source, of] : by_source) add(source, of);
  if (by_source.size() > 1) add("all", all);
  return prompts_mean(all, reward_of);
}

}  // namespace amalgam::pipeline
