// `amalgam worker`: a rollout worker process. Started by the controller, not by people.
#pragma once
#include <string>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct WorkerOptions {
  static constexpr const char* kName = "worker";
  static constexpr const char* kSummary = "serve rollouts to a controller (started by `run`)";
  static constexpr const char* kExamples =
      "  amalgam run configs/quickstart.toml --run-dir runs/workers --workers 2   # starts two of "
      "them\n";

  std::string endpoint;
  int64_t parent = 0;
  void describe(OptionSet& options);
};

int run_worker(const WorkerOptions& options);

}  // namespace amalgam::pipeline
