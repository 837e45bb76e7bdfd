#include "rollout/episodes/episode.h"

#include <variant>

#include "configs/check.h"
#include "model/encoding/conversation.h"
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
      turn_begin_(ids_.size()) {}

EpisodeState Episode::on_token(SampledToken token) {
  CHECK(state_ == EpisodeState::kSampling);
  ids_.push_back(token.id);
  from_policy_.push_back(true);
  logprobs_.push_back(token.logprob);
  if (token.id == eos_) return end_of_turn();
  if (static_cast<int64_t>(logprobs_.size()) >= limits_.max_response_length ||
      static_cast<int64_t>(ids_.size()) >= limits_.max_positions) {
    finish_reason_ = FinishReason::kLength;
    state_ = EpisodeState::kFinished;
  }
  return state_;
}

EpisodeState Episode::end_of_turn() {
  state_ = EpisodeState::kFinished;
  const bool may_go_on = turns_ < limits_.max_turns &&
                         static_cast<int64_t>(logprobs_.size()) < limits_.max_response_length;
  if (tools_ == EpisodeTools::kNone) return state_;
  const auto parsed = model::parse_completion(
      tokenizer_.decode_bytes(std::span(ids_).subspan(turn_begin_), model::SpecialIds::kKeep),
      mode_);
  const auto* message = std::get_if<model::Message>(&parsed);
  if (!message || message->tool_calls.empty()) return state_;
  // An answer may be submitted in the last turn.
  if (tools_ == EpisodeTools::kRunAndSubmit) submitted_ = submitted_answer(message->tool_calls);
  if (submitted_ || !may_go_on) {
    finish_reason_ = submitted_ ? FinishReason::kSubmit : FinishReason::kToolLimit;
    return state_;
  }
  calls_ = message->tool_calls;
  return state_ = EpisodeState::kToolCalls;
}

std::vector<int32_t> Episode::tool_turn(const std::vector<std::string>& results) const {
  CHECK(state_ == EpisodeState::kToolCalls);
  return model::next_turn_ids(tokenizer_, std::span(ids_).subspan(turn_begin_),
                              {.tool_results = results, .user = std::nullopt}, mode_);
}

EpisodeState Episode::on_tool_tokens(const std::vector<int32_t>& ids) {
  CHECK(state_ == EpisodeState::kToolCalls);
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  from_policy_.insert(from_policy_.end(), ids.size(), false);
  calls_.clear();
  turn_begin_ = ids_.size();
  ++turns_;
  state_ = EpisodeState::kSampling;
  if (static_cast<int64_t>(ids_.size()) >= limits_.max_positions) {
    finish_reason_ = FinishReason::kToolLimit;
    state_ = EpisodeState::kFinished;
  }
  return state_;
}

EpisodeState Episode::replay(const std::vector<LoggedToken>& tokens, std::vector<ToolTurn>* turns) {
  for (size_t i = 0; i < tokens.size();) {
    if (!tokens[i].from_tool) {
      on_token({tokens[i].id, tokens[i].logprob});
      ++i;
      continue;
    }
    std::vector<int32_t> turn;
    for (; i < tokens.size() && tokens[i].from_tool; ++i) turn.push_back(tokens[i].id);
    if (turns) turns->push_back({calls_, turn});
    on_tool_tokens(turn);
  }
  return state_;
}

size_t Episode::last_policy_token() const {
  size_t at = ids_.size();
  while (!from_policy_[--at - static_cast<size_t>(prompt_length_)]) {
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
