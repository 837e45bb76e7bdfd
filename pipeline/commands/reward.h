// `amalgam reward`: the score of every answer of a file, by the code that scores a run's.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct RewardOptions {
  static constexpr const char* kName = "reward";
  static constexpr const char* kSummary = "score given answers, as a run would";
  static constexpr const char* kExamples =
      "  echo '{\"reward_model\": {\"style\": \"math\", \"ground_truth\": \"1/2\"}, \"solution\": "
      "\"0.5\"}' > rows.jsonl\n"
      "  amalgam reward --in rows.jsonl --out scores.jsonl\n"
      "  amalgam reward --in rows.jsonl --style exact_match --out -\n"
      "  amalgam reward --in rows.jsonl --config configs/ci.toml --domain dates --out -\n"
      "In: rows as for training, with the answer in \"solution\": a text, or a list of messages\n"
      "whose last one it is. Out, one row each, in order: {\"score\": x, or null, \"outcome\":\n"
      "\"ok\", \"bad_row\", \"timeout\", …, \"parts\": {…}, \"why\": \"…\"}. What verifiers there "
      "are:\n"
      "docs/REWARDS.md. Status 0: every row has an outcome.\n";

  std::string in, out, style, config, domain;
  std::vector<std::string> overrides;
  int64_t threads = 0;
  void describe(OptionSet& options);
};
int run_reward(const RewardOptions& options);

}  // namespace amalgam::pipeline
