#include "rewards/judge/judge_figures.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "configs/check.h"

namespace amalgam::rewards {
namespace {

// A criterion of an answer.
struct Judged {
  double mean, label;
  size_t position;
  int64_t num_tokens;

  bool says_yes() const { return mean >= 0.5; }
  bool is_yes() const { return label >= 0.5; }
  bool agrees() const { return says_yes() == is_yes(); }
};

struct Mean {
  double sum = 0, num = 0;
  void add(double value) { sum += value, num += 1; }
  std::optional<double> get() const {
    return num > 0 ? std::optional<double>(sum / num) : std::nullopt;
  }
};

// Rounded, so that means which differ by the order of their sums alone are ties.
double mean_vote(const JudgedAnswer& answer, size_t c) {
  constexpr double kSteps = 1e12;
  double sum = 0;
  for (const std::vector<double>& vote : answer.votes) sum += vote[c];
  return std::round(sum / static_cast<double>(answer.votes.size()) * kSteps) / kSteps;
}

std::vector<Judged> judged_criteria(const std::vector<JudgedAnswer>& answers) {
  std::vector<Judged> all;
  for (const JudgedAnswer& answer : answers) {
    for (const std::vector<double>& vote : answer.votes)
      CHECK_EQ(vote.size(), answer.labels.size());
    if (answer.votes.empty()) continue;
    for (size_t c = 0; c < answer.labels.size(); ++c)
      all.push_back({mean_vote(answer, c), answer.labels[c], c, answer.num_tokens});
  }
  return all;
}

template <typename Of>
std::optional<double> accuracy(const std::vector<Judged>& all, const Of& of) {
  Mean mean;
  for (const Judged& judged : all)
    if (of(judged)) mean.add(judged.agrees());
  return mean.get();
}

// The share of (positive, negative) pairs whose positive has the higher mean, ties half.
std::optional<double> auc(const std::vector<Judged>& all) {
  std::map<double, std::pair<double, double>> by_mean;  // negatives, positives
  for (const Judged& judged : all) {
    auto& [negatives, positives] = by_mean[judged.mean];
    (judged.is_yes() ? positives : negatives) += 1;
  }
  double won = 0, below = 0, num_positives = 0;
  for (const auto& [mean, counts] : by_mean) {
    const auto& [negatives, positives] = counts;
    won += positives * (below + negatives / 2);
    below += negatives;
    num_positives += positives;
  }
  if (below == 0 || num_positives == 0) return {};
  return won / (below * num_positives);
}

std::optional<double> calibration_error(const std::vector<Judged>& all) {
  constexpr int kBins = 10;
  double difference[kBins] = {};  // Σ mean − Σ label = share · |…| · the number of all
  for (const Judged& judged : all)
    difference[std::min(kBins - 1, static_cast<int>(judged.mean * kBins))] +=
        judged.mean - judged.label;
  if (all.empty()) return {};
  double sum = 0;
  for (const double d : difference) sum += std::abs(d);
  return sum / static_cast<double>(all.size());
}

std::optional<double> vote_agreement(const std::vector<JudgedAnswer>& answers) {
  Mean over_criteria;
  for (const JudgedAnswer& answer : answers) {
    for (size_t c = 0; c < answer.labels.size(); ++c) {
      Mean over_pairs;
      for (size_t i = 0; i < answer.votes.size(); ++i)
        for (size_t j = 0; j < i; ++j)
          over_pairs.add(1 - std::abs(answer.votes[i][c] - answer.votes[j][c]));
      if (over_pairs.num > 0) over_criteria.add(*over_pairs.get());
    }
  }
  return over_criteria.get();
}

std::optional<double> agreement(const std::vector<JudgedAnswer>& answers) {
  Mean mean;
  for (const JudgedAnswer& answer : answers)
    for (const std::vector<double>& vote : answer.votes)
      for (size_t c = 0; c < answer.labels.size(); ++c)
        mean.add(1 - std::abs(vote[c] - answer.labels[c]));
  return mean.get();
}

// The lower one, of answers with a vote.
int64_t median_length(const std::vector<JudgedAnswer>& answers) {
  std::vector<int64_t> lengths;
  for (const JudgedAnswer& answer : answers)
    if (!answer.votes.empty()) lengths.push_back(answer.num_tokens);
  if (lengths.empty()) return 0;
  std::sort(lengths.begin(), lengths.end());
  return lengths[(lengths.size() - 1) / 2];
}

void count(const std::vector<Judged>& all, JudgeFigures* to) {
  Mean brier;
  for (const Judged& judged : all) {
    ++(judged.is_yes() ? to->positives : to->negatives);
    if (!judged.agrees()) ++(judged.says_yes() ? to->false_yes : to->false_no);
    brier.add((judged.mean - judged.label) * (judged.mean - judged.label));
  }
  to->brier = brier.get();
  const auto rate = [](int64_t part, int64_t whole) {
    return whole > 0 ? std::optional<double>(static_cast<double>(part) / static_cast<double>(whole))
                     : std::nullopt;
  };
  to->false_yes_rate = rate(to->false_yes, to->negatives);
  to->false_no_rate = rate(to->false_no, to->positives);
  to->accuracy = rate(to->positives + to->negatives - to->false_yes - to->false_no,
                      to->positives + to->negatives);
  if (to->false_yes_rate && to->false_no_rate)
    to->balanced_accuracy = 1 - (*to->false_yes_rate + *to->false_no_rate) / 2;
}

}  // namespace

JudgeFigures judge_figures(const std::vector<JudgedAnswer>& answers) {
  JudgeFigures figures;
  size_t num_positions = 0;
  for (const JudgedAnswer& answer : answers) {
    ++(answer.votes.empty() ? figures.num_without_vote : figures.num_answers);
    if (!answer.votes.empty()) num_positions = std::max(num_positions, answer.labels.size());
  }
  const std::vector<Judged> all = judged_criteria(answers);
  count(all, &figures);
  figures.auc = auc(all);
  figures.calibration_error = calibration_error(all);
  for (size_t position = 0; position < num_positions; ++position)
    figures.accuracy_by_position.push_back(
        accuracy(all, [&](const Judged& judged) { return judged.position == position; }));
  const int64_t median = median_length(answers);
  figures.accuracy_of_shorter =
      accuracy(all, [&](const Judged& judged) { return judged.num_tokens <= median; });
  figures.accuracy_of_longer =
      accuracy(all, [&](const Judged& judged) { return judged.num_tokens > median; });
  figures.vote_agreement = vote_agreement(answers);
  figures.agreement = agreement(answers);
  return figures;
}

}  // namespace amalgam::rewards
