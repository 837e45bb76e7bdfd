#include "rollout/episodes/token_frame.h"

#include <algorithm>
#include <iterator>

#include "model/tokenizer/special_tokens.h"

namespace amalgam::rollout {

TokenFrame::TokenFrame(const model::Tokenizer& tokenizer)
    : tokenizer_(tokenizer),
      think_start_(tokenizer.added_token(model::kThinkStart)),
      think_end_(tokenizer.added_token(model::kThinkEnd)) {
  for (const std::string_view role :
       {model::kUserToken, model::kAssistantToken, model::kLatestReminderToken})
    roles_.push_back(tokenizer.added_token(role));
}

bool TokenFrame::is_role(int32_t id) const {
  return std::find(roles_.begin(), roles_.end(), id) != roles_.end();
}

std::string TokenFrame::bytes(std::span<const int32_t> ids, bool from_assistant) const {
  std::vector<int32_t> text;
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(text), [&](int32_t id) {
    if (tokenizer_.is_special(id) || is_role(id)) return false;
    return from_assistant || (id != think_start_ && id != think_end_);
  });
  return tokenizer_.decode_bytes(text, model::SpecialIds::kKeep);
}

}  // namespace amalgam::rollout
