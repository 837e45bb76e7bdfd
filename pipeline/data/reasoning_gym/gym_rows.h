// The rows of a domain whose generator is a data set of the Python package reasoning-gym.
//
// Training rows, and worked examples, are the first entries of
// reasoning_gym.create_dataset(NAME, **generator_config, size, seed), with the seed gym_seed(run's
// seed, kTrain, 0) and the larger of their counts as the size. Validation and test rows are of data
// sets with other seeds, without questions that stand in the row's own set or an earlier one
// (training, validation, test). The same config gives the same rows.
#pragma once
#include <cstdint>

#include "configs/run_config.h"
#include "pipeline/data/quickstart/generate.h"
#include "pipeline/data/row_store.h"

namespace amalgam::pipeline {

struct GymRows {
  RowStore train, validation, test, sft;
};

// Below 2^32, and far from those of other splits and rounds, whose entries have the seeds above it.
uint32_t gym_seed(uint64_t run_seed, Split split, int round);

// Throws Error when the package is not there or cannot make so many different rows. A process draws
// the same rows once: domains that differ in their efforts share them, as stages do.
GymRows draw_gym_rows(const configs::RunConfig& config, const configs::DomainConfig& domain);

}  // namespace amalgam::pipeline
