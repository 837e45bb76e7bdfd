#include "pipeline/stages/effort_curve.h"

#include <algorithm>
#include <cmath>

#include "configs/check.h"

namespace amalgam::pipeline {
namespace {

// Averages hide that easy questions gain more by the first tokens.
constexpr double kAboveSteepest = 3;
constexpr double kBelowFlattest = 8;
// Of the slopes before and behind a point. With less RL, which moves the curve, ends on one side.
constexpr double kLeastBend = 1.5;

double slope(const CurvePoint& a, const CurvePoint& b) {
  return (b.reward - a.reward) / (b.tokens - a.tokens);
}

}  // namespace

std::vector<CurvePoint> accuracy_by_length(const std::vector<SampledAnswer>& samples, int parts) {
  std::map<int64_t, std::vector<SampledAnswer>> by_question;
  for (const SampledAnswer& s : samples) by_question[s.question].push_back(s);
  std::vector<CurvePoint> sums(static_cast<size_t>(parts));
  for (auto& [question, answers] : by_question) {
    if (answers.size() < 2) continue;
    std::stable_sort(answers.begin(), answers.end(),
                     [](const auto& a, const auto& b) { return a.tokens < b.tokens; });
    for (size_t i = 0; i < answers.size(); ++i) {
      CurvePoint& p = sums[i * sums.size() / answers.size()];
      p.tokens += answers[i].tokens, p.reward += answers[i].reward, ++p.samples;
      p.variance += answers[i].reward * answers[i].reward;
    }
  }
  std::vector<CurvePoint> curve;
  for (CurvePoint p : sums) {
    if (p.samples == 0) continue;
    const auto n = static_cast<double>(p.samples);
    p.tokens /= n, p.reward /= n;
    p.variance = std::max(0.0, p.variance / n - p.reward * p.reward);
    curve.push_back(p);
  }
  return curve;
}

std::vector<CurvePoint> best_points(const std::vector<CurvePoint>& curve) {
  std::vector<CurvePoint> hull;
  for (const CurvePoint& p : curve) {
    if (!hull.empty() && p.tokens <= hull.back().tokens) {
      if (p.reward > hull.back().reward) hull.back() = p;
      continue;
    }
    while (hull.size() >= 2 && slope(hull[hull.size() - 2], hull.back()) <= slope(hull.back(), p))
      hull.pop_back();
    hull.push_back(p);
  }
  while (hull.size() >= 2 && hull.back().reward <= hull[hull.size() - 2].reward) hull.pop_back();
  return hull;
}

bool is_clear(const std::vector<CurvePoint>& best) {
  if (best.size() < 2) return false;
  constexpr double kErrors = 3;
  const auto variance = [](const CurvePoint& p) {
    return p.variance / static_cast<double>(p.samples);
  };
  return best.back().reward - best.front().reward >
         kErrors * std::sqrt(variance(best.front()) + variance(best.back()));
}

EffortProposal propose(const std::vector<CurvePoint>& best) {
  CHECK(is_clear(best));
  const size_t last = best.size() - 1;
  EffortProposal p;
  const double none = kAboveSteepest * slope(best[0], best[1]);
  const double max = slope(best[last - 1], best[last]) / kBelowFlattest;
  double high = std::sqrt(none * max);
  // Of the points with a bend the one whose reward is nearest to the middle.
  const double middle = (best[0].reward + best[last].reward) / 2;
  double nearest = 0;
  for (size_t i = 1; i < last; ++i) {
    const double before = slope(best[i - 1], best[i]), behind = slope(best[i], best[i + 1]);
    const double distance = std::abs(best[i].reward - middle);
    if (before < kLeastBend * behind || (p.has_middle && distance >= nearest)) continue;
    p.has_middle = true;
    nearest = distance;
    high = std::sqrt(before * behind);
  }
  p.k = {{"none", none}, {"low", std::sqrt(none * high)}, {"high", high}, {"max", max}};
  p.k0 = none;
  p.tau = 99 / std::log(none / max);
  return p;
}

}  // namespace amalgam::pipeline
