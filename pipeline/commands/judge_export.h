// `amalgam judge export`: answers of a run, drawn at random, for people to label.
#pragma once
#include <cstdint>
#include <string>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct JudgeExportOptions {
  static constexpr const char* kName = "export";
  static constexpr const char* kSummary = "draw answers of a run for people to label";
  static constexpr const char* kExamples =
      "  amalgam judge export runs/rubric --stage rl-joint --limit 40 --out form.jsonl\n"
      "  amalgam judge export runs/rubric --domain joint --step 1 --share 0.5 --seed 2 \\\n"
      "      --out form-2.jsonl\n"
      "A line has an answer, or of a pairwise judge two, its prompt and its rubric, and "
      "\"labels\"\n"
      "to fill in, one for each criterion: 1 (met), 0 (not met), a number between; null: not\n"
      "labelled. Pairwise \"label\": \"A\" (the first is better), \"B\" or \"tie\". Then\n"
      "`amalgam judge import`. Scores and verdicts are left out, so that they lead nobody.\n";

  std::string run_dir, stage, domain, out;
  int64_t step = -1, limit = 0, seed = 1;
  double share = 0.1;
  void describe(OptionSet& options);
};

int run_judge_export(const JudgeExportOptions& options);

}  // namespace amalgam::pipeline
