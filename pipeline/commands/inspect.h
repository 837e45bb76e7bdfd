// `amalgam inspect`: what a model costs at a context length.
#pragma once
#include <string>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct InspectOptions {
  static constexpr const char* kName = "inspect";
  static constexpr const char* kSummary = "parameters, FLOPs and KV bytes of a model";
  static constexpr const char* kExamples =
      "  amalgam inspect deepseek-v4-flash --context 1048576\n"
      "  amalgam inspect runs/quickstart/student --context 512 --json\n"
      "Presets: deepseek-v4-flash, deepseek-v4-pro, deepseek-v3.2. FLOPs are FP8-equivalent, two "
      "a\n"
      "multiply-add: BF16 and F32 products count twice. Prefill and training are of the whole\n"
      "context. The MTP block is not counted.\n";

  std::string model, kv;
  int64_t context = 4096;
  bool json = false;
  void describe(OptionSet& options);
};

int run_inspect(const InspectOptions& options);

}  // namespace amalgam::pipeline
