// `amalgam judge import`: rows to train and measure a judge with, of what people filled in.
#pragma once
#include <string>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct JudgeImportOptions {
  static constexpr const char* kName = "import";
  static constexpr const char* kSummary = "make rows for a judge of forms that people filled in";
  static constexpr const char* kExamples =
      "  amalgam judge import form.jsonl --run runs/rubric --out labelled.jsonl\n"
      "Name the rows as judge.train_file, or as judge.heldout_file if judging is not to be "
      "trained\n"
      "on them. Lines that are not labelled, or not wholly, are left out and counted.\n";

  std::string form, run_dir, out;
  void describe(OptionSet& options);
};

// Throws Error "FILE:LINE: …", and writes nothing, for a line that is not of the run, was changed,
// has no labels as they should be, or stands there twice.
int run_judge_import(const JudgeImportOptions& options);

}  // namespace amalgam::pipeline
