// `amalgam sft | rl | distill | eval`: one stage of a config on a model that the user brings.
#pragma once
#include <string>
#include <vector>

#include "pipeline/stages/run_session.h"

namespace amalgam::pipeline {

// A model directory with its tokenizer in, and where the stage keeps its state and logs: --run-dir,
// or OUT.run. An interrupted command continues when it is given again.
struct StageOptions {
  SessionOptions session;
  std::string model, out;

  void describe(OptionSet& options, Need out_need);
  // The config with the model as its start; throws Error if the directory is no model.
  configs::RunConfig load();

 private:
  void tidy();  // no trailing slashes: names are derived from these paths
};

struct SftOptions {
  static constexpr const char* kName = "sft";
  static constexpr const char* kSummary =
      "supervised fine-tuning of a model on one domain's conversations";
  static constexpr const char* kExamples =
      "  amalgam sft configs/quickstart.toml --model DIR --domain math --out DIR2 sft.steps=200\n";
  StageOptions stage;
  std::string domain;
  void describe(OptionSet& options);
};
int run_sft(const SftOptions& options);

struct RlOptions {
  static constexpr const char* kName = "rl";
  static constexpr const char* kSummary = "train a specialist with GRPO on one domain";
  static constexpr const char* kExamples =
      "  amalgam rl configs/quickstart.toml --model runs/quickstart/base --domain math --out "
      "math-rl\n";
  StageOptions stage;
  std::string domain;
  void describe(OptionSet& options);
};
int run_rl(const RlOptions& options);

struct DistillOptions {
  static constexpr const char* kName = "distill";
  static constexpr const char* kSummary =
      "merge specialists into one model by on-policy distillation";
  static constexpr const char* kExamples =
      "  amalgam distill configs/quickstart.toml --model runs/quickstart/base --out student \\\n"
      "      --teacher math=math-rl --teacher code=code-rl \\\n"
      "      --teacher agent=agent-rl --teacher instruct=instruct-rl\n";
  StageOptions stage;
  std::vector<std::string> teachers;  // DOMAIN=DIR
  void describe(OptionSet& options);
};
int run_distill(const DistillOptions& options);

struct EvalOptions {
  static constexpr const char* kName = "eval";
  static constexpr const char* kSummary = "score a model on the test prompts of a config's domains";
  static constexpr const char* kExamples =
      "  amalgam eval configs/quickstart.toml --model runs/quickstart/student\n"
      "  amalgam eval configs/quickstart.toml --model DIR --domain math eval.n=8\n";
  StageOptions stage;
  std::string domain;
  bool all_rows = false;
  void describe(OptionSet& options);
};
int run_eval(const EvalOptions& options);

}  // namespace amalgam::pipeline
