// Where a command keeps what it has done so far.
#pragma once
#include <string>

namespace amalgam::pipeline {

// runs/CONFIG-COMMAND[-DOMAIN]-NAME under the working directory, for a command that makes or scores
// the model at `target`, NAME the last part of its path; with 6 digits of the path's hash behind
// where another path has that name. `domain` may be empty.
std::string command_run_dir(const std::string& config_file, const std::string& command,
                            const std::string& domain, const std::string& target);

// Says whose a run directory is, for command_run_dir(). Throws Error when it cannot be written.
void claim_run_dir(const std::string& run_dir, const std::string& target);

}  // namespace amalgam::pipeline
