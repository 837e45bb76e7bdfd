// Messages read back from the tokens of a conversation: what its prompt says, and what the policy
// and its tools added. Special tokens part them, never text that looks like one.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "model/encoding/encoding.h"
#include "model/encoding/message.h"
#include "model/tokenizer/tokenizer.h"

namespace amalgam::rollout {

struct PromptMessages {
  std::vector<model::Message> messages;
  model::ThinkingMode mode = model::ThinkingMode::kChat;  // of the answer that the prompt opens
};

// As the model was shown them: a list of tools is text of the system message, as is the instruction
// of the effort "max"; developers are users; and reasoning that was dropped is not there.
PromptMessages prompt_messages(const model::Tokenizer& tokenizer, std::span<const int32_t> prompt);

// Assistant turns and tool results of the ids after a prompt, in order. A turn that is cut or does
// not parse has its text as it is, parted at </think> in thinking mode, and no calls.
std::vector<model::Message> turn_messages(const model::Tokenizer& tokenizer,
                                          std::span<const int32_t> ids,
                                          const std::vector<bool>& from_assistant,
                                          model::ThinkingMode mode);

}  // namespace amalgam::rollout
