#include "rollout/episodes/thinking_count.h"

namespace amalgam::rollout {

ThinkingCount count_thinking(const TokenFrame& frame, std::span<const int32_t> ids,
                             const std::vector<bool>& from_assistant, bool opens) {
  ThinkingCount count{.is_open = opens};
  for (size_t i = 0; i < ids.size(); ++i) {
    if (frame.is_think_end(ids[i]))
      count.is_open = false;
    else if (!from_assistant[i])
      count.is_open = frame.is_think_start(ids[i]) || count.is_open;
    else
      count.tokens += count.is_open;
  }
  return count;
}

}  // namespace amalgam::rollout
