// `amalgam verify`: recompute a golden case and compare with what another implementation computed.
#pragma once
#include <string>

#include "configs/numerics_config.h"
#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct VerifyOptions {
  static constexpr const char* kName = "verify";
  static constexpr const char* kSummary =
      "recompute logits, loss and gradients of a golden case and compare";
  static constexpr const char* kExamples =
      "  amalgam verify tests/golden/reference/mixed\n"
      "  amalgam verify tests/golden/reference/mixed --dump ours.safetensors\n";

  std::string case_dir;
  std::string dump;
  int64_t threads = 0;
  configs::NumericsConfig numerics;
  void describe(OptionSet& options);
};

// Prints per tensor the largest difference relative to its largest value; returns 1 above tolerance
// (logits and losses 2e-5, gradients 1e-4). A tensor of exact zeros must be reproduced exactly.
// Gradients are of `loss`, or of loss + 0.3 · mtp_loss where the reference has mtp_loss.
int run_verify(const VerifyOptions& options);

}  // namespace amalgam::pipeline
