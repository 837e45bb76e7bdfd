// What can be wrong with a user's own files is said before a run starts, not hours into it.
#pragma once
#include "configs/run_config.h"

namespace amalgam::pipeline {

// Parses every row file and loads every reward file of the config. Throws Error for the first that
// is not good. Then says on stderr, once a file, which columns and message keys nothing reads, and
// which keys of extra_info stand in for what a reward function would be told.
void check_inputs(const configs::RunConfig& config);
// The same for a domain's files for supervised training alone.
void check_examples(const configs::RunConfig& config, const configs::DomainConfig& domain);

}  // namespace amalgam::pipeline
