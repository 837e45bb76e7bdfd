// The prompts that a stage takes from a domain's set, and what it leaves out.
#pragma once
#include <string>
#include <vector>

#include "model/tokenizer/tokenizer.h"
#include "pipeline/run_store/set_counts.h"
#include "pipeline/stages/domain_rows.h"
#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

struct PromptSet {
  std::vector<PromptRow> prompts;
  SetCounts counts;
};

// The first `num_asked` prompts (all: -1) of at most max_prompt_length tokens. Says once a run how
// many are longer. Throws as encode_prompts.
PromptSet prompt_set(RunContext& run, const model::Tokenizer& tokenizer,
                     const configs::DomainConfig& domain, Split split, int64_t max_prompt_length,
                     int64_t num_asked = -1);

}  // namespace amalgam::pipeline
