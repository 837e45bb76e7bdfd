#include "pipeline/stages/reward_figures.h"

#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "pipeline/stages/judged_answers.h"
#include "pipeline/stages/sampling.h"
#include "rewards/registry/scorer.h"

namespace amalgam::pipeline {
namespace {

struct Sum {
  double sum = 0;
  int64_t count = 0;
  void add(double x) { sum += x, ++count; }
  double mean() const { return sum / static_cast<double>(count); }
};

std::vector<int32_t> written_ids(const proto::Trajectory& t) {
  std::vector<int32_t> ids;
  for (int i = 0; i < t.ids_size(); ++i)
    if (t.writer()[static_cast<size_t>(i)] == static_cast<char>(proto::WRITER_POLICY))
      ids.push_back(t.ids(i));
  return ids;
}

// Pearson's, of pairs; none where a side does not vary.
std::optional<double> correlation(const std::vector<std::pair<double, double>>& pairs) {
  const auto n = static_cast<double>(pairs.size());
  double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
  for (const auto& [x, y] : pairs) mean_x += x / n, mean_y += y / n;
  for (const auto& [x, y] : pairs) {
    xx += (x - mean_x) * (x - mean_x);
    yy += (y - mean_y) * (y - mean_y);
    xy += (x - mean_x) * (y - mean_y);
  }
  if (!(xx > 0) || !(yy > 0)) return std::nullopt;
  return xy / std::sqrt(xx * yy);
}

}  // namespace

double repetition_of(const std::vector<int32_t>& ids) {
  constexpr size_t kGram = 3;
  if (ids.size() < kGram) return 0;
  std::set<std::array<int32_t, kGram>> distinct;
  const size_t count = ids.size() - kGram + 1;
  for (size_t i = 0; i < count; ++i) distinct.insert({ids[i], ids[i + 1], ids[i + 2]});
  return 1 - static_cast<double>(distinct.size()) / static_cast<double>(count);
}

void add_reward_figures(const std::vector<proto::Trajectory>& trajectories, NamedValues* to) {
  std::map<std::string, Sum> parts;
  std::map<std::string, int64_t> incomplete;
  for (const char* kind : rewards::kIncompleteKinds) incomplete[kind] = 0;
  std::vector<std::pair<double, double>> audited;  // score, audit
  Sum audit, repetition;
  for (const proto::Trajectory& t : trajectories) {
    if (!is_answer(t)) continue;
    repetition.add(repetition_of(written_ids(t)));
    for (const proto::RewardPart& part : t.meta().reward_parts()) {
      if (const auto kind = incomplete.find(part.name()); kind != incomplete.end()) {
        ++kind->second;
      } else if (part.name() == rewards::kAuditPart) {
        audit.add(part.value());
        audited.emplace_back(t.meta().reward(), part.value());
      } else if (part.name() != rewards::kJudgePart &&
                 !part.name().starts_with(rewards::kCriterionPrefix) &&
                 !part.name().starts_with(
                     rewards::kLabelPrefix)) {  // those have a mean elsewhere, or none
        parts[part.name()].add(part.value());
      }
    }
  }
  if (repetition.count == 0) return;
  for (const auto& [kind, count] : incomplete)
    to->emplace_back("critic/incomplete/" + kind,
                     static_cast<double>(count) / static_cast<double>(repetition.count));
  for (const auto& [name, sum] : parts)
    to->emplace_back("critic/reward_parts/mean/" + name, sum.mean());
  if (audit.count > 0) to->emplace_back("critic/audit/mean", audit.mean());
  if (const auto r = correlation(audited)) to->emplace_back("critic/audit/correlation", *r);
  to->emplace_back("response_repetition/mean", repetition.mean());
}

}  // namespace amalgam::pipeline
