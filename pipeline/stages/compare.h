// The run's comparisons: other ways to make one model of the specialists, chosen among at most as
// many candidates as the student where they have something to choose.
#pragma once
#include <string>

#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

// RUN/NAME or RUN/NAME-GROUP (merged_name) of one [[compare]] that has a stage; does nothing if it
// is there.
void run_comparison(RunContext& run, const configs::CompareConfig& compare,
                    const std::string& student_group);

// Why the method makes no model of this group's specialists; empty: it does.
std::string why_left_out(const configs::RunConfig& config, const configs::CompareConfig& compare,
                         const std::string& student_group);
// Whether its model is the student's, byte for byte: it is scored under both names, and made once.
bool is_the_student(const configs::RunConfig& config, const configs::CompareConfig& compare);
// Whether it is made in a stage of its own: not left out, and not a model that is there anyway.
bool has_stage(const configs::RunConfig& config, const configs::CompareConfig& compare,
               const std::string& student_group);
// Where its model is.
std::string comparison_dir(const RunContext& run, const configs::CompareConfig& compare,
                           const std::string& student_group);

}  // namespace amalgam::pipeline
