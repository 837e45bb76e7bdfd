// `amalgam data`: writes the generated rows of a config's domains as JSONL.
#pragma once
#include <string>

#include "pipeline/command_line/config_options.h"
#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct DataOptions {
  static constexpr const char* kName = "data";
  static constexpr const char* kSummary = "write the generated rows of a config's domains as JSONL";
  static constexpr const char* kExamples =
      "  amalgam data configs/quickstart.toml --out data\n"
      "  amalgam data configs/quickstart.toml --domain math --out data seed=7\n";

  ConfigOptions config;
  std::string domain, out;
  void describe(OptionSet& options);
};

// OUT/DOMAIN/train.jsonl, heldout.jsonl (prompts) and sft.jsonl (conversations).
int run_data(const DataOptions& options);

}  // namespace amalgam::pipeline
