// Config files in and out.
#pragma once
#include <string>
#include <vector>

#include "configs/run_config.h"

namespace amalgam::configs {

// Reads a TOML file, applies overrides ("rl.steps=40", later ones win) and checks everything. An
// empty run_dir becomes runs/<file name without .toml>. Throws Error with one line that names file,
// line and key. `lines`: to be told of overrides under verl's and TRL's names
// (foreign_overrides.h).
RunConfig load_run_config(const std::string& path, const std::vector<std::string>& overrides = {},
                          std::vector<std::string>* lines = nullptr);

// The same from text; `path` names it in messages, and relative paths in it start at its folder.
RunConfig parse_run_config(const std::string& text, const std::string& path,
                           const std::vector<std::string>& overrides = {},
                           std::vector<std::string>* lines = nullptr);

// The resolved config.toml. parse_run_config gives back an equal config.
std::string to_toml(RunConfig config);

// docs/CONFIG.md: every key, its default, its range and its meaning.
std::string config_reference();

}  // namespace amalgam::configs
