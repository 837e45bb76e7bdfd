// How many rows of a set a stage used, and why it left the others out.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/run_store/run_store.h"

namespace amalgam::pipeline {

struct SetCounts {
  int64_t used = 0;
  // Left out:
  int64_t bad = 0;         // cannot be used (--skip-bad-rows)
  int64_t repeated = 0;    // their prompt stands in an earlier set
  int64_t too_long = 0;    // longer than max_prompt_length tokens
  int64_t not_asked = 0;   // beyond the number of prompts that the config asks for
  int64_t not_scored = 0;  // no answer of theirs could be scored
  int64_t max_prompt_length = 0;
  int64_t masked_samples = 0;  // of the prompts that are used: answers that could not be scored

  int64_t left_out() const { return bad + repeated + too_long + not_asked + not_scored; }
  void add(const SetCounts& other);  // of another set with the same max_prompt_length
};

// A stage's set: "train", "validation", "test", "all" (of the last two), "sft", "anneal".
struct SetRow {
  std::string stage, set, domain;
  SetCounts counts;
};

// As figures of the stage.
void record_set(RunStore& store, const SetRow& row);
std::vector<SetRow> recorded_sets(const RunStore& store);  // by stage, domain, set
// Of the prompts that an evaluation's score is the mean of; none recorded: all are 0.
SetCounts counts_of(const std::vector<SetRow>& sets, const EvalRow& eval);

// {"too_long", 10}, … of those that are not 0; "masked_samples" too.
std::vector<std::pair<std::string, int64_t>> left_out_by_reason(const SetCounts& counts);
// "10 of 20 prompts: 10 longer than 256 tokens"; "20 prompts" where none is left out.
std::string set_text(const SetCounts& counts);

}  // namespace amalgam::pipeline
