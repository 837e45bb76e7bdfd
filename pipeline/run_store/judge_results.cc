#include "pipeline/run_store/judge_results.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pipeline/run_store/results.h"

namespace amalgam::pipeline {
namespace {

struct JudgeRow {
  std::string domain;
  double truth = kUnknown, score = kUnknown, current = kUnknown, heldout = kUnknown;
};

bool has_judge(const DomainScores& d) { return d.metrics.contains(kJudgeScoreMetric); }

std::vector<JudgeRow> judge_rows(const Results& results) {
  std::vector<JudgeRow> rows;
  if (std::none_of(results.domains.begin(), results.domains.end(), has_judge)) return rows;
  const bool is_eval = results.models == std::vector<std::string>{kScored};
  const std::string model = is_eval ? kScored : kSpecialist;
  for (const DomainScores& d : results.domains) {
    const auto metric = [&](const char* name) {
      const auto scores = d.metrics.find(name);
      return scores == d.metrics.end() ? kUnknown : DomainScores::of(scores->second, model).mean;
    };
    rows.push_back({.domain = d.domain,
                    .truth = has_judge(d) ? metric(kJudgeTruthMetric)
                                          : DomainScores::of(d.sampled, model).mean,
                    .score = metric(kJudgeScoreMetric),
                    .current = metric(kJudgeCurrentMetric),
                    .heldout = metric(kJudgeHeldoutMetric)});
  }
  return rows;
}

std::string percent(double x) { return std::isnan(x) ? "–" : fmt::format("{:.1f}", 100 * x); }

}  // namespace

void add_judges(const Results& results, nlohmann::ordered_json* json) {
  for (const JudgeRow& row : judge_rows(results))
    (*json)["judge"][row.domain] = {{"truth", row.truth},
                                    {"score", row.score},
                                    {"agreement_current", row.current},
                                    {"agreement_heldout", row.heldout}};
}

std::string judges_text(const Results& results) {
  const std::vector<JudgeRow> rows = judge_rows(results);
  if (rows.empty()) return "";
  size_t width = 6;
  for (const JudgeRow& row : rows) width = std::max(width, row.domain.size());
  std::string text = fmt::format(
      "\nby a judge, %: what it gives the test answers, what they are worth by the audit, and on "
      "how many criteria it agrees with labels\n{:{}}  {:>6}  {:>6}  {:>12}  {:>13}\n",
      "", width, "score", "truth", "these answers", "held-out rows");
  for (const JudgeRow& row : rows)
    text +=
        fmt::format("{:{}}  {:>6}  {:>6}  {:>13}  {:>13}\n", row.domain, width, percent(row.score),
                    percent(row.truth), percent(row.current), percent(row.heldout));
  for (const DomainScores& d : results.domains)
    if (has_judge(d) && !d.metrics.contains(kJudgeTruthMetric))
      text += d.domain +
              ": nothing audits it; each model's mean reward is what its own judge says, "
              "so compare no models by it\n";
  for (const JudgeRow& row : rows)
    if (row.score - row.truth > kScoreFarAboveAudit)
      text += fmt::format("{}: the judge gives {} points more than the answers are worth\n",
                          row.domain, percent(row.score - row.truth));
  return text;
}

}  // namespace amalgam::pipeline
