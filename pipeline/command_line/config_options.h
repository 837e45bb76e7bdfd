// The part of a command line that names a config: CONFIG [key=value …] [--run-dir DIR].
#pragma once
#include <string>
#include <vector>

#include "configs/load.h"
#include "configs/log/log.h"
#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct ConfigOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::string run_dir;

  void describe(OptionSet& options, Need need) {
    options.option("config", config, "config file, for example configs/quickstart.toml", need);
    options.option("overrides", overrides, "key=value, keys as in docs/CONFIG.md");
    options.option("--run-dir", run_dir, "directory of the run, instead of the config's run_dir");
  }

  // Throws Error for anything wrong in the file or the overrides. Says which of our keys overrides
  // under verl's and TRL's names are.
  configs::RunConfig load() const {
    std::vector<std::string> lines;
    configs::RunConfig loaded = configs::load_run_config(config, overrides, &lines);
    for (const std::string& line : lines) log::say(log::Part::kRun, line);
    if (!run_dir.empty()) loaded.run_dir = run_dir;
    return loaded;
  }
};

}  // namespace amalgam::pipeline
