// What is wrong between the keys that say how a domain is scored.
#include <algorithm>

#include "configs/domain_config.h"
#include "configs/format.h"

namespace amalgam::configs {

std::optional<Problem> DomainConfig::reward_problem() const {
  const std::vector<std::string>& functions = reward_function.all;
  for (const std::string& one : functions) {
    if (one.empty()) return Problem{"reward_function", "a name in the list is empty"};
    if (std::count(functions.begin(), functions.end(), one) > 1)
      return Problem{"reward_function", "'" + one + "' stands there twice; drop one"};
  }
  if (reward_weights.empty()) return std::nullopt;
  if (reward_file.empty())
    return Problem{"reward_weights", "are of functions of reward_file; drop them"};
  // Without a name it is one function.
  const size_t count = std::max<size_t>(functions.size(), 1);
  if (reward_weights.size() != count)
    return Problem{"reward_weights",
                   "has " + format_number(static_cast<double>(reward_weights.size())) +
                       " numbers, and reward_function names " +
                       format_number(static_cast<double>(count)) + "; give one for each"};
  return std::nullopt;
}

std::optional<Problem> DomainConfig::generator_problem() const {
  if (generator_config == Arguments{}) return std::nullopt;
  if (generator.source != Generator::kReasoningGym)
    return Problem{"generator_config", "is of a reasoning-gym data set; drop it"};
  for (const auto& [key, instead] : {std::pair("size", "data.train_rows and the other counts"),
                                     std::pair("seed", "the run's seed")})
    if (generator_config.has(key))
      return Problem{"generator_config", std::string(key) + " comes from " + instead + "; drop it"};
  return std::nullopt;
}

}  // namespace amalgam::configs
