// A stage that samples and learns in turns: what RL and distillation have in common. A step samples
// groups of answers with the current weights and learns from them in one or more updates; when it
// is due, the weights before a step are scored on the validation prompts. Everything is durable
// where it stands: an interrupted stage goes on inside the step that it was in.
#pragma once
#include <string>
#include <vector>

#include "pipeline/data/prompt_order.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/stages/domain_rows.h"
#include "pipeline/stages/flat_rewards.h"
#include "pipeline/stages/prompt_sets.h"
#include "pipeline/stages/run_context.h"
#include "pipeline/stages/sampling.h"
#include "pipeline/stages/training_job.h"
#include "pipeline/stages/validation.h"

namespace amalgam::pipeline {

struct SamplingSpec {
  std::string stage;
  std::string start_dir, out_dir;  // model directories
  // What the samples' random numbers are keyed by beside the seed; stages that share it see the
  // same prompts with the same keys.
  std::string stream;
  std::vector<const configs::DomainConfig*> domains;
  configs::OptimConfig optim;
  configs::PromptBatchConfig data;
  configs::RolloutConfig rollout;
  int64_t steps = 0, updates = 1;  // updates of a step
  int64_t test_freq = 0, val_n = 1;
  double mtp_loss_weight = 0;
  bool score = false;             // training samples get rewards
  Choose choose = Choose::kBest;  // of the validated steps
};

// Empty where a stage that ended after `steps` is the beginning of a longer one, byte for byte;
// else why not.
std::string why_not_longer(const configs::OptimConfig& optim, int64_t test_freq, int64_t steps);

// Prompts of a domain as the model sees them.
struct DomainPrompts {
  const configs::DomainConfig* domain;
  PromptSet train;
  std::vector<PromptRow> validation;  // none where the stage does not validate
  PromptOrder order;                  // of train
};

class SamplingStage {
 public:
  SamplingStage(RunContext& run, SamplingSpec spec);
  virtual ~SamplingStage() = default;

  // Trains to step `end` (schedules are those of spec.steps). Returns the validation score of the
  // weights after it, NaN without validation.
  double run(int64_t end);
  // Moves the chosen weights to out_dir: the best validated step's, or without validation the last.
  // The training state stays where more steps may follow.
  void finish();

 protected:
  // Prompt number `place` of the stage: domains take turns, each goes through its own in shuffled
  // order, epoch after epoch.
  PromptRow prompt_at(int64_t place);
  // The answers to the groups, in their order, durable in the log: with the weights that are
  // trained, if nothing else is said.
  virtual std::vector<proto::Trajectory> sample(const CollectSpec& spec,
                                                std::vector<proto::SampleGroup> groups,
                                                TrajectoryLog& log, CollectFigures* figures) {
    return run_.rollouts(tokenizer_dir_).collect(spec, std::move(groups), log, figures);
  }
  // Before a step's samples are asked for, and once they are there.
  virtual void before_sampling(int64_t step, std::vector<proto::SampleGroup>* groups) {
    (void)step, (void)groups;
  }
  virtual void after_sampling(int64_t step, const proto::WeightsRef& weights,
                              std::vector<proto::Trajectory>* trajectories, TrajectoryLog& log) {
    (void)step, (void)weights, (void)trajectories, (void)log;
  }
  // What later steps had logged goes; and token logs of a step that is committed.
  virtual void truncate_after(int64_t step) { (void)step; }
  virtual void forget(int64_t step) { (void)step; }

  // Learns from what the current weights sampled in `step`: the updates that are still to be made.
  // Returns what it measured, and sets *note to a few words for the progress line.
  virtual NamedValues learn(int64_t step, const std::vector<proto::Trajectory>& trajectories,
                            std::string* note) = 0;

  // The figure that chooses the step, of a validation's scores; adds its own to those that are
  // logged.
  virtual double rate(int64_t step, const PromptScores& scores,
                      const std::vector<PromptRow>& prompts, NamedValues* figures) {
    (void)step, (void)prompts, (void)figures;
    return scores.all.mean;
  }

  RunContext& context() const { return run_; }
  const SamplingSpec& spec() const { return spec_; }
  TrainingJob& training() { return training_; }
  const BestCheckpoint& choice() const { return best_; }
  const std::vector<DomainPrompts>& domains() const { return domains_; }

 private:
  bool validates() const { return spec_.test_freq > 0; }
  NamedValues validate(int64_t step, int64_t end, Progress& progress);
  NamedValues train_step(int64_t step);

  RunContext& run_;
  SamplingSpec spec_;
  TrainingJob training_;
  std::string tokenizer_dir_;
  TrajectoryLog log_;
  BestCheckpoint best_;
  FlatRewards flat_rewards_;
  EpisodeBudget budget_;
  std::vector<DomainPrompts> domains_;
  std::string note_;
};

}  // namespace amalgam::pipeline
