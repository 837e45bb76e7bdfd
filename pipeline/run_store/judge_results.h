// What a run's judges came to, on the test prompts: in results.json and as a table.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace amalgam::pipeline {

struct Results;

// EvalRow.metric: the judge's mean score of the answers; the mean audit, where the domain's
// function audits them; the share of criteria on which single verdicts agree with the labels, on
// these answers and on the held-out rows.
inline constexpr const char* kJudgeScoreMetric = "judge/score";
inline constexpr const char* kJudgeTruthMetric = "judge/truth";
inline constexpr const char* kJudgeCurrentMetric = "judge/agreement_current";
inline constexpr const char* kJudgeHeldoutMetric = "judge/agreement_heldout";

// A mean score that is so much above the audit says that the judge is deceived.
inline constexpr double kScoreFarAboveAudit = 0.1;

// "judge": {DOMAIN: {"truth": x, "score": x, "agreement_current": x, "agreement_heldout": x}} of
// the specialists, of `amalgam eval` of the model that it scored; null where it was not measured.
// Nothing where no domain has a judge. A domain without one has its score as the truth.
void add_judges(const Results& results, nlohmann::ordered_json* json);

// The same as a table, with a line for each that was scored far above its truth; empty: no judge.
std::string judges_text(const Results& results);

}  // namespace amalgam::pipeline
