// `amalgam init`: a random model of any V4 config.
#pragma once
#include <string>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct InitOptions {
  static constexpr const char* kName = "init";
  static constexpr const char* kSummary = "make a random model of any V4 config";
  static constexpr const char* kExamples =
      "  amalgam init --config runs/quickstart/base/config.json --seed 1 --out models/random\n";

  std::string config, out;
  int64_t seed = 0;
  void describe(OptionSet& options);
};

int run_init(const InitOptions& options);

}  // namespace amalgam::pipeline
