#include "rewards/answers/json_answer.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "rewards/answers/words.h"
#include "rewards/score/fence.h"

namespace amalgam::rewards {

std::optional<nlohmann::json> json_answer(std::string_view content) {
  using nlohmann::json;
  constexpr int kDeepest = 200;
  std::vector<std::set<std::string>> open;
  bool refused = false;
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > kDeepest) refused = true;
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key)
      refused |= !open.back().insert(value.get<std::string>()).second;
    return !refused;
  };
  const auto fence = first_fence(content);
  const std::string_view text = stripped(fence ? *fence : content);
  json value = json::parse(text, watch, /*allow_exceptions=*/false);
  if (refused || value.is_discarded()) return std::nullopt;
  return value;
}

}  // namespace amalgam::rewards
