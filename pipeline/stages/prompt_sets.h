// The prompts that a stage takes from a domain's set, and what it leaves out.
#pragma once
#include <string>
#include <vector>

#include "model/tokenizer/tokenizer.h"
#include "pipeline/run_store/set_counts.h"
#include "pipeline/stages/domain_rows.h"
#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

// Its prompts are encoded when they are asked for: a set may have millions.
class PromptSet {
 public:
  PromptSet(const RunContext& run, const model::Tokenizer& tokenizer,
            const configs::DomainConfig& domain, const RowStore& rows, Split split,
            std::vector<uint32_t> places)
      : tokenizer_(tokenizer),
        tools_(&run.tools),
        domain_(&domain),
        rows_(&rows),
        split_(split),
        places_(std::move(places)) {}

  size_t size() const { return places_.size(); }
  PromptRow at(size_t i) const {
    return encode_prompt(tokenizer_, *tools_, *domain_, *rows_, split_, places_[i]);
  }
  std::vector<PromptRow> all() const;

  SetCounts counts;

 private:
  model::Tokenizer tokenizer_;
  const rollout::ToolRegistry* tools_;
  const configs::DomainConfig* domain_;
  const RowStore* rows_;
  Split split_;
  std::vector<uint32_t> places_;  // in rows_
};

// The first `num_asked` prompts (all: -1) of at most max_prompt_length tokens. Says once a run how
// many are longer. Throws as fitting_prompts.
PromptSet prompt_set(RunContext& run, const model::Tokenizer& tokenizer,
                     const configs::DomainConfig& domain, Split split, int64_t max_prompt_length,
                     int64_t num_asked = -1);

}  // namespace amalgam::pipeline
