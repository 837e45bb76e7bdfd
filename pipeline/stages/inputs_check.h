// What can be wrong with a user's own files is said before a run starts, not hours into it.
#pragma once
#include "configs/run_config.h"

namespace amalgam::pipeline {

// Parses every row file and loads every reward file of the config. Throws Error for the first that
// is not good.
void check_inputs(const configs::RunConfig& config);

}  // namespace amalgam::pipeline
