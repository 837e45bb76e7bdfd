#include "pipeline/stages/answer_length.h"

#include <span>

#include "model/tokenizer/special_tokens.h"
#include "proto/trajectory.pb.h"
#include "rollout/episodes/thinking_count.h"

namespace amalgam::pipeline {

AnswerLength answer_length(const model::Tokenizer& tokenizer, const proto::Trajectory& t) {
  const rollout::TokenFrame frame(tokenizer);
  const auto ids = std::span(t.ids().data(), static_cast<size_t>(t.ids_size()));
  const auto prompt = static_cast<size_t>(t.meta().prompt_length());
  std::vector<bool> from_policy;
  for (size_t i = prompt; i < ids.size(); ++i)
    from_policy.push_back(t.writer()[i] == proto::WRITER_POLICY);
  const rollout::ThinkingCount thinking = rollout::count_thinking(
      frame, ids.subspan(prompt), from_policy, prompt > 0 && frame.is_think_start(ids[prompt - 1]));
  return {.tokens = static_cast<int64_t>(answer_ids(tokenizer, t).size()),
          .thinking_tokens = thinking.tokens,
          .is_truncated = t.meta().outcome() == proto::OUTCOME_TRUNCATED,
          .has_unclosed_thinking = thinking.is_open};
}

std::vector<int32_t> answer_ids(const model::Tokenizer& tokenizer, const proto::Trajectory& t) {
  const int32_t eos = tokenizer.require_added_token(model::kEos);
  std::vector<int32_t> ids;
  for (int i = 0; i < t.ids_size(); ++i)
    if (t.writer()[static_cast<size_t>(i)] == proto::WRITER_POLICY && t.ids(i) != eos)
      ids.push_back(t.ids(i));
  return ids;
}

}  // namespace amalgam::pipeline
