// `amalgam generate`: sample from a model, rows in, rows out in the same order.
#pragma once
#include <string>

#include "configs/numerics_config.h"
#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct GenerateOptions {
  static constexpr const char* kName = "generate";
  static constexpr const char* kSummary = "sample continuations of ids, prompts or messages";
  static constexpr const char* kExamples =
      "  echo '{\"messages\": [{\"role\": \"user\", \"content\": \"2 + 3\"}]}' > rows.jsonl\n"
      "  amalgam generate --model runs/quickstart/student --in rows.jsonl --out out.jsonl\n"
      "Row keys: ids | prompt | messages (with thinking_mode chat|thinking,\n"
      "reasoning_effort none|low|high|max|1 to 100, effort_form encoding|line and drop_thinking, "
      "as\n"
      "in amalgam encode), id, seed,\n"
      "max_tokens (256), max_thinking_tokens, ignore_eos. A row's tokens depend on the model, its\n"
      "prompt and its seed (its number, from 0). Out: id, ids (new tokens), logprobs (at "
      "temperature\n"
      "1, as `score` has them), sampling_logprobs (at --temperature, where that is neither 0 nor "
      "1),\n"
      "text, finish_reason, and with max_thinking_tokens forced_thinking_end: whether it ended "
      "the\n"
      "thinking. That </think> is one of the new tokens, with null for its logprobs.\n";

  std::string model, in, out;
  double temperature = 1;
  int64_t max_thinking_tokens = 0;
  int64_t max_batch = 64, prefill_chunk = 256, threads = 0;
  bool draft = false, resume = false;
  configs::NumericsConfig numerics;
  void describe(OptionSet& options);
};

// A row's tokens depend on its prompt, seed (default: its number, from 0) and the model only.
int run_generate(const GenerateOptions& options);

}  // namespace amalgam::pipeline
