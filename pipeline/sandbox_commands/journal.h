// `amalgam sandbox replay` and `amalgam sandbox changes`: what a session's journal can tell.
#pragma once
#include <string>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct SandboxReplayOptions {
  static constexpr const char* kName = "replay";
  static constexpr const char* kSummary = "make a session's calls again and compare what comes out";
  static constexpr const char* kExamples =
      "  amalgam sandbox replay session.journal\n"
      "Compares outcome, exit code, output, and the files that each call changed. Exit status: 0 "
      "when\n"
      "all came out the same, 1 otherwise.\n";

  std::string journal, store;
  void describe(OptionSet& options);
};

// One line per difference and a summary.
int run_sandbox_replay(const SandboxReplayOptions& options);

struct SandboxChangesOptions {
  static constexpr const char* kName = "changes";
  static constexpr const char* kSummary = "say which call of a session changed which file";
  static constexpr const char* kExamples =
      "  amalgam sandbox changes session.journal\n"
      "  amalgam sandbox changes session.journal result.txt\n";

  std::string journal, path;
  void describe(OptionSet& options);
};

// One line per change, in order: the call's number, what happened, the path, the call.
int run_sandbox_changes(const SandboxChangesOptions& options);

}  // namespace amalgam::pipeline
