// What an episode says to people and to reward functions (docs/REWARDS.md): text and messages made
// from its tokens. Nothing of it is ever tokenised again.
//
// Mistakes this invites: the end of sentence left in the text, so that no answer ever equals its
// truth (RewardText.TheTable); the <think> that opens a turn after tool results taken for the
// policy's (RewardText.TheTable); thinking counted from the text (Transcript.CountsTokens).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/encoding/message.h"
#include "model/tokenizer/tokenizer.h"
#include "rollout/episodes/episode.h"

namespace amalgam::rollout {

// The text of the ids after a prompt as verl's and TRL's reward functions get it: what the policy
// wrote and the tool results in their <tool_result> tags, in order; role and end-of-sentence tokens
// are left out, and of the frame around tool results also the tag that opens the next turn.
std::string solution_text(const model::Tokenizer& tokenizer, std::span<const int32_t> ids,
                          const std::vector<bool>& from_assistant);

struct Transcript {
  std::string solution;                  // the submitted answer, else solution_text
  std::vector<model::Message> messages;  // turn_messages()
  int64_t num_turns = 0;                 // of the assistant
  int64_t response_tokens = 0;           // that the policy wrote
  int64_t thinking_tokens = 0;       // of them those before </think>, in all turns; chat mode: 0
  int64_t forced_thinking_ends = 0;  // turns whose </think> the engine put there
};

Transcript transcript(const Episode& episode);

}  // namespace amalgam::rollout
