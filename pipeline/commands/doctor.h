// `amalgam doctor`: what this machine offers, and what is missing.
#pragma once
#include <string>

#include "pipeline/command_line/config_options.h"
#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct DoctorOptions {
  static constexpr const char* kName = "doctor";
  static constexpr const char* kSummary =
      "say what this machine offers; check a config, its files and functions";
  static constexpr const char* kExamples =
      "  amalgam doctor\n"
      "  amalgam doctor configs/quickstart.toml rl.rollout.n=8\n";

  ConfigOptions config;
  void describe(OptionSet& options) { config.describe(options, Need::kOptional); }
};

// Prints one "name: value" line each to standard output; runs one command in a sandbox to see that
// it works. Of a config it tries all that is named there (stages/inputs_check.h), each reward
// function once, and prints "FILE:LINE: why" for what cannot be used. Returns 1 if anything does
// not work. Throws Error for a bad config.
int run_doctor(const DoctorOptions& options);

}  // namespace amalgam::pipeline
