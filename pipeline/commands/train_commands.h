// `amalgam sft | rl | distill | eval`: one stage of a config on a model that the user brings.
#pragma once
#include <string>
#include <vector>

#include "pipeline/stages/run_session.h"

namespace amalgam::pipeline {

// A model directory with its tokenizer in. The stage keeps its state and logs in --run-dir, or
// where command_run_dir() says. An interrupted command continues when it is given again.
struct StageOptions {
  SessionOptions session;
  std::string model, out;
  bool resume = false;  // changes nothing: they continue without it

  void describe(OptionSet& options, Need out_need);
  // The config with the model as its start, and the run directory. `domain` may be empty.
  configs::RunConfig load(const std::string& command, const std::string& domain);
};

// A domain of the config, and of its efforts one.
struct DomainOptions {
  std::string domain, effort;
  void describe(OptionSet& options, Need need);
  // "bus-max"; empty where none is named.
  std::string name() const {
    return domain.empty() || effort.empty() ? domain + effort : domain + "-" + effort;
  }
};

struct SftOptions {
  static constexpr const char* kName = "sft";
  static constexpr const char* kSummary =
      "supervised fine-tuning of a model on one domain's conversations";
  static constexpr const char* kExamples =
      "  amalgam sft configs/quickstart.toml --model runs/quickstart/base --domain math \\\n"
      "      --out models/math-sft sft.steps=200\n";
  StageOptions stage;
  DomainOptions domain;
  void describe(OptionSet& options);
};
int run_sft(const SftOptions& options);

struct RlOptions {
  static constexpr const char* kName = "rl";
  static constexpr const char* kSummary = "train a specialist with GRPO on one domain";
  static constexpr const char* kExamples =
      "  amalgam rl configs/quickstart.toml --model models/math-sft --domain math \\\n"
      "      --out models/math-rl\n"
      "  amalgam eval configs/quickstart.toml --model models/math-rl --domain math\n";
  StageOptions stage;
  DomainOptions domain;
  void describe(OptionSet& options);
};
int run_rl(const RlOptions& options);

struct DistillOptions {
  static constexpr const char* kName = "distill";
  static constexpr const char* kSummary =
      "merge specialists into one model by on-policy distillation";
  static constexpr const char* kExamples =
      "  amalgam distill configs/quickstart.toml --model runs/quickstart/base \\\n"
      "      --out models/student --teacher math=models/math-rl \\\n"
      "      --teacher code=runs/quickstart/specialist-code \\\n"
      "      --teacher agent=runs/quickstart/specialist-agent \\\n"
      "      --teacher instruct=runs/quickstart/specialist-instruct\n";
  StageOptions stage;
  std::vector<std::string> teachers;  // DOMAIN=DIR
  std::string domain;                 // empty: all
  void describe(OptionSet& options);
};
int run_distill(const DistillOptions& options);

struct EvalOptions {
  static constexpr const char* kName = "eval";
  static constexpr const char* kSummary = "score a model on the test prompts of a config's domains";
  static constexpr const char* kExamples =
      "  amalgam eval configs/quickstart.toml --model models/student\n"
      "  amalgam eval configs/quickstart.toml --model models/student --domain math eval.n=8\n"
      "  amalgam eval configs/effort.toml --model models/student --effort max\n";
  StageOptions stage;
  DomainOptions domain;
  std::string max_thinking_tokens;
  bool all_rows = false;
  void describe(OptionSet& options);
};
int run_eval(const EvalOptions& options);

}  // namespace amalgam::pipeline
