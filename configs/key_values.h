// A config as a list of keys, to compare two of them.
#pragma once
#include <string>
#include <vector>

#include "configs/run_config.h"

namespace amalgam::configs {

struct KeyValue {
  std::string key;    // dotted; elements of arrays go by their `name`: "domain.math.rl.steps"
  std::string value;  // TOML text; of a path the path
  bool is_path = false;
  std::vector<std::string> files = {};  // of Paths: one by one
};

// Every key, set or not, in the order of docs/CONFIG.md.
std::vector<KeyValue> key_values(RunConfig config);

}  // namespace amalgam::configs
