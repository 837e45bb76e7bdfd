// Results: the figures a run ends with, gathered from the run store; as results.json and as the
// table that closes the terminal's output.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/run_store/effort_results.h"
#include "pipeline/run_store/run_store.h"
#include "pipeline/run_store/set_counts.h"

namespace amalgam::pipeline {

// Names under which stages record, and readers find, what follows.
inline constexpr const char* kBase = "base";
inline constexpr const char* kSpecialist = "specialist";
inline constexpr const char* kStudent = "student";
inline constexpr const char* kScored = "model";  // what `amalgam eval` scores
// Stages whose every name that begins so trains a candidate for the model.
std::string candidate_prefix(const std::string& model);   // "distill-lr", "compare-NAME-lr"
std::string specialist_stage(const std::string& domain);  // "rl-DOMAIN"
// The last stage of a run. It is finished only while no stage before it has worked since.
inline constexpr const char* kEvaluation = "eval";
inline constexpr const char* kValidationFigurePrefix = "validation/";  // + the step
// Figures of a training: the validated step that is kept, its score, and 1 where it is simply the
// last.
inline constexpr const char* kBestStepFigure = "best_step";
inline constexpr const char* kBestScoreFigure = "best_score";
inline constexpr const char* kKeepsLastFigure = "keeps_last";
inline constexpr const char* kSampledMetricPrefix = "mean@";   // EvalRow.metric: mean@N
inline constexpr const char* kGreedyMetric = "pass@1/greedy";  // EvalRow.metric
inline constexpr const char* kAllRowsSuffix = "/all";   // of a metric: validation prompts too
inline constexpr const char* kSampledKind = "sampled";  // of an evaluation stage
inline constexpr const char* kLearningRate = "learning rate";  // SweepRow.parameter
// The same of a merge of weights: "scale", "scale at density 0.5", "t".
inline constexpr const char* kScale = "scale";
inline constexpr const char* kPlace = "t";
inline constexpr const char* kRoutingBytesMetric = "rollout/routing_bytes_per_token";
// Of a step: tokens that the sampling policy wrote, and those of them in samples that are learned
// from.
inline constexpr const char* kSampledTokensMetric = "training/sampled_tokens";
inline constexpr const char* kTrainedTokensMetric = "training/trained_tokens";
inline constexpr const char* kDiffMetric = "training/rollout_probs_diff_max";
inline constexpr const char* kWallFigure = "wall_s";  // figures of the run
inline constexpr const char* kPeakRssFigure = "peak_rss_bytes";

// Stage, and so trajectory log, of one model's evaluation on one domain.
std::string evaluation_stage(const std::string& model, const std::string& domain,
                             const std::string& kind);

// Scores of one domain on its test prompts, by model.
struct DomainScores {
  std::string domain;
  std::map<std::string, Score> sampled;  // mean@N at the evaluation's temperature
  std::map<std::string, Score> greedy;   // pass@1
  // All of both and pass@k, maj@k: metric ("greedy" for kGreedyMetric), then model.
  std::map<std::string, std::map<std::string, Score>> metrics = {};
  // The prompts that the sampled scores are means of.
  std::map<std::string, SetCounts> prompts = {};

  static Score of(const std::map<std::string, Score>& scores, const std::string& model) {
    const auto it = scores.find(model);
    return it == scores.end() ? Score{} : it->second;
  }
};

// How a training went, from its first to its last step.
struct TrainingFigures {
  std::string stage;
  int64_t steps = 0;
  std::string name;  // of the figure: "reward", "kl", "loss"
  double first = kUnknown, last = kUnknown;
  std::optional<double> validation_first, validation_best;  // as far as it was validated
  std::string best_step;                                    // "12"
  bool keeps_last = false;                                  // whatever the validations say
};

struct Results {
  // Columns of the tables: base, specialist, student and the comparisons, as far as they were
  // scored.
  std::vector<std::string> models;
  // How many candidates each model was chosen from on the validation prompts: "specialist-DOMAIN",
  // "student", and the comparisons.
  std::map<std::string, int64_t> choices;
  std::string sampled_metric;                // "mean@4"
  std::vector<DomainScores> domains;         // in the order in which they were evaluated
  std::vector<EffortTable> efforts;          // of domains that have some
  DomainScores mean;                         // over domains; unknown where a domain is
  double rollout_probs_diff_max = kUnknown;  // of all stages and steps; NaN if one of them was
  double wall_s = kUnknown;
  double peak_rss_bytes = kUnknown;
  std::vector<TrainingFigures> trainings;  // that logged metrics, in their order
  std::vector<WorkerRow> workers;          // one per pid that sampled, by pid
  int64_t sandbox_failed = 0;
};

// The store's stages, and after each the jobs inside it that logged metrics under a longer name
// ("distill-exact-lr0.001" in "distill"), in that stage's state.
std::vector<StageRow> stages_with_metrics(const RunStore& store);

Results collect_results(const RunStore& store);

// Candidates that were compared on the validation prompts for the student or a comparison.
int64_t num_choices(const RunStore& store, const std::string& model);

// {"domains": {NAME: {MODEL: mean@N}}, "standard_error": the same shape,
//  "metrics": {NAME: {METRIC: {"value": x, "standard_error": x}}}, "choices": {NAME: n},
//  "rollout_probs_diff_max": x, "wall_s": x, "peak_rss_bytes": n,
//  "workers": [{"pid": n, "sampled_tokens": n}], "sandbox_failed": n,
//  "prompts": {NAME: {MODEL: n}}, "left_out": {NAME: {MODEL: {REASON: n}}}};
// and what add_efforts() and add_judges() add; null where a figure is unknown. METRIC is mean@N,
// pass@k, maj@k, greedy, tokens, tokens/greedy, within/N or forced_thinking_ends (docs/RESULTS.md).
// Every domain of a run has base, specialist, student, weight_average and sampled_kl, and the
// further comparisons, and a METRIC of it has models: {NAME: {METRIC: {MODEL: …}}}. What `amalgam
// eval` scored is "model" alone.
std::string results_json(const Results& results);

// "math: 48 of 64 prompts: …", a domain a line: which prompts the scores are means of. Where the
// models of a domain differ, a line each.
std::vector<std::string> prompt_lines(const Results& results);

// The closing table, plain text: shares in per cent, other rewards as numbers. Of a run in which no
// model was scored on test prompts, how each training went.
std::string results_text(const Results& results);

// RUN/results.json.
void write_results(const std::string& run_dir, const Results& results);

}  // namespace amalgam::pipeline
