// Which ids of a conversation are frame and no text.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/tokenizer/tokenizer.h"

namespace amalgam::rollout {

class TokenFrame {
 public:
  explicit TokenFrame(const model::Tokenizer& tokenizer);  // which must outlive it

  bool is_think_start(int32_t id) const { return id == think_start_; }
  bool is_think_end(int32_t id) const { return id == think_end_; }
  bool is_role(int32_t id) const;

  // The text without role and special tokens; of a tool turn also without the tag
  // that opens its next turn.
  std::string bytes(std::span<const int32_t> ids, bool from_assistant) const;

 private:
  const model::Tokenizer& tokenizer_;
  std::vector<std::optional<int32_t>> roles_;
  std::optional<int32_t> think_start_, think_end_;
};

// Calls f(ids, from_assistant) for each assistant turn and each tool turn.
template <class F>
void for_each_run(std::span<const int32_t> ids, const std::vector<bool>& from_assistant,
                  const F& f) {
  for (size_t begin = 0, end; begin < ids.size(); begin = end) {
    for (end = begin + 1; end < ids.size() && from_assistant[end] == from_assistant[begin];) ++end;
    f(ids.subspan(begin, end - begin), from_assistant[begin]);
  }
}

}  // namespace amalgam::rollout
