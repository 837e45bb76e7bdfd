// Token in, token out: a conversation is one growing id sequence. Sampled ids are never tokenised
// again; these functions give the ids to append to them.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/encoding/encoding.h"
#include "model/tokenizer/tokenizer.h"

namespace amalgam::model {

// What comes back after an assistant turn; at least one of the two.
struct TurnInput {
  std::vector<std::string> tool_results;  // in the order of the calls
  std::optional<std::string> user;        // the user's next message
};

// The ids after the sampled assistant turn `sampled` (everything sampled since the prompt): EOS
// unless it is there, the user turn, and the opening of the next answer. Decoded, prompt + sampled
// + these is what encode_messages renders for the whole conversation with OldReasoning::kKeep.
std::vector<int32_t> next_turn_ids(const Tokenizer& tokenizer, std::span<const int32_t> sampled,
                                   const TurnInput& input, ThinkingMode mode);

// The ids of a quick instruction (action, query, …) for a fork of a conversation that ends with the
// user's text, or for `title` with the answer's EOS. Throws Error for an unknown task.
std::vector<int32_t> quick_instruction_ids(const Tokenizer& tokenizer, const std::string& task,
                                           ThinkingMode mode);

}  // namespace amalgam::model
