// How long an answer is, for rewards and figures: in tokens that the policy wrote, without those
// that end a turn and without tool results.
#pragma once
#include <cstdint>
#include <vector>

#include "model/tokenizer/tokenizer.h"

namespace amalgam::proto {
class Trajectory;
}

namespace amalgam::pipeline {

struct AnswerLength {
  int64_t tokens = 0;           // that the policy wrote, end-of-sentence tokens left out
  int64_t thinking_tokens = 0;  // of them those before </think> (rollout/episodes/thinking_count.h)
  bool is_truncated = false;    // the response budget ran out
  bool has_unclosed_thinking = false;  // a <think> was opened for the policy and never closed
};

AnswerLength answer_length(const model::Tokenizer& tokenizer, const proto::Trajectory& trajectory);

// The ids that `tokens` counts, in order.
std::vector<int32_t> answer_ids(const model::Tokenizer& tokenizer,
                                const proto::Trajectory& trajectory);

}  // namespace amalgam::pipeline
