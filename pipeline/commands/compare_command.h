// `amalgam compare`: ways of making one model of specialists, side by side over one or more seeds.
#pragma once
#include <string>

#include "pipeline/command_line/options.h"
#include "pipeline/stages/run_session.h"

namespace amalgam::pipeline {

struct CompareOptions {
  static constexpr const char* kName = "compare";
  static constexpr const char* kSummary =
      "base, specialists, the student and all of [[compare]] side by side, over seeds";
  static constexpr const char* kExamples =
      "  amalgam compare configs/quickstart.toml\n"
      "  amalgam compare configs/quickstart.toml --seeds 2    # seeds 1 and 2\n"
      "  amalgam compare configs/quickstart.toml seed=7       # one more, alone\n"
      "  amalgam compare configs/quickstart.toml --methods student,sampled_kl\n"
      "  amalgam report runs/quickstart-compare               # the table again\n"
      "\nWhat was done before is not done again: the same command goes on after Ctrl-C or a "
      "crash.\n"
      "Each seed is a run of its own, in seed-S of the directory; the table is over the seeds "
      "that\n"
      "are finished there. docs/MERGING.md says what every method gets.\n";

  SessionOptions session;
  int64_t seeds = 1;
  std::string methods;
  bool resume = false;  // changes nothing: it continues without it
  void describe(OptionSet& options);
};

int run_compare(const CompareOptions& options);

}  // namespace amalgam::pipeline
