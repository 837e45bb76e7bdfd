#include "rollout/episodes/turn_results.h"

#include <algorithm>

#include "configs/utf8.h"
#include "model/encoding/conversation.h"
#include "model/tokenizer/special_tokens.h"

namespace amalgam::rollout {
namespace {

// A call whose result could be no longer than the word on why there is none is not worth running.
constexpr int64_t kLeastRoom = 16;

int64_t num_tokens(const model::Tokenizer& tokenizer, const std::string& text) {
  return static_cast<int64_t>(tokenizer.encode(text, model::SpecialText::kAsText).size());
}

}  // namespace

std::string shorten_tokens(const model::Tokenizer& tokenizer, const std::string& text,
                           int64_t max_tokens) {
  const std::vector<int32_t> ids = tokenizer.encode(text, model::SpecialText::kAsText);
  if (static_cast<int64_t>(ids.size()) <= max_tokens) return text;
  std::string mark = "\n… " + std::to_string(ids.size()) + " tokens in all …\n";
  if (num_tokens(tokenizer, mark) > max_tokens / 2) mark = "…";
  // Where the parts meet, other tokens may form than they had.
  for (int64_t keep = max_tokens - num_tokens(tokenizer, mark); keep > 0;) {
    const auto part = [&](int64_t begin, int64_t size) {
      return tokenizer.decode_bytes(
          std::span(ids).subspan(static_cast<size_t>(begin), static_cast<size_t>(size)),
          model::SpecialIds::kKeep);
    };
    std::string head = part(0, (keep + 1) / 2);
    head.resize(valid_utf8_prefix(head));
    std::string tail = part(static_cast<int64_t>(ids.size()) - keep / 2, keep / 2);
    tail.erase(0, static_cast<size_t>(std::find_if_not(tail.begin(), tail.end(), continues_utf8) -
                                      tail.begin()));
    const std::string cut = head + mark + tail;
    const int64_t over = num_tokens(tokenizer, cut) - max_tokens;
    if (over <= 0) return cut;
    keep -= over;
  }
  return mark;
}

TurnResults::TurnResults(model::Tokenizer tokenizer, model::ThinkingMode mode,
                         const TurnLimits& limits, size_t num_calls, int64_t room)
    : tokenizer_(std::move(tokenizer)), mode_(mode), limits_(limits), room_(room) {
  for (size_t i = 0; i < num_calls; ++i)
    texts_.push_back(static_cast<int64_t>(i) < limits_.max_calls
                         ? "not run: no room for more results"
                         : "not run: at most " + std::to_string(limits_.max_calls) +
                               " calls per turn");
}

bool TurnResults::runs(size_t call) const {
  return static_cast<int64_t>(call) < limits_.max_calls && size() + kLeastRoom <= room_;
}

void TurnResults::put(size_t call, const std::string& result) {
  std::string& text = texts_[call];
  const std::string least = text;
  for (int64_t most = limits_.max_result_tokens; most >= 0;) {
    text = shorten_tokens(tokenizer_, result, most);
    const int64_t over = size() - room_;
    if (over <= 0) return;
    most = std::min(most, num_tokens(tokenizer_, text)) - over;
  }
  text = least;
}

std::vector<int32_t> TurnResults::ids() const {
  // A turn with calls has ended.
  const int32_t end = tokenizer_.require_added_token(model::kEos);
  return model::next_turn_ids(tokenizer_, {&end, 1}, {.tool_results = texts_, .user = std::nullopt},
                              mode_);
}

}  // namespace amalgam::rollout
