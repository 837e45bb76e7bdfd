// The user's own commands at the end of a run: a message to a phone, the next job.
#pragma once
#include <string>

namespace amalgam::pipeline {

enum class RunEnd { kFinished, kStopped, kFailed };

// Runs a command of config.on_finish or config.on_stop with /bin/sh, its output on the console. It
// sees AMALGAM_RUN_DIR, AMALGAM_STATE (finished, stopped, failed) and AMALGAM_MESSAGE, and is
// killed after a minute. What it does changes nothing of the run: a failure is a warning.
void run_hook(const std::string& command, const std::string& run_dir, RunEnd end,
              const std::string& message);

}  // namespace amalgam::pipeline
