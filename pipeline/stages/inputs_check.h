// What can be wrong with a user's own files is said before a run starts, not hours into it.
#pragma once
#include <string>
#include <vector>

#include "configs/run_config.h"

namespace amalgam::pipeline {

using InputFile = configs::Path configs::DomainConfig::*;

// Parses these row files of a domain (empty: of all) and, for prompts, loads its reward file.
// Throws Error for the first that is not good. Then says on stderr, once a file, which columns and
// message keys nothing reads, and which keys of extra_info stand in for what a reward function
// would be told.
void check_inputs(const configs::RunConfig& config, const std::vector<InputFile>& files,
                  const std::string& domain = "");

inline const std::vector<InputFile> kAllInputs = {&configs::DomainConfig::train_file,
                                                  &configs::DomainConfig::heldout_file,
                                                  &configs::DomainConfig::sft_file};

}  // namespace amalgam::pipeline
