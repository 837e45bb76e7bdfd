#include "pipeline/stages/prompt_sets.h"

namespace amalgam::pipeline {

PromptSet prompt_set(RunContext& run, const model::Tokenizer& tokenizer,
                     const configs::DomainConfig& domain, Split split, int64_t max_prompt_length,
                     int64_t num_asked) {
  const RowSet& rows = run.data().of(domain.name).of(split);
  SetCounts counts;
  counts.max_prompt_length = max_prompt_length;
  counts.bad = rows.num_bad;
  counts.repeated = rows.num_repeated;
  std::vector<uint32_t> places =
      fitting_prompts(run.pool, tokenizer, run.tools, domain, rows.rows, split, max_prompt_length);
  const auto n = static_cast<int64_t>(places.size());
  counts.too_long = static_cast<int64_t>(rows.rows.size()) - n;
  if (counts.too_long > 0)
    run.say_once("domain " + domain.name + ": " + std::to_string(counts.too_long) + " of " +
                 std::to_string(rows.rows.size()) + " " + to_string(split) +
                 " prompts are left out: longer than " + std::to_string(max_prompt_length) +
                 " tokens (data.max_prompt_length)");
  if (num_asked >= 0 && n > num_asked) {
    counts.not_asked = n - num_asked;
    places.resize(static_cast<size_t>(num_asked));
  }
  counts.used = n - counts.not_asked;
  PromptSet set(run, tokenizer, domain, rows.rows, split, std::move(places));
  set.counts = counts;
  return set;
}

std::vector<PromptRow> PromptSet::all() const {
  std::vector<PromptRow> prompts;
  for (size_t i = 0; i < size(); ++i) prompts.push_back(at(i));
  return prompts;
}

}  // namespace amalgam::pipeline
