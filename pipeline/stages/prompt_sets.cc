#include "pipeline/stages/prompt_sets.h"

namespace amalgam::pipeline {

PromptSet prompt_set(RunContext& run, const model::Tokenizer& tokenizer,
                     const configs::DomainConfig& domain, Split split, int64_t max_prompt_length,
                     int64_t num_asked) {
  const RowSet& rows = run.data().of(domain.name).of(split);
  PromptSet set;
  set.counts.max_prompt_length = max_prompt_length;
  set.counts.bad = rows.num_bad;
  set.counts.repeated = rows.num_repeated;
  set.prompts = encode_prompts(run.pool, tokenizer, run.tools, domain, rows.rows, split,
                               max_prompt_length, &set.counts.too_long);
  if (set.counts.too_long > 0)
    run.say_once("domain " + domain.name + ": " + std::to_string(set.counts.too_long) + " of " +
                 std::to_string(rows.rows.size()) + " " + to_string(split) +
                 " prompts are left out: longer than " + std::to_string(max_prompt_length) +
                 " tokens (data.max_prompt_length)");
  const auto n = static_cast<int64_t>(set.prompts.size());
  if (num_asked >= 0 && n > num_asked) {
    set.counts.not_asked = n - num_asked;
    set.prompts.resize(static_cast<size_t>(num_asked));
  }
  set.counts.used = n - set.counts.not_asked;
  return set;
}

}  // namespace amalgam::pipeline
