#include "rollout/episodes/episode.h"

#include <algorithm>
#include <variant>

#include "configs/check.h"
#include "model/tokenizer/special_tokens.h"
#include "rollout/tools/submit.h"

namespace amalgam::rollout {

const char* to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kSubmit:
      return "submit";
    case FinishReason::kToolLimit:
      return "tool_limit";
  }
  CHECK(false);
  return "";
}

Episode::Episode(model::Tokenizer tokenizer, int32_t eos, model::ThinkingMode mode,
                 EpisodeTools tools, const EpisodeLimits& limits, std::vector<int32_t> prompt)
    : tokenizer_(std::move(tokenizer)),
      eos_(eos),
      mode_(mode),
      tools_(tools),
      limits_(limits),
      prompt_length_(static_cast<int64_t>(prompt.size())),
      ids_(std::move(prompt)),
      turn_begin_(ids_.size()) {
  if (mode_ == model::ThinkingMode::kThinking && limits_.max_thinking_tokens > 0)
    thinking_ = {limits_.max_thinking_tokens, tokenizer_.require_added_token(model::kThinkEnd)};
  thinking_.begin_turn();
}

int64_t Episode::response_length() const {
  return static_cast<int64_t>(logprobs_.size() + forced_.size());
}

EpisodeState Episode::on_token(SampledToken token) {
  CHECK(state_ == EpisodeState::kSampling);
  ids_.push_back(token.id);
  from_assistant_.push_back(true);
  logprobs_.push_back(token.logprob);
  if (token.id == eos_) return end_of_turn();
  const int64_t room = std::min(limits_.max_response_length - response_length(),
                                limits_.max_positions - static_cast<int64_t>(ids_.size()));
  if (room <= 0) {
    finish_reason_ = FinishReason::kLength;
    return state_ = EpisodeState::kFinished;
  }
  if (thinking_.is_due_after(token.id) && room > 1) {
    forced_.push_back(ids_.size());
    ids_.push_back(thinking_.think_end());
    from_assistant_.push_back(true);
  }
  return state_;
}

std::span<const int32_t> Episode::forced_tokens() const {
  const bool is_last = !forced_.empty() && forced_.back() + 1 == ids_.size();
  return std::span(ids_).last(is_last ? 1 : 0);
}

EpisodeState Episode::end_of_turn() {
  state_ = EpisodeState::kFinished;
  const bool may_go_on =
      turns_ < limits_.max_turns && response_length() < limits_.max_response_length;
  if (tools_ == EpisodeTools::kNone) return state_;
  const auto parsed = model::parse_completion(
      tokenizer_.decode_bytes(std::span(ids_).subspan(turn_begin_), model::SpecialIds::kKeep),
      mode_);
  const auto* message = std::get_if<model::Message>(&parsed);
  if (!message || message->tool_calls.empty()) return state_;
  // An answer may be submitted in the last turn.
  const auto num_runnable =
      std::min(message->tool_calls.size(), static_cast<size_t>(limits_.turn.max_calls));
  if (tools_ == EpisodeTools::kRunAndSubmit)
    submitted_ = submitted_answer(std::span(message->tool_calls).first(num_runnable));
  if (!submitted_ && may_go_on) has_room_ = turn_results(message->tool_calls.size()).fits();
  if (submitted_ || !may_go_on || !has_room_) {
    finish_reason_ = submitted_ ? FinishReason::kSubmit : FinishReason::kToolLimit;
    return state_;
  }
  calls_ = message->tool_calls;
  return state_ = EpisodeState::kToolCalls;
}

TurnResults Episode::turn_results(size_t num_calls) const {
  const auto positions = static_cast<int64_t>(ids_.size());
  const int64_t num_tool = positions - prompt_length_ - response_length();
  // One position at least is the policy's, after them.
  const int64_t room =
      std::min(limits_.max_tool_tokens - num_tool, limits_.max_positions - positions - 1);
  return TurnResults(tokenizer_, mode_, limits_.turn, num_calls, room);
}

ToolTurn Episode::tool_turn() const {
  CHECK(state_ == EpisodeState::kToolCalls);
  return {calls_, turn_results(calls_.size())};
}

EpisodeState Episode::on_tool_tokens(const std::vector<int32_t>& ids) {
  CHECK(state_ == EpisodeState::kToolCalls);
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  from_assistant_.insert(from_assistant_.end(), ids.size(), false);
  calls_.clear();
  turn_begin_ = ids_.size();
  ++turns_;
  thinking_.begin_turn();
  return state_ = EpisodeState::kSampling;
}

EpisodeState Episode::replay(const std::vector<LoggedToken>& tokens, std::vector<ToolTurn>* turns) {
  for (size_t i = 0; i < tokens.size();) {
    if (!tokens[i].from_tool) {
      on_token({tokens[i].id, tokens[i].logprob});
      ++i;
      continue;
    }
    std::vector<int32_t> ids;
    for (; i < tokens.size() && tokens[i].from_tool; ++i) ids.push_back(tokens[i].id);
    if (turns) turns->push_back(tool_turn());
    if (turns) turns->back().ids = ids;
    on_tool_tokens(ids);
  }
  return state_;
}

size_t Episode::last_policy_token() const {
  size_t at = ids_.size();
  while (!from_assistant_[--at - static_cast<size_t>(prompt_length_)]) {
  }
  return at;
}

Episode::Final Episode::final_message() const {
  if (is_truncated()) return {Message::kTruncated, ""};
  const auto parsed = model::parse_completion(
      tokenizer_.decode_bytes(std::span(ids_).subspan(turn_begin_), model::SpecialIds::kKeep),
      mode_);
  const auto* message = std::get_if<model::Message>(&parsed);
  if (!message) return {Message::kMalformed, ""};
  return {Message::kComplete, submitted_.value_or(message->content)};
}

}  // namespace amalgam::rollout
