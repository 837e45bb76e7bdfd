// MetricsLogger: one stage's metrics to three places: RUN/metrics.jsonl (one line per step:
// {"stage": …, "step": …, NAME: VALUE, …}), TensorBoard events under RUN/tb/STAGE/, and the run
// store.
//
// Names are those people know from verl: critic/score/mean, actor/pg_loss, actor/pg_clipfrac,
// actor/ppo_kl, actor/entropy, actor/grad_norm, response_length/mean,
// training/rollout_probs_diff_max, perf/throughput, val-core/DATA_SOURCE/acc/mean@N, and
// timing_s/rollout, timing_s/reward, timing_s/learn (parts) of timing_s/step (the whole step). What
// docs/POLICY.md lists is there per domain too, as NAME/DOMAIN. What was not measured is not there.
//
// One logger at a time per run directory, used by one thread.
#pragma once
#include <cstdint>
#include <string>

#include "pipeline/run_store/run_store.h"
#include "pipeline/run_store/tensorboard.h"
#include "proto/append_file.h"

namespace amalgam::pipeline {

class MetricsLogger {
 public:
  // `last_step`: the step of the checkpoint that the stage continues from, -1 for a fresh start.
  // What the stage logged for later steps before it was interrupted is removed from all three
  // places (from the store also its trajectories), so that nothing is there twice. Borrows `store`.
  MetricsLogger(const std::string& run_dir, const std::string& stage, RunStore* store,
                int64_t last_step = -1);

  // In the kernel, in all three places, when it returns. Steps increase.
  void log(int64_t step, const NamedValues& values);

 private:
  std::string stage_;
  RunStore* store_;
  int64_t last_step_;
  proto::AppendFile jsonl_;
  TensorBoardWriter tensorboard_;
};

}  // namespace amalgam::pipeline
