// `amalgam sandbox shell`: a fresh sandbox to work in.
#pragma once
#include <string>
#include <vector>

#include "pipeline/command_line/options.h"
#include "pipeline/sandbox_commands/limit_options.h"

namespace amalgam::pipeline {

struct SandboxShellOptions {
  static constexpr const char* kName = "shell";
  static constexpr const char* kSummary = "work in a fresh sandbox";
  static constexpr const char* kExamples =
      "  amalgam sandbox shell\n"
      "  amalgam sandbox shell --image python --save mine    # an image of what you made in it\n"
      "  amalgam sandbox shell --image mine python3\n"
      "  amalgam sandbox shell -- ls -l /usr                 # what a program's own options need\n"
      "  echo 'uname -a; id' | amalgam sandbox shell\n"
      "The shell has a terminal of its own inside the sandbox, which ends with it. Without a\n"
      "terminal here, commands are read from standard input. Exit status: the shell's own, 124 "
      "after\n"
      "a time-out, 125 when the sandbox failed.\n";

  std::vector<std::string> command;
  std::string image, store, save;
  double timeout = 86400, cpu = 0;
  LimitOptions limit;
  SandboxShellOptions() { limit.output = "1024G"; }
  void describe(OptionSet& options);
};

// Throws Error for bad options and when no sandbox can be made.
int run_sandbox_shell(const SandboxShellOptions& options);

}  // namespace amalgam::pipeline
