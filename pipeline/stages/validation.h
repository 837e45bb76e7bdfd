// Validation during training: the score of every validated step is kept, and the best weights. The
// weights before the first step are scored for comparison and never chosen.
#pragma once
#include <optional>
#include <string>

#include "pipeline/stages/run_context.h"
#include "pipeline/stages/training_job.h"

namespace amalgam::pipeline {

// Whether the training may go on later, with more steps.
enum class AfterEnd { kKeepState, kRemoveState };

// Which validated step is kept.
enum class Choose { kBest, kLast };

class BestCheckpoint {
 public:
  BestCheckpoint(RunContext& run, const std::string& stage, Choose choose = Choose::kBest);

  // Whether this step's score is recorded already (an earlier process got that far).
  bool has(int64_t step) const;
  double score(int64_t step) const;  // of a validated step
  // Keeps the weights if they are the best so far (or simply the last), then records the score, in
  // this order: a crash between the two repeats the validation, never loses the weights. Of equal
  // scores the later step is kept. Step 0 is recorded alone.
  void record(int64_t step, double score, TrainingJob& job);
  bool has_best() const { return best_step_ > 0; }
  double best_score() const { return best_score_; }
  // Moves the best weights, or those of `job` where no step was validated, to `directory` and
  // removes the stage's checkpoints, but for those that keep_last keeps.
  void finish(const std::string& directory, TrainingJob& job, AfterEnd after);
  // Undoes it, where the state was kept.
  void reopen(const std::string& directory);

 private:
  std::string folder() const;
  std::string directory() const;
  bool is_better(int64_t step, double score) const;
  void keep(int64_t step, TrainingJob& job);
  RunContext& run_;
  std::string stage_;
  Choose choose_;
  int64_t best_step_ = -1;
  double best_score_ = kUnknown;
};

}  // namespace amalgam::pipeline
