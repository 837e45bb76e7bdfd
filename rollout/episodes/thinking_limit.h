// ThinkingLimit: when the reasoning of an assistant turn has had its tokens without `</think>`,
// which is then put there by the engine: in the sequence, but no token of the policy.
#pragma once
#include <cstdint>

namespace amalgam::rollout {

class ThinkingLimit {
 public:
  ThinkingLimit() = default;  // none
  // max_tokens: of reasoning in a turn; 0: no limit.
  ThinkingLimit(int64_t max_tokens, int32_t think_end)
      : max_tokens_(max_tokens), think_end_(think_end) {}

  // A turn begins that opens with <think>.
  void begin_turn() { left_ = max_tokens_; }
  // The turn's next token. True, once in a turn at most: `</think>` is due after it.
  bool is_due_after(int32_t id) {
    if (id == think_end_) left_ = 0;
    return left_ > 0 && --left_ == 0;
  }

  int32_t think_end() const { return think_end_; }

 private:
  int64_t max_tokens_ = 0, left_ = 0;
  int32_t think_end_ = -1;
};

}  // namespace amalgam::rollout
