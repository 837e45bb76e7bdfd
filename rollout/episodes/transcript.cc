#include "rollout/episodes/transcript.h"

#include <algorithm>
#include <variant>

#include "configs/utf8.h"
#include "model/encoding/encoding.h"
#include "model/tokenizer/special_tokens.h"

namespace amalgam::rollout {
namespace {

constexpr std::string_view kResult = "<tool_result>", kResultEnd = "</tool_result>";

// Which ids are frame and no text.
class Frame {
 public:
  explicit Frame(const model::Tokenizer& tokenizer)
      : tokenizer_(tokenizer), think_end_(tokenizer.added_token(model::kThinkEnd)) {
    for (const std::string_view role :
         {model::kUserToken, model::kAssistantToken, model::kLatestReminderToken})
      roles_.push_back(tokenizer.added_token(role));
    think_start_ = tokenizer.added_token(model::kThinkStart);
  }

  bool is_think_end(int32_t id) const { return id == think_end_; }

  std::string bytes(std::span<const int32_t> ids, bool from_policy) const {
    std::vector<int32_t> text;
    std::copy_if(ids.begin(), ids.end(), std::back_inserter(text), [&](int32_t id) {
      if (tokenizer_.is_special(id) || std::find(roles_.begin(), roles_.end(), id) != roles_.end())
        return false;
      return from_policy || (id != think_start_ && id != think_end_);
    });
    return tokenizer_.decode_bytes(text, model::SpecialIds::kKeep);
  }

 private:
  const model::Tokenizer& tokenizer_;
  std::vector<std::optional<int32_t>> roles_;
  std::optional<int32_t> think_start_, think_end_;
};

// Calls f(ids, from_policy) for each run of tokens of one writer.
template <class F>
void for_each_run(std::span<const int32_t> ids, const std::vector<bool>& from_policy, const F& f) {
  for (size_t begin = 0, end; begin < ids.size(); begin = end) {
    for (end = begin + 1; end < ids.size() && from_policy[end] == from_policy[begin];) ++end;
    f(ids.subspan(begin, end - begin), from_policy[begin]);
  }
}

model::Message assistant_message(const model::Tokenizer& tokenizer, const Frame& frame,
                                 std::span<const int32_t> ids, model::ThinkingMode mode) {
  const auto parsed =
      model::parse_completion(tokenizer.decode_bytes(ids, model::SpecialIds::kKeep), mode);
  if (const auto* message = std::get_if<model::Message>(&parsed)) return *message;
  model::Message message{.role = model::MessageRole::kAssistant, .content = ""};
  auto answer = ids.begin();
  if (mode == model::ThinkingMode::kThinking) {
    answer =
        std::find_if(ids.begin(), ids.end(), [&](int32_t id) { return frame.is_think_end(id); });
    message.reasoning_content =
        replace_invalid_utf8(frame.bytes({ids.begin(), answer}, /*from_policy=*/true));
    if (answer != ids.end()) ++answer;
  }
  message.content = replace_invalid_utf8(frame.bytes({answer, ids.end()}, /*from_policy=*/true));
  return message;
}

// The results in the text of a tool turn: one for each call, also where a result holds the tags.
std::vector<std::string> tool_results(std::string_view text, size_t num_calls) {
  const std::string between = std::string(kResultEnd) + "\n\n" + std::string(kResult);
  if (text.starts_with(kResult)) text.remove_prefix(kResult.size());
  if (text.ends_with(kResultEnd)) text.remove_suffix(kResultEnd.size());
  std::vector<std::string> results;
  for (size_t at;
       results.size() + 1 < num_calls && (at = text.find(between)) != std::string_view::npos;) {
    results.emplace_back(text.substr(0, at));
    text.remove_prefix(at + between.size());
  }
  results.emplace_back(text);
  return results;
}

}  // namespace

std::string solution_text(const model::Tokenizer& tokenizer, std::span<const int32_t> ids,
                          const std::vector<bool>& from_policy) {
  const Frame frame(tokenizer);
  std::string bytes;
  for_each_run(ids, from_policy, [&](std::span<const int32_t> run, bool policy) {
    bytes += frame.bytes(run, policy);
  });
  return replace_invalid_utf8(bytes);
}

Transcript transcript(const Episode& episode) {
  const model::Tokenizer& tokenizer = episode.tokenizer();
  const Frame frame(tokenizer);
  const auto ids = std::span(episode.ids()).subspan(static_cast<size_t>(episode.prompt_length()));
  Transcript t;
  t.solution = episode.submitted().value_or(solution_text(tokenizer, ids, episode.from_policy()));
  t.response_tokens = static_cast<int64_t>(episode.logprobs().size());
  for_each_run(ids, episode.from_policy(), [&](std::span<const int32_t> run, bool policy) {
    if (policy) {
      ++t.num_turns;
      if (episode.mode() == model::ThinkingMode::kThinking)
        t.thinking_tokens += std::find_if(run.begin(), run.end(),
                                          [&](int32_t id) { return frame.is_think_end(id); }) -
                             run.begin();
      t.messages.push_back(assistant_message(tokenizer, frame, run, episode.mode()));
      return;
    }
    const size_t num_calls = t.messages.empty() ? 1 : t.messages.back().tool_calls.size();
    for (std::string& result : tool_results(frame.bytes(run, false), num_calls))
      t.messages.push_back(
          {.role = model::MessageRole::kTool, .content = replace_invalid_utf8(result)});
  });
  return t;
}

}  // namespace amalgam::rollout
