// What of an answer is reasoning.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "rollout/episodes/token_frame.h"

namespace amalgam::rollout {

struct ThinkingCount {
  int64_t tokens = 0;    // that the policy wrote before </think>, in all turns
  bool is_open = false;  // at the end: a <think> that nothing closed
};

// Of the ids after a prompt; `opens`: the prompt ends with <think>. A later turn is opened by the
// frame around tool results, never by a tag that the policy wrote.
ThinkingCount count_thinking(const TokenFrame& frame, std::span<const int32_t> ids,
                             const std::vector<bool>& from_assistant, bool opens);

}  // namespace amalgam::rollout
