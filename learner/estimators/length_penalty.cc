#include "learner/estimators/length_penalty.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <set>

#include "configs/error.h"
#include "kernels/simd/scalar_math.h"

namespace amalgam::learner {
namespace {

using configs::LengthForm;
using Config = configs::LengthPenaltyConfig;
using Group = std::span<const LengthSample>;

bool is_right(const Config& c, const LengthSample& s) { return s.score >= c.correct_score; }

double tokens(const LengthSample& s) { return static_cast<double>(s.length); }

// -min(cap, k · len / norm_length)
double capped(const Config& c, double k, const LengthSample& s) {
  return -std::min(c.cap, k * tokens(s) / c.norm_length);
}

// k(b) = k0 · exp(-(b - b_min) / tau)
double k_of_level(const Config& c, int b) {
  return c.k0 * kernels::scalar::exp(-(static_cast<double>(b) - c.b_min) / c.tau);
}

// min(0, factor · (window - buffer - len) / buffer), not below the floor
double overlong(const Config& c, const LengthSample& s) {
  const double left = static_cast<double>(s.window - c.buffer - s.length);
  if (left >= 0) return 0;
  const double penalty = c.factor * left / static_cast<double>(c.buffer);
  return c.floor < 0 ? std::max(c.floor, penalty) : penalty;
}

// λ = 1/2 - (len - min) / (max - min); wrong answers get min(0, λ)
std::vector<double> kimi_k15(const Config& c, Group group) {
  const auto [shortest, longest] = std::minmax_element(
      group.begin(), group.end(), [](const auto& a, const auto& b) { return a.length < b.length; });
  std::vector<double> penalties(group.size());
  if (group.empty() || shortest->length == longest->length) return penalties;
  const double range = tokens(*longest) - tokens(*shortest);
  for (size_t i = 0; i < group.size(); ++i) {
    const double lambda = 0.5 - (tokens(group[i]) - tokens(*shortest)) / range;
    penalties[i] = is_right(c, group[i]) ? lambda : std::min(0.0, lambda);
  }
  return penalties;
}

double sigmoid(double x) { return 1 / (1 + kernels::scalar::exp(-x)); }

// right: 1 - alpha · sigmoid((len - mean) / std), both over the right ones, ddof 0
std::vector<double> efficient(const Config& c, Group group) {
  double n = 0, mean = 0, squares = 0;
  for (const auto& s : group)
    if (is_right(c, s)) ++n, mean += tokens(s);
  mean /= n;
  for (const auto& s : group)
    if (is_right(c, s)) squares = std::fma(tokens(s) - mean, tokens(s) - mean, squares);
  const double std = std::sqrt(squares / n);
  std::vector<double> rewards(group.size());
  for (size_t i = 0; i < group.size(); ++i)
    if (is_right(c, group[i]))
      rewards[i] = 1 - c.alpha * (std > 0 ? sigmoid((tokens(group[i]) - mean) / std) : 0.5);
  return rewards;
}

// 1[right] - beta · len / norm_length · max(share of right ones, 1/K)
std::vector<double> alp(const Config& c, Group group) {
  const auto right =
      std::count_if(group.begin(), group.end(), [&](const auto& s) { return is_right(c, s); });
  const double share =
      static_cast<double>(std::max<int64_t>(right, 1)) / static_cast<double>(group.size());
  std::vector<double> rewards;
  for (const auto& s : group)
    rewards.push_back(is_right(c, s) - c.beta * tokens(s) / c.norm_length * share);
  return rewards;
}

double l1_exact(const Config& c, const LengthSample& s) {
  return is_right(c, s) - c.alpha * static_cast<double>(std::abs(c.target - s.length));
}

double l1_max(const Config& c, const LengthSample& s) {
  if (!is_right(c, s)) return 0;
  return std::clamp(c.alpha * static_cast<double>(c.target - s.length) + c.delta, 0.0, 1.0);
}

// from at_0 to at_max: at_max + (at_0 - at_max) · (1 + cos(π len / window)) / 2
double cosine(const Config& c, const LengthSample& s) {
  if (s.length >= s.window) return c.exceed;
  const bool right = is_right(c, s);
  const double at_0 = right ? c.correct_at_0 : c.wrong_at_0;
  const double at_max = right ? c.correct_at_max : c.wrong_at_max;
  const double angle = std::numbers::pi * (tokens(s) / static_cast<double>(s.window));
  return at_max + 0.5 * (at_0 - at_max) * (1 + kernels::scalar::cos(angle));
}

// max_penalty · (1 - distinct n-grams / all n-grams)
double repetition(const Config& c, const LengthSample& s) {
  const auto n = static_cast<size_t>(c.repetition_ngram);
  if (s.ids.size() < n) return 0;
  std::set<std::vector<int32_t>> distinct;
  for (auto at = s.ids.begin(); at + c.repetition_ngram <= s.ids.end(); ++at)
    distinct.emplace(at, at + c.repetition_ngram);
  const auto all = static_cast<double>(s.ids.size() - n + 1);
  return c.repetition_max_penalty * (1 - static_cast<double>(distinct.size()) / all);
}

// What the form itself says of each sample: a penalty, or the whole reward.
std::vector<double> by_form(const Config& c, Group group) {
  std::vector<double> each;
  const auto of_each = [&](const auto& f) {
    for (const auto& s : group) each.push_back(f(s));
    return each;
  };
  switch (c.form) {
    case LengthForm::kNone:
      return of_each([](const auto&) { return 0.0; });
    case LengthForm::kLinear:
      return of_each([&](const auto& s) {
        return capped(c, configs::value_of_effort(c.k, s.effort).value(), s);
      });
    case LengthForm::kEffort:
      return of_each([&](const auto& s) {
        return capped(c, k_of_level(c, configs::effort_number(s.effort).value()), s);
      });
    case LengthForm::kOverlong:
      return of_each([&](const auto& s) { return overlong(c, s); });
    case LengthForm::kKimiK15:
      return kimi_k15(c, group);
    case LengthForm::kEfficient:
      return efficient(c, group);
    case LengthForm::kAlp:
      return alp(c, group);
    case LengthForm::kL1Exact:
      return of_each([&](const auto& s) { return l1_exact(c, s); });
    case LengthForm::kL1Max:
      return of_each([&](const auto& s) { return l1_max(c, s); });
    case LengthForm::kCosine:
      return of_each([&](const auto& s) { return cosine(c, s); });
  }
  return each;
}

}  // namespace

std::vector<double> shaped_rewards(const Config& c, Group group) {
  for (const auto& s : group)
    if (const std::string problem = c.effort_problem(s.effort); !problem.empty())
      throw Error(problem);
  std::vector<double> rewards = by_form(c, group);
  for (size_t i = 0; i < group.size(); ++i) {
    if (!c.replaces_score()) rewards[i] += group[i].score;
    if (c.repetition_ngram > 0) rewards[i] += repetition(c, group[i]);
  }
  return rewards;
}

}  // namespace amalgam::learner
