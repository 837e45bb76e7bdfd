#include "configs/log_levels.h"

#include <algorithm>

#include "configs/error.h"
#include "configs/suggest.h"

namespace amalgam::log {
namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

template <class E>
E parse_name(const std::string& what, const std::string& text) {
  const std::vector<std::string> names = names_of(E{});
  const auto it = std::find(names.begin(), names.end(), text);
  if (it != names.end()) return static_cast<E>(it - names.begin());
  const std::string hint = configs::nearest(text, names);
  throw Error("there is no " + what + " '" + text + "'; " +
              (hint.empty() ? "use " + listed(names) : "did you mean " + hint + "?"));
}

}  // namespace

std::vector<std::string> names_of(Level) {
  return {"debug", "info", "warning", "error", "critical"};
}

std::vector<std::string> names_of(Part) {
  return {"run", "data", "rollout", "sandbox", "reward", "tool", "learn"};
}

Levels::Levels(const std::string& text) : Levels() {
  // Those of all parts first, wherever they stand.
  for (const bool of_one : {false, true})
    for (size_t at = 0; at <= text.size();) {
      const size_t end = std::min(text.find(',', at), text.size());
      const std::string item = text.substr(at, end - at);
      at = end + 1;
      const size_t equals = item.find('=');
      if ((equals != std::string::npos) != of_one) continue;
      const Level level = parse_name<Level>("level", of_one ? item.substr(equals + 1) : item);
      if (of_one)
        least_[static_cast<size_t>(parse_name<Part>("part", item.substr(0, equals)))] = level;
      else
        least_.fill(level);
    }
}

}  // namespace amalgam::log
