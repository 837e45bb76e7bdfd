#include "model/encoding/conversation.h"

#include "configs/check.h"
#include "model/encoding/prompt_writer.h"
#include "model/tokenizer/special_tokens.h"

namespace amalgam::model {

std::vector<int32_t> next_turn_ids(const Tokenizer& tokenizer, std::span<const int32_t> sampled,
                                   const TurnInput& input, ThinkingMode mode) {
  CHECK(!input.tool_results.empty() || input.user.has_value());
  PromptWriter writer;
  if (sampled.empty() || sampled.back() != tokenizer.require_added_token(kEos))
    writer.control(kEos);
  writer.control(kUserToken);
  const char* separator = "";
  for (const std::string& result : input.tool_results) {
    writer.control(separator);
    writer.tool_result(result);
    separator = "\n\n";
  }
  if (input.user) {
    writer.control(separator);
    writer.literal(*input.user);
  }
  writer.open_answer(mode == ThinkingMode::kThinking);
  return prompt_ids(tokenizer, writer.prompt());
}

std::vector<int32_t> quick_instruction_ids(const Tokenizer& tokenizer, const std::string& task,
                                           ThinkingMode mode) {
  PromptWriter writer;
  writer.task(task, mode);
  return prompt_ids(tokenizer, writer.prompt());
}

}  // namespace amalgam::model
