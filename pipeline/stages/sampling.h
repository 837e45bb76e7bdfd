// Sampling and scoring prompts with a policy: mean rewards at a temperature, with standard errors.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/run_store/score.h"
#include "pipeline/stages/domain_rows.h"
#include "pipeline/stages/run_context.h"
#include "pipeline/workers/rollout_pool.h"

namespace amalgam::pipeline {

// Limits of one episode, common to training and scoring.
struct EpisodeBudget {
  int64_t max_prompt_length = 0;
  int64_t max_response_length = 0;
  int64_t max_window = 0;  // of prompts that have one of their own
  int64_t max_turns = 1;
  int64_t max_calls_per_turn = 16;
  int64_t max_tool_response_tokens = 512, max_tool_tokens = 2048;
  bool draft = false;
  int64_t max_thinking_tokens = 0;  // of a turn; 0: no limit
  // Room for the prompt, the response and the results of tools.
  int64_t max_positions() const;
};
EpisodeBudget budget_of(const configs::PromptBatchConfig& data,
                        const configs::RolloutConfig& rollout,
                        const std::vector<const configs::DomainConfig*>& domains);

CollectSpec collect_spec(const std::string& stage, int64_t step, const proto::WeightsRef& weights,
                         uint64_t stream, double temperature, const EpisodeBudget& budget,
                         bool score);

// Whether the episode came to an end that can be scored: the infrastructure did not fail.
bool is_answer(const proto::Trajectory& trajectory);

struct PromptScores {
  Score all;
  std::vector<std::pair<std::string, Score>> at_k;       // scores_at_k.h
  double success = 1;                                    // the reward that is one there
  std::vector<std::pair<std::string, Score>> by_source;  // PromptRow.source, in the prompts' order
  int64_t num_scored = 0;      // prompts with an answer that could be scored
  int64_t masked_samples = 0;  // of those prompts: answers that could not
  CollectFigures figures;
  std::vector<proto::Trajectory> samples;  // meta.group is the prompt's place
};

struct ScoreSpec {
  std::string stage;
  int64_t step = 0;
  // What the samples' random numbers are keyed by beside the seed: models that share it are
  // compared on the same draws. Empty: the stage.
  std::string stream = {};
  proto::WeightsRef weights;
  int64_t n = 1;           // answers of a prompt
  double temperature = 1;  // 0: greedy
  EpisodeBudget budget;
  std::function<void(int64_t finished, int64_t all)> on_finished = {};  // as CollectSpec's
};

// Samples answers of each prompt and scores them. Durable per sample under stage and step: an
// interrupted scoring goes on where it stopped. Throws Error when no sample of some source could be
// scored.
PromptScores score_prompts(RunContext& run, const std::vector<PromptRow>& prompts,
                           const ScoreSpec& spec);

// Bytes that a token's kept choices take (model/network/choices.h), mean over all tokens:
// rollout/routing_bytes_per_token of its experts, rollout/index_bytes_per_token of selected
// entries. Neither, of samples that carry none.
void add_choice_bytes(const std::vector<proto::Trajectory>& trajectories, NamedValues* figures);

// The mean over prompts of the mean over their scored samples, and its standard error from the
// spread over prompts; unknown without a scored sample.
Score score_of(const std::vector<const proto::Trajectory*>& trajectories);
// The same of any figure of samples, given with their prompts.
Score mean_over_prompts(const std::vector<std::pair<int64_t, double>>& values);
// The same of the prompts' own means; at least one.
Score score_over_prompts(const std::vector<double>& means);

}  // namespace amalgam::pipeline
