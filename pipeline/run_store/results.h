// Results: the figures a run ends with, gathered from the run store; as results.json and as the
// table that closes the terminal's output.
#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "pipeline/run_store/run_store.h"

namespace amalgam::pipeline {

// Names under which stages record, and readers find, what follows.
inline constexpr std::array<const char*, 5> kModels = {"base", "specialist", "student",
                                                       "weight_average", "sampled_kl"};
inline constexpr const char* kSampledMetricPrefix = "mean@";   // EvalRow.metric: mean@N
inline constexpr const char* kGreedyMetric = "pass@1/greedy";  // EvalRow.metric
inline constexpr const char* kSampledKind = "sampled";         // of an evaluation stage
inline constexpr const char* kDiffMetric = "training/rollout_probs_diff_max";
inline constexpr const char* kWallFigure = "wall_s";  // figures of the run
inline constexpr const char* kPeakRssFigure = "peak_rss_bytes";

// Stage, and so trajectory log, of one model's evaluation on one domain.
std::string evaluation_stage(const std::string& model, const std::string& domain,
                             const std::string& kind);

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct Score {
  double value = kUnknown;  // fraction solved, 0..1
  double standard_error = kUnknown;
};

struct DomainScores {
  std::string domain;
  std::array<Score, kModels.size()> sampled;  // mean@N at the evaluation's temperature
  std::array<Score, kModels.size()> greedy;   // pass@1
};

struct Results {
  std::string sampled_metric;                // "mean@4"
  std::vector<DomainScores> domains;         // in the order in which they were evaluated
  DomainScores mean;                         // over domains; unknown where a domain is
  double rollout_probs_diff_max = kUnknown;  // of all stages and steps; NaN if one of them was
  double wall_s = kUnknown;
  double peak_rss_bytes = kUnknown;
  std::vector<WorkerRow> workers;  // one per pid that sampled, by pid
  int64_t sandbox_failed = 0;
};

// The store's stages, and after each the jobs inside it that logged metrics under a longer name
// ("distill-exact-lr0.001" in "distill"), in that stage's state.
std::vector<StageRow> stages_with_metrics(const RunStore& store);

Results collect_results(const RunStore& store);

// {"domains": {NAME: {MODEL: mean@N}}, "rollout_probs_diff_max": x, "wall_s": x,
//  "peak_rss_bytes": n, "workers": [{"pid": n, "sampled_tokens": n}], "sandbox_failed": n};
// null where a figure is unknown.
std::string results_json(const Results& results);

// The closing table, plain text, at most 100 columns.
std::string results_text(const Results& results);

// RUN/results.json.
void write_results(const std::string& run_dir, const Results& results);

}  // namespace amalgam::pipeline
