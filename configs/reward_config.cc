#include "configs/reward_config.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace amalgam::configs {

std::optional<Problem> RewardConfig::problem() const {
  for (const std::string& name : env) {
    if (name.empty() || name.find('=') != std::string::npos)
      return Problem{"env", "'" + name + "' is no name of a variable"};
    if (name == "PYTHONHASHSEED")
      return Problem{"env", name + " is 0 in every run, or its bytes would differ; drop it"};
  }
  return std::nullopt;
}

std::string RewardConfig::interpreter() const {
  if (!python.empty()) return python.string();
  if (const char* environment = std::getenv("VIRTUAL_ENV")) {
    const std::string own = std::string(environment) + "/bin/python3";
    if (::access(own.c_str(), X_OK) == 0) return own;
  }
  return "/usr/bin/python3";
}

int RewardConfig::num_processes() const {
  if (processes > 0) return static_cast<int>(processes);
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 2, 4);
}

}  // namespace amalgam::configs
