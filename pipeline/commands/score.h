// `amalgam score`: the log-probability of every token of given sequences.
#pragma once
#include <string>

#include "configs/numerics_config.h"
#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct ScoreOptions {
  static constexpr const char* kName = "score";
  static constexpr const char* kSummary = "log-probability of each token given its prefix";
  static constexpr const char* kExamples =
      "  echo '{\"ids\": [0, 17, 4, 99]}' > rows.jsonl\n"
      "  amalgam score --model runs/quickstart/student --in rows.jsonl --out scored.jsonl\n"
      "Out: {\"logprobs\": [null, …]}: natural logarithms, at temperature 1; null for the first "
      "token.\n";

  std::string model, in, out;
  int64_t threads = 0;
  bool resume = false;
  configs::NumericsConfig numerics;
  void describe(OptionSet& options);
};

// Rows {"ids": […]} -> {"logprobs": [null, …]}: natural log, untempered; the bits that sampling
// reports for the same tokens.
int run_score(const ScoreOptions& options);

}  // namespace amalgam::pipeline
