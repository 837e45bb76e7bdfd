// Where a command keeps what it has done so far, and what a directory says of its run.
#pragma once
#include <string>

#include "configs/run_config.h"

namespace amalgam::pipeline {

// Absolute, without links and slashes at the end: different ways to write a path are the same.
std::string whole_path(const std::string& path);

// runs/CONFIG-COMMAND[-DOMAIN]-NAME under the working directory, for a command that makes or scores
// the model at `target`, NAME the last part of its path; with 6 digits of the path's hash behind
// where another path has that name. `domain` may be empty.
std::string command_run_dir(const std::string& config_file, const std::string& command,
                            const std::string& domain, const std::string& target);

// Says whose a run directory is, for command_run_dir(). Throws Error when it cannot be written.
void claim_run_dir(const std::string& run_dir, const std::string& target);

// RUN/config.toml: the config as it is used.
void record_config(const configs::RunConfig& config);
// What it says, with this run directory, wherever it was. Throws Error for a directory that is no
// run's.
configs::RunConfig recorded_config(const std::string& run_dir);
// Where the tokenizer of a run is: with the model that it started from, or it made its own.
std::string tokenizer_dir(const configs::RunConfig& config);

}  // namespace amalgam::pipeline
