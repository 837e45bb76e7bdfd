// `amalgam convert`: a model directory in another precision.
#pragma once
#include <string>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct ConvertOptions {
  static constexpr const char* kName = "convert";
  static constexpr const char* kSummary = "write a model as f32, bf16, fp8 or fp4";
  static constexpr const char* kExamples =
      "  amalgam convert --model runs/quickstart/student --to fp4 --out models/student-fp4\n"
      "  amalgam convert --model models/student-fp4 --to bf16 --out models/student-bf16\n"
      "fp8: linear weights and experts E4M3 with a scale per 128 x 128; fp4: as released, routed\n"
      "experts packed E2M1 with a scale per 1 x 32; the rest of both is bf16 (f32 where released\n"
      "models have f32). Reads every spelling of tensor names, writes the released one.\n";

  std::string model, to, out;
  int64_t threads = 0;
  void describe(OptionSet& options);
};

// Replaces the directory `out` when the new model is complete, not before.
int run_convert(const ConvertOptions& options);

}  // namespace amalgam::pipeline
