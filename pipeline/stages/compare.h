// The run's comparisons: other ways to merge the specialists, chosen among as many candidates as
// the student where they have something to choose.
#pragma once
#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

// RUN/NAME or RUN/NAME-GROUP (merged_name) of one [[compare]]; does nothing if it is there.
void run_comparison(RunContext& run, const configs::CompareConfig& compare,
                    const std::string& student_group);

}  // namespace amalgam::pipeline
