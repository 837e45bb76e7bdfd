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
  for (size_t i = 0; i < verifiers.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (verifiers[i].name == verifiers[j].name)
        return Problem{"verifier",
                       "two verifiers are named '" + verifiers[i].name + "'; give one a name"};
  for (const VerifierConfig& v : verifiers)
    for (const char* own : {"audit", "truncated", "malformed", "empty"})
      if (v.name == own)
        return Problem{"verifier", "'" + v.name +
                                       "' is the name of a figure of its own; give the "
                                       "verifier another name"};
  const auto is_audit = [](const VerifierConfig& v) { return v.role == VerifierRole::kAudit; };
  const auto num_audits = std::count_if(verifiers.begin(), verifiers.end(), is_audit);
  if (num_audits > 1) return Problem{"verifier", "one audit is enough; drop the others"};
  const auto is_reward = [](const VerifierConfig& v) { return v.role == VerifierRole::kReward; };
  if (!verifiers.empty() && std::none_of(verifiers.begin(), verifiers.end(), is_reward))
    return Problem{"verifier", "none of them has role reward, so nothing is rewarded"};
  return std::nullopt;
}

bool RewardConfig::calls_differ(const RewardConfig& other) const {
  return processes != other.processes || deadline_s != other.deadline_s || python != other.python ||
         env != other.env || !(kwargs == other.kwargs);
}

bool RewardConfig::is_plain() const {
  return verifiers.empty() && compat == RewardCompat::kNone && incomplete == Incomplete::kAuto &&
         truncated_score == 0 && malformed_score == 0 && empty_score == 0;
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
