// `amalgam run`: base, specialists, student, baselines, evaluation and report from one TOML.
#pragma once
#include <string>

#include "pipeline/command_line/options.h"
#include "pipeline/stages/run_session.h"

namespace amalgam::pipeline {

struct RunOptions {
  static constexpr const char* kName = "run";
  static constexpr const char* kSummary =
      "the whole pipeline: base → specialists → student → report";
  static constexpr const char* kExamples =
      "  amalgam run configs/quickstart.toml\n"
      "  amalgam run configs/quickstart.toml --run-dir runs/two --workers 2 rl.steps=20\n"
      "  amalgam run configs/quickstart.toml --resume     # go on after Ctrl-C or a crash\n"
      "  amalgam run configs/quickstart.toml --restart distill   # that stage anew, and later "
      "ones\n"
      "\nExit codes, of sft, rl, distill and eval too: 0 done, 1 error, 75 stopped (Ctrl-C, "
      "SIGTERM\n"
      "or SIGHUP) where the same command goes on, of run with --resume.\n";

  SessionOptions session;
  bool resume = false;
  void describe(OptionSet& options);
};

int run_run(const RunOptions& options);

}  // namespace amalgam::pipeline
