// Held-out scores of a policy: mean@n at a temperature, with its standard error.
#pragma once
#include <string>
#include <vector>

#include "pipeline/stages/domain_rows.h"
#include "pipeline/stages/run_context.h"
#include "pipeline/workers/rollout_pool.h"

namespace amalgam::pipeline {

// Limits of one episode, common to training and scoring.
struct EpisodeBudget {
  int64_t max_prompt_length = 0;
  int64_t max_response_length = 0;
  int64_t max_turns = 1;
  int64_t max_tool_response_length = 512;  // bytes
  bool draft = false;
  // Room for the prompt, the response and a tool result after each turn but the last.
  int64_t max_positions() const;
};
EpisodeBudget budget_of(const configs::PromptBatchConfig& data,
                        const configs::RolloutConfig& rollout);

struct HeldOutScore {
  double mean = 0;                          // over prompts of the mean over their samples
  double standard_error = 0;                // of that mean, from the spread over prompts
  int64_t num_samples = 0, num_failed = 0;  // failed: infrastructure; they count nowhere
  double response_length = 0;
  CollectFigures figures;
};

// Samples n answers of each prompt at `temperature` (0: greedy) and scores them. Durable per sample
// under `stage` and `step`: an interrupted scoring goes on where it stopped.
HeldOutScore score_held_out(RunContext& run, const std::string& stage, int64_t step,
                            const proto::WeightsRef& weights, const std::string& tokenizer_dir,
                            const std::vector<PromptRow>& prompts, int64_t n, double temperature,
                            const EpisodeBudget& budget);

// Bytes that a token's kept choices take (model/network/choices.h), mean over all tokens:
// rollout/routing_bytes_per_token of its experts, rollout/index_bytes_per_token of selected
// entries. Neither, of samples that carry none.
void add_choice_bytes(const std::vector<proto::Trajectory>& trajectories, NamedValues* figures);

// Mean and standard error over prompts from scored trajectories.
HeldOutScore summarize(const std::vector<proto::Trajectory>& trajectories);

}  // namespace amalgam::pipeline
