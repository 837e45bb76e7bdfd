// What a run takes of the disk: said before it begins, watched while it goes on.
#pragma once
#include <cstdint>
#include <string>

#include "configs/run_config.h"

namespace amalgam::pipeline {

// What is computed of a config.
struct DiskScope {
  bool base = false;  // a model from nothing
  const configs::DomainConfig* sft_of = nullptr;
  const configs::DomainConfig* rl_of = nullptr;  // with `all`: not used
  bool distill = false;
  bool eval = false;
  bool all = false;  // the whole run
};

struct DiskNeed {
  double models = 0;  // models and training states, six times a model, at the most at one time
  double samples =
      0;  // with figures, curves and logs; at their greatest lengths, so seldom reached
};
// From the model's parameters and the config's steps.
DiskNeed disk_need(const configs::RunConfig& config, const DiskScope& scope);

// Says what is needed and free. Throws Error when it is not enough for the models; a warning when
// the samples may not fit. Nothing where the run directory is there already.
void announce_disk(const configs::RunConfig& config, const DiskScope& scope);

// One stage's samples against the free disk, step by step: a warning when they will not fit, and
// again when half of the time to do something about it is over.
class DiskWatch {
 public:
  DiskWatch(std::string run_dir, std::string stage);
  // log_bytes: of the stage's log of samples, after `step` of `steps`.
  void step(int64_t step, int64_t steps, int64_t log_bytes);

 private:
  const std::string run_dir_, stage_;
  int64_t first_step_ = -1, first_bytes_ = 0;
  int64_t warned_at_ = -1;  // steps that were left of the disk
};

// Steps until the disk is full, or -1 where what is left of the stage fits.
int64_t steps_to_full_disk(double free_bytes, double bytes_per_step, int64_t steps_left);

}  // namespace amalgam::pipeline
