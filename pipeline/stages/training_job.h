// The training state of one stage, opened or continued, with everything that a step needs.
#pragma once
#include <memory>
#include <string>

#include "configs/error.h"
#include "learner/step/trainer.h"
#include "pipeline/stages/run_context.h"
#include "proto/worker.pb.h"

namespace amalgam::pipeline {

// The MTP block's mean cross-entropy; logged where a block is trained.
inline constexpr char kMtpLossMetric[] = "train/mtp_loss";

// The indexers' mean KL; logged where they learn.
inline constexpr char kIndexLossMetric[] = "train/index_loss";

// Share of the MTP block's drafts that were right; logged where there are drafts.
inline constexpr char kDraftMetric[] = "rollout/draft_acceptance";

// The name under which a stage's held-out samples are logged.
std::string validation_stage(const std::string& stage);
// Removes what the stage has under RUN/wal.
void remove_token_logs(const std::string& run_dir, const std::string& stage);
// The stages of verdicts on its answers, those of its validations, and of single domains.
std::vector<std::string> verdict_stages(const configs::RunConfig& config, const std::string& stage);
// Removes them, and what the store says of them.
void forget_verdicts(RunContext& run, const std::string& stage);
// Removes all that a training under this name left, but for models that it finished.
void forget_job(RunContext& run, const std::string& stage);

// Runs f. An Error from it is told with the stage and its step (the number in metrics.jsonl).
template <class F>
void in_step(const std::string& stage, int64_t step, const F& f) {
  try {
    f();
  } catch (const Error& e) {
    throw Error(stage + ", step " + std::to_string(step) + ": " + e.what());
  }
}

class TrainingJob {
 public:
  // Continues RUN/checkpoints/STAGE/state if it is there, else starts it from the weights in
  // start_dir, and forgets what the run has of an earlier one of this name.
  TrainingJob(RunContext& run, const std::string& stage, const std::string& start_dir,
              const configs::OptimConfig& optim, learner::TrainOptions options = {});

  learner::Trainer& trainer() { return *trainer_; }
  const model::ModelConfig& config() const { return config_; }
  // What a rollout worker needs to sample from the current weights.
  proto::WeightsRef weights() const;
  // Saves the current weights as a model directory (durably) and, when `finished`, removes the
  // stage's state.
  void save(const std::string& directory, bool finished = true);

 private:
  RunContext& run_;
  std::string stage_, start_dir_;
  model::ModelConfig config_;
  std::unique_ptr<model::Network> network_;
  std::unique_ptr<learner::TrainingState> state_;
  std::unique_ptr<learner::Trainer> trainer_;
};

}  // namespace amalgam::pipeline
