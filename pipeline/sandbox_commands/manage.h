// `amalgam sandbox ps`, `logs` and `rm`: the sandboxes that commands of this user hold here.
#pragma once
#include <string>
#include <vector>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct SandboxPsOptions {
  static constexpr const char* kName = "ps";
  static constexpr const char* kSummary = "list this user's sandboxes on this machine";
  static constexpr const char* kExamples =
      "  amalgam sandbox ps\n"
      "  amalgam sandbox ps --all --json\n"
      "  amalgam sandbox rm $(amalgam sandbox ps --quiet)\n"
      "Those of `run` and `shell`. PID is the process that holds the sandbox, which ends with it;\n"
      "MEMORY is that of all its processes. With --json an array of objects:\n"
      "  {\"id\", \"substrate\", \"image\", \"command\", \"created\", \"status\", \"pid\", "
      "\"memory_bytes\",\n"
      "   \"outcome\", \"exit_code\"}\n"
      "where status is running or exited, created in seconds since 1970, and what does not apply "
      "null.\n";

  bool all = false, quiet = false, json = false;
  void describe(OptionSet& options);
};
int run_sandbox_ps(const SandboxPsOptions& options);

struct SandboxRmOptions {
  static constexpr const char* kName = "rm";
  static constexpr const char* kSummary = "kill sandboxes and forget them";
  static constexpr const char* kExamples =
      "  amalgam sandbox rm 4f0c\n"
      "An ID may be cut short as long as it names one sandbox. Ends when every process of it is\n"
      "dead. Prints the ids.\n";

  std::vector<std::string> ids;
  void describe(OptionSet& options);
};
// Throws Error for an unknown id, before anything is killed.
int run_sandbox_rm(const SandboxRmOptions& options);

struct SandboxLogsOptions {
  static constexpr const char* kName = "logs";
  static constexpr const char* kSummary = "print what a sandbox has printed";
  static constexpr const char* kExamples =
      "  amalgam sandbox logs 4f0c\n"
      "  amalgam sandbox logs --follow 4f0c      # until it ends\n"
      "Of a `run --detach`: its output so far. Of a `run --journal`: the calls in its journal and\n"
      "their output.\n";

  std::string id;
  bool follow = false;
  void describe(OptionSet& options);
};
int run_sandbox_logs(const SandboxLogsOptions& options);

}  // namespace amalgam::pipeline
