#include "rollout/episodes/messages.h"

#include <algorithm>
#include <variant>

#include "configs/utf8.h"
#include "model/tokenizer/special_tokens.h"
#include "rollout/episodes/token_frame.h"

namespace amalgam::rollout {
namespace {

using model::MessageRole;
using model::ThinkingMode;

constexpr std::string_view kResult = "<tool_result>", kResultEnd = "</tool_result>";
constexpr std::string_view kBetween = "\n\n";

model::Message assistant_message(const model::Tokenizer& tokenizer, const TokenFrame& frame,
                                 std::span<const int32_t> ids, ThinkingMode mode) {
  const auto parsed =
      model::parse_completion(tokenizer.decode_bytes(ids, model::SpecialIds::kKeep), mode);
  if (const auto* message = std::get_if<model::Message>(&parsed)) return *message;
  model::Message message{.role = MessageRole::kAssistant, .content = ""};
  auto answer = ids.begin();
  if (mode == ThinkingMode::kThinking) {
    answer =
        std::find_if(ids.begin(), ids.end(), [&](int32_t id) { return frame.is_think_end(id); });
    message.reasoning_content =
        replace_invalid_utf8(frame.bytes({ids.begin(), answer}, /*from_assistant=*/true));
    if (answer != ids.end()) ++answer;
  }
  message.content = replace_invalid_utf8(frame.bytes({answer, ids.end()}, /*from_assistant=*/true));
  return message;
}

// Appends the results in the text of a tool turn: one for each call, also where a result holds the
// tags.
void add_tool_results(std::string_view text, std::vector<model::Message>* messages) {
  const size_t num_calls = messages->empty() ? 1 : messages->back().tool_calls.size();
  const std::string between =
      std::string(kResultEnd) + std::string(kBetween) + std::string(kResult);
  if (text.starts_with(kResult)) text.remove_prefix(kResult.size());
  if (text.ends_with(kResultEnd)) text.remove_suffix(kResultEnd.size());
  const auto add = [&](std::string_view result) {
    messages->push_back({.role = MessageRole::kTool, .content = replace_invalid_utf8(result)});
  };
  size_t left = num_calls;
  for (size_t at; left > 1 && (at = text.find(between)) != std::string_view::npos; --left) {
    add(text.substr(0, at));
    text.remove_prefix(at + between.size());
  }
  add(text);
}

// What stands in a prompt between two role tokens, or before the first.
class PromptReader {
 public:
  explicit PromptReader(const model::Tokenizer& tokenizer)
      : tokenizer_(tokenizer),
        frame_(tokenizer),
        bos_(tokenizer.added_token(model::kBos)),
        assistant_(tokenizer.added_token(model::kAssistantToken)),
        reminder_(tokenizer.added_token(model::kLatestReminderToken)) {}

  PromptMessages read(std::span<const int32_t> ids) {
    if (!ids.empty() && ids[0] == bos_) ids = ids.subspan(1);
    std::optional<int32_t> role;
    while (true) {
      const auto next =
          std::find_if(ids.begin(), ids.end(), [&](int32_t id) { return frame_.is_role(id); });
      add(role, {ids.begin(), next});
      if (next == ids.end()) return std::move(out_);
      role = *next;
      ids = {next + 1, ids.end()};
    }
  }

 private:
  void add(std::optional<int32_t> role, std::span<const int32_t> ids) {
    if (role && role == assistant_) return answer(ids);
    const std::string text = tokenizer_.decode(ids, model::SpecialIds::kKeep);
    if (role && role == reminder_)
      out_.messages.push_back({.role = MessageRole::kLatestReminder, .content = text});
    else if (role)
      user(text);
    else if (!text.empty())
      out_.messages.push_back({.role = MessageRole::kSystem, .content = text});
  }

  // Nothing of the answer that the prompt opens.
  void answer(std::span<const int32_t> ids) {
    const bool thinks = !ids.empty() && frame_.is_think_start(ids[0]);
    out_.mode = thinks ? ThinkingMode::kThinking : ThinkingMode::kChat;
    if (thinks || (!ids.empty() && frame_.is_think_end(ids[0]))) ids = ids.subspan(1);
    if (!ids.empty())
      out_.messages.push_back(assistant_message(tokenizer_, frame_, ids, out_.mode));
  }

  // After calls their results come first.
  void user(std::string_view text) {
    const bool after_calls = !out_.messages.empty() && !out_.messages.back().tool_calls.empty();
    const size_t end =
        after_calls && text.starts_with(kResult) ? text.rfind(kResultEnd) : std::string_view::npos;
    if (end != std::string_view::npos) {
      add_tool_results(text.substr(0, end + kResultEnd.size()), &out_.messages);
      text.remove_prefix(end + kResultEnd.size());
      if (text.empty()) return;
      if (text.starts_with(kBetween)) text.remove_prefix(kBetween.size());
    }
    out_.messages.push_back({.role = MessageRole::kUser, .content = std::string(text)});
  }

  const model::Tokenizer& tokenizer_;
  TokenFrame frame_;
  std::optional<int32_t> bos_, assistant_, reminder_;
  PromptMessages out_;
};

}  // namespace

PromptMessages prompt_messages(const model::Tokenizer& tokenizer, std::span<const int32_t> prompt) {
  return PromptReader(tokenizer).read(prompt);
}

std::vector<model::Message> turn_messages(const model::Tokenizer& tokenizer,
                                          std::span<const int32_t> ids,
                                          const std::vector<bool>& from_assistant,
                                          ThinkingMode mode) {
  const TokenFrame frame(tokenizer);
  std::vector<model::Message> messages;
  for_each_run(ids, from_assistant, [&](std::span<const int32_t> run, bool policy) {
    if (policy)
      messages.push_back(assistant_message(tokenizer, frame, run, mode));
    else
      add_tool_results(frame.bytes(run, /*from_assistant=*/false), &messages);
  });
  return messages;
}

}  // namespace amalgam::rollout
