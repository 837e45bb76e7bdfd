// `amalgam effort suggest`: the length penalties that a base's own answers call for.
#pragma once
#include <string>

#include "pipeline/commands/train_commands.h"

namespace amalgam::pipeline {

struct EffortSuggestOptions {
  static constexpr const char* kName = "suggest";
  static constexpr const char* kSummary =
      "measure a model's accuracy against length, and propose a length penalty for each effort";
  static constexpr const char* kExamples =
      "  amalgam effort suggest configs/effort.toml --model runs/effort/base --domain modes\n"
      "  amalgam effort suggest my.toml --model models/base --domain math --prompts 400 --n 16\n";
  StageOptions stage;
  std::string domain;
  int64_t prompts = 200, n = 8;
  void describe(OptionSet& options);
};
int run_effort_suggest(const EffortSuggestOptions& options);

}  // namespace amalgam::pipeline
