// `amalgam sandbox bench`: what a sandbox costs here, beside bubblewrap.
#pragma once
#include <cstdint>
#include <string>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct SandboxBenchOptions {
  static constexpr const char* kName = "bench";
  static constexpr const char* kSummary = "measure what sandboxes cost, beside bubblewrap";
  static constexpr const char* kExamples =
      "  amalgam sandbox bench\n"
      "  amalgam sandbox bench --json --runs 500\n"
      "Ours and bubblewrap's runs alternate, each a fresh sandbox with one command. p50 is robust\n"
      "on a machine that also does other work, p99 and the rates are not. Without bubblewrap "
      "(bwrap)\n"
      "its figures are null. With --gateway the same is asked of the agents behind it.\n";

  int64_t runs = 100, idle = 100;
  bool json = false;
  std::string gateway, key;
  void describe(OptionSet& options);
};

// Prints, as JSON or as lines for people:
//   container_true_ms, container_python_ms   making a sandbox, running /bin/true or a one-line
//                                            Python program, and its end: {"p50", "p99"}
//   function_call_ms                         one call of one line of Python, the pool being full
//   container_call_ms                        one more /bin/true in a sandbox that is there
//   gateway_true_ms, gateway_call_ms         the same through a gateway, each with its record on
//   gateway_runs_per_s                       the gateway's disk; null without --gateway
//   container_runs_per_s                     /bin/true, one thread per core
//   bubblewrap_true_ms, bubblewrap_python_ms the same with bwrap and all its namespaces
//   idle_sandbox_bytes                       resident memory of one live sandbox before its first
//                                            command, shared pages divided among their users
//   idle_machine_bytes                       what the machine has less per sandbox: with the
//   kernel's
//                                            part, and whatever other programs do meanwhile
// Throws Error when no sandbox can be made here.
int run_sandbox_bench(const SandboxBenchOptions& options);

}  // namespace amalgam::pipeline
