// `amalgam merge`: one model from the weights of several.
#pragma once
#include <string>
#include <vector>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct MergeOptions {
  static constexpr const char* kName = "merge";
  static constexpr const char* kSummary = "merge models by their weights: mean, ties, dare, …";
  static constexpr const char* kExamples =
      "  amalgam merge mean --model runs/quickstart/specialist-math \\\n"
      "      --model runs/quickstart/specialist-code --out models/mean\n"
      "  amalgam merge ties --base runs/quickstart/base --density 0.2 --lambda 1 \\\n"
      "      --model runs/quickstart/specialist-math:1 --model "
      "runs/quickstart/specialist-code:0.5 \\\n"
      "      --out models/ties\n"
      "  amalgam merge slerp --base runs/quickstart/specialist-math \\\n"
      "      --model runs/quickstart/specialist-code --t 0.5 --out models/slerp\n"
      "METHOD: linear (also: mean), slerp, task_arithmetic, ties, magnitude_prune, dare, "
      "dare_ties,\n"
      "breadcrumbs, breadcrumbs_ties, della, della_linear. The result has the base's tensor "
      "types,\n"
      "config and tokenizer. docs/MERGING.md has formulas, readings and defaults.\n";

  std::string method, base, out, reading = "default";
  std::vector<std::string> models;
  // Text, so that what is absent is known to be.
  std::string density, lambda, normalize, gamma, epsilon, t, drop_rate, rescale, vote, seed;
  int64_t threads = 0;
  void describe(OptionSet& options);
};

int run_merge(const MergeOptions& options);

}  // namespace amalgam::pipeline
