// `amalgam doctor`: what this machine offers, and what is missing.
#pragma once
#include <string>

#include "pipeline/command_line/config_options.h"
#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct DoctorOptions {
  static constexpr const char* kName = "doctor";
  static constexpr const char* kSummary = "say what this machine offers, and check a config";
  static constexpr const char* kExamples =
      "  amalgam doctor\n"
      "  amalgam doctor configs/quickstart.toml rl.rollout.n=8\n";

  ConfigOptions config;
  void describe(OptionSet& options) { config.describe(options, Need::kOptional); }
};

// Prints one "name: value" line each to standard output; runs one command in a sandbox to see that
// it works. Returns 1 if it does not. Throws Error for a bad config.
int run_doctor(const DoctorOptions& options);

}  // namespace amalgam::pipeline
