// Accuracy and length of answers by reasoning effort: of the domains NAME-MODE of a run.
#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "pipeline/run_store/run_store.h"

namespace amalgam::pipeline {

struct DomainScores;

// Names of metrics (EvalRow.metric) and figures under which an evaluation records them.
inline constexpr const char* kTokensMetric = "tokens";               // of sampled answers
inline constexpr const char* kGreedyTokensMetric = "tokens/greedy";  // of greedy ones
// Share of answers whose reasoning max_thinking_tokens ended, where there is such a limit.
inline constexpr const char* kForcedMetric = "forced_thinking_ends";
inline constexpr const char* kGreedyForcedMetric = "forced_thinking_ends/greedy";
inline constexpr const char* kWithinMetricPrefix = "within/";  // + the budget

// What the correlation of b and length is made of.
struct EffortSums {
  double n = 0, b = 0, length = 0, bb = 0, ll = 0, bl = 0;

  void add(double number, double tokens);
  void add(const EffortSums& other);
  double correlation() const;  // Pearson's; NaN where it is not defined
  void record(RunStore* store, const std::string& stage) const;
  static EffortSums recorded(const RunStore& store, const std::string& stage);
};

struct EffortScores {
  Score accuracy, tokens;  // sampled
  Score greedy_accuracy, greedy_tokens;
  std::vector<std::pair<int64_t, Score>> within;  // by budget
};

// A domain's table of efforts: mode, then model.
struct EffortTable {
  std::string domain;
  std::vector<std::pair<std::string, std::map<std::string, EffortScores>>> modes;  // least first
  std::map<std::string, double> correlation;  // of b and length, by model; of bands and numbers
};

// Of the domains that have modes, in their order.
std::vector<EffortTable> effort_tables(const RunStore& store,
                                       const std::vector<DomainScores>& domains);

// "efforts", "efforts_greedy": {DOMAIN: {MODE: {MODEL: {"accuracy", "accuracy_se", "tokens",
// "tokens_se"}}}}, and "effort_correlation": {DOMAIN: {MODEL: r}}, added to results.json.
void add_efforts(const std::vector<EffortTable>& tables, nlohmann::ordered_json* json);

// Accuracy and mean tokens, a mode a line, and below what answers score at equal budgets of tokens:
// plain text.
std::string efforts_text(const std::vector<EffortTable>& tables,
                         const std::vector<std::string>& models);

}  // namespace amalgam::pipeline
