// Whether what a run holds of a method is of now. `amalgam compare --methods` makes some anew, and
// leaves the others as they were.
#pragma once
#include <string>

#include "configs/run_config.h"
#include "pipeline/run_store/run_store.h"

namespace amalgam::pipeline {

// Whose model it is: a method that is the student under another name is the student.
std::string made_as(const configs::RunConfig& config, const std::string& method);

// Why the method's scores do not count beside those of base and specialist, which every evaluation
// brings up to date: a stage of its is not finished, or it or its scores were made with other
// settings. Empty: they count. By what the stages recorded; of a path that no evaluation reads
// (a teacher's) it does not know.
std::string why_not_of_now(const RunStore& store, const configs::RunConfig& config,
                           const std::string& method);

}  // namespace amalgam::pipeline
