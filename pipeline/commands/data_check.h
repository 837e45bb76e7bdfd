// `amalgam data check`: what is made of files of rows, before they are named in a config.
#pragma once
#include <string>
#include <vector>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct DataCheckOptions {
  static constexpr const char* kName = "check";
  static constexpr const char* kSummary = "say what files of rows are understood as";
  static constexpr const char* kExamples =
      "  amalgam data check train.parquet --for rl\n"
      "  amalgam data check 'shards/*.jsonl.gz' --for sft --json\n";

  std::vector<std::string> files;
  std::string use, python;
  bool json = false;
  void describe(OptionSet& options);
};

// Prints which columns are which fields, what reward functions get and what is not used, the first
// rows as the model sees them, and bad rows with their reasons; or one JSON object. 0 if every row
// can be used, else 1.
int run_data_check(const DataCheckOptions& options);

}  // namespace amalgam::pipeline
