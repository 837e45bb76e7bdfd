// `amalgam samples`: what a run sampled, to be read by people or as JSON, also while it goes on.
#pragma once
#include <cstdint>
#include <string>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct SamplesOptions {
  static constexpr const char* kName = "samples";
  static constexpr const char* kSummary = "print sampled conversations of a run and their rewards";
  static constexpr const char* kExamples =
      "  amalgam samples runs/quickstart\n"
      "  amalgam samples runs/quickstart --stage rl-math --step 1 --worst 5\n"
      "  amalgam samples runs/quickstart --domain agent --grep tool_calls --limit 3\n"
      "  amalgam samples runs/quickstart --limit 0 --json > samples.jsonl\n"
      "Newest first: the stage whose log was written last, and its last samples. Tools that a "
      "prompt\n"
      "offers are in the text of its system message. A line of --json has stage, step, domain,\n"
      "effort, reward (or null), parts, outcome, messages and response_tokens.\n";

  std::string run_dir, stage, domain, grep;
  int64_t step = -1, worst = 0, best = 0, limit = 10;
  bool json = false;
  void describe(OptionSet& options);
};

int run_samples(const SamplesOptions& options);

}  // namespace amalgam::pipeline
