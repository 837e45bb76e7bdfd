#include "rewards/judge/judge_reward.h"

#include <cmath>

#include "configs/check.h"

namespace amalgam::rewards {
namespace {

// A reward without a criterion would be 0 / 0.
void check_verdicts(const std::vector<Verdict>& verdicts, const std::vector<double>& labels) {
  CHECK(!labels.empty());
  for (const Verdict& verdict : verdicts)
    if (verdict) CHECK_EQ(verdict->size(), labels.size());
}

}  // namespace

double agreement_reward(const Verdict& verdict, const std::vector<double>& labels) {
  check_verdicts({verdict}, labels);
  if (!verdict) return 0;
  double difference = 0;
  for (size_t c = 0; c < labels.size(); ++c) difference += std::abs((*verdict)[c] - labels[c]);
  return 1 - difference / static_cast<double>(labels.size());
}

std::vector<double> brier_rewards(const std::vector<Verdict>& verdicts,
                                  const std::vector<double>& labels) {
  check_verdicts(verdicts, labels);
  std::vector<double> rewards(verdicts.size(), 0.0);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (!verdicts[i]) continue;
    for (size_t c = 0; c < labels.size(); ++c) {
      const double v = (*verdicts[i])[c], y = labels[c];
      double sum = 0, num_others = 0;
      for (size_t j = 0; j < verdicts.size(); ++j)
        if (j != i && verdicts[j]) sum += (*verdicts[j])[c], num_others += 1;
      const double p = num_others > 0 ? sum / num_others : v;
      rewards[i] += 1 - (p - y) * (p - y) - 2 * (p - y) * (v - p);
    }
    rewards[i] /= static_cast<double>(labels.size());
  }
  return rewards;
}

std::vector<std::optional<double>> win_rates(size_t num_answers,
                                             const std::vector<Comparison>& comparisons) {
  std::vector<double> won(num_answers, 0.0), num(num_answers, 0.0);
  for (const Comparison& comparison : comparisons) {
    CHECK_LT(comparison.first, num_answers);
    CHECK_LT(comparison.second, num_answers);
    if (!comparison.value) continue;
    won[comparison.first] += *comparison.value;
    won[comparison.second] += 1 - *comparison.value;
    num[comparison.first] += 1;
    num[comparison.second] += 1;
  }
  std::vector<std::optional<double>> rates(num_answers);
  for (size_t i = 0; i < num_answers; ++i)
    if (num[i] > 0) rates[i] = won[i] / num[i];
  return rates;
}

}  // namespace amalgam::rewards
