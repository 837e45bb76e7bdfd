#include "pipeline/stages/scores_at_k.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>

#include "pipeline/stages/sampling.h"

namespace amalgam::pipeline {
namespace {

using Samples = std::vector<const proto::Trajectory*>;
using Prompts = std::map<int64_t, Samples>;  // scored samples in their order

Prompts scored_by_prompt(const Samples& samples) {
  Prompts prompts;
  for (const proto::Trajectory* t : samples)
    if (is_answer(*t)) prompts[t->meta().group()].push_back(t);
  for (auto& [group, all] : prompts)
    std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) {
      return a->meta().sample_index() < b->meta().sample_index();
    });
  return prompts;
}

double pass_at(size_t k, size_t n, size_t successes) {
  double all_fail = 1;  // C(n-c, k) / C(n, k) = product of (n-c-i) / (n-i), i < k
  for (size_t i = 0; i < k; ++i)
    all_fail *= successes + i >= n
                    ? 0
                    : static_cast<double>(n - successes - i) / static_cast<double>(n - i);
  return 1 - all_fail;
}

double reward_of_majority(std::span<const proto::Trajectory* const> samples) {
  const proto::Trajectory* best = nullptr;
  std::ptrdiff_t most = 0;
  double sum = 0;
  for (const proto::Trajectory* t : samples) {
    sum += t->meta().reward();
    const std::string& answer = t->meta().answer();
    if (answer.empty()) continue;
    const auto votes = std::count_if(samples.begin(), samples.end(), [&](const auto* other) {
      return other->meta().answer() == answer;
    });
    if (votes > most) best = t, most = votes;
  }
  return best ? best->meta().reward() : sum / static_cast<double>(samples.size());
}

std::optional<Score> pass_score(const Prompts& prompts, size_t k, double success) {
  std::vector<double> chances;
  for (const auto& [group, all] : prompts)
    if (all.size() >= k)
      chances.push_back(
          pass_at(k, all.size(),
                  static_cast<size_t>(std::count_if(all.begin(), all.end(), [&](const auto* t) {
                    return t->meta().reward() >= success;
                  }))));
  if (chances.empty()) return std::nullopt;
  Score score = score_over_prompts(chances);
  score.is_share = true;
  return score;
}

std::optional<Score> majority_score(const Prompts& prompts, size_t k) {
  std::vector<double> means;
  bool is_share = true;
  for (const auto& [group, all] : prompts) {
    const size_t runs = all.size() / k;
    if (runs == 0) continue;
    double sum = 0;
    for (size_t r = 0; r < runs; ++r) {
      const double reward = reward_of_majority(std::span(all).subspan(r * k, k));
      is_share = is_share && (reward == 0 || reward == 1);
      sum += reward;
    }
    means.push_back(sum / static_cast<double>(runs));
  }
  if (means.empty()) return std::nullopt;
  Score score = score_over_prompts(means);
  score.is_share = is_share;
  return score;
}

}  // namespace

double success_reward(const Samples& samples) {
  double success = 1;
  for (const proto::Trajectory* t : samples)
    if (is_answer(*t)) success = std::max(success, t->meta().reward());
  return success;
}

std::vector<std::pair<std::string, Score>> scores_at_k(const Samples& samples, int64_t n) {
  const Prompts prompts = scored_by_prompt(samples);
  const double success = success_reward(samples);
  const bool has_answers = std::any_of(samples.begin(), samples.end(), [](const auto* t) {
    return is_answer(*t) && !t->meta().answer().empty();
  });
  std::vector<size_t> ks;
  for (size_t k = 1; k < static_cast<size_t>(n); k *= 2) ks.push_back(k);
  ks.push_back(static_cast<size_t>(n));
  std::vector<std::pair<std::string, Score>> scores;
  for (const size_t k : ks)
    if (const auto score = pass_score(prompts, k, success))
      scores.emplace_back("pass@" + std::to_string(k), *score);
  for (const size_t k : ks)
    if (has_answers && k > 1)
      if (const auto score = majority_score(prompts, k))
        scores.emplace_back("maj@" + std::to_string(k), *score);
  return scores;
}

}  // namespace amalgam::pipeline
