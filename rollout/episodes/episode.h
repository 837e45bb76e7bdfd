// Episode: one conversation as one growing token sequence (POST_TRAINING.md §2, DESIGN.md "Token
// in, token out"). Pure bookkeeping: it is told what was sampled and what tools answered, and says
// what comes next. Text is decoded to call tools and to score, never tokenised again for training.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/encoding/encoding.h"
#include "model/encoding/message.h"
#include "model/tokenizer/tokenizer.h"
#include "rollout/engine/sampler.h"
#include "rollout/episodes/thinking_limit.h"
#include "rollout/episodes/turn_results.h"
#include "rollout/log/wal.h"

namespace amalgam::rollout {

struct EpisodeLimits {
  int64_t max_response_length = 0;  // tokens of all assistant turns together
  int64_t max_turns = 1;            // assistant turns
  int64_t max_positions = 0;        // of the whole sequence
  int64_t max_tool_tokens = 2048;   // of all tool turns together, with their frames
  TurnLimits turn = {};
  // Of a turn in thinking mode; then `</think>` is forced, where the policy has room to go on
  // behind it: a finished sequence ends with a token of the policy. 0: no limit.
  int64_t max_thinking_tokens = 0;
};

enum class EpisodeState {
  kSampling,   // wants the next token
  kToolCalls,  // wants the results of calls()
  kFinished
};
enum class FinishReason {
  kStop,
  kLength,    // the budget cut a turn
  kSubmit,    // an answer was submitted
  kToolLimit  // the last turn called tools, and there is no turn or room for what would follow
};
const char* to_string(FinishReason reason);  // "stop", "length", "submit", "tool_limit"

// What an episode does with calls: nothing (they are text), runs them, or runs them and ends with a
// call of `submit` (rollout/tools/submit.h).
enum class EpisodeTools { kNone, kRun, kRunAndSubmit };

// The calls of a turn, where their results go, and of a past turn the tokens that answered them.
struct ToolTurn {
  std::vector<model::ToolCall> calls;
  TurnResults results;
  std::vector<int32_t> ids = {};
};

class Episode {
 public:
  Episode(model::Tokenizer tokenizer, int32_t eos, model::ThinkingMode mode, EpisodeTools tools,
          const EpisodeLimits& limits, std::vector<int32_t> prompt);

  EpisodeState on_token(SampledToken token);
  // To be answered; the tokens of its results are then appended, and the sequence goes on sampling.
  ToolTurn tool_turn() const;
  EpisodeState on_tool_tokens(const std::vector<int32_t>& ids);
  // What the last token made the engine put behind it: `</think>` or nothing. It is in ids() and is
  // to be fed, and no log holds it, as replay() puts it there again.
  std::span<const int32_t> forced_tokens() const;
  // Replays what a log holds. *turns: the tool turns that were in it; may be null.
  EpisodeState replay(const std::vector<LoggedToken>& tokens, std::vector<ToolTurn>* turns);

  EpisodeState state() const { return state_; }
  FinishReason finish_reason() const { return finish_reason_; }  // of a finished one
  // Finished without the end of its last turn, or without room to answer its calls.
  bool is_truncated() const {
    return state_ == EpisodeState::kFinished && (ids_.back() != eos_ || !has_room_);
  }
  const std::vector<model::ToolCall>& calls() const { return calls_; }
  // Everything so far: prompt, assistant turns and tool tokens.
  const std::vector<int32_t>& ids() const { return ids_; }
  // Per token after the prompt: by the policy or forced, not of a tool turn.
  const std::vector<bool>& from_assistant() const { return from_assistant_; }
  // Places in ids() of each forced `</think>`.
  const std::vector<size_t>& forced() const { return forced_; }
  const std::vector<float>& logprobs() const { return logprobs_; }  // per policy token
  // Tokens that a log holds of it.
  size_t num_logged() const { return from_assistant_.size() - forced_.size(); }
  int64_t prompt_length() const { return prompt_length_; }
  model::ThinkingMode mode() const { return mode_; }
  const model::Tokenizer& tokenizer() const { return tokenizer_; }
  const std::optional<std::string>& submitted() const { return submitted_; }
  // Its place in ids(), of a finished one.
  size_t last_policy_token() const;

  // How the last assistant turn parses.
  enum class Message { kComplete, kTruncated, kMalformed };
  struct Final {
    Message state;
    std::string content;  // the submitted answer, or the last turn without reasoning and calls
  };
  Final final_message() const;

 private:
  EpisodeState end_of_turn();
  TurnResults turn_results(size_t num_calls) const;
  int64_t response_length() const;

  model::Tokenizer tokenizer_;
  int32_t eos_;
  model::ThinkingMode mode_;
  EpisodeTools tools_;
  EpisodeLimits limits_;
  int64_t prompt_length_;
  std::vector<int32_t> ids_;
  std::vector<bool> from_assistant_;
  std::vector<size_t> forced_;
  ThinkingLimit thinking_;
  std::vector<float> logprobs_;
  std::vector<model::ToolCall> calls_;
  std::optional<std::string> submitted_;
  size_t turn_begin_;  // in ids_: first token of the current assistant turn
  int64_t turns_ = 1;
  bool has_room_ = true;  // for another tool turn, as far as one was called for
  EpisodeState state_ = EpisodeState::kSampling;
  FinishReason finish_reason_ = FinishReason::kStop;
};

}  // namespace amalgam::rollout
