#include "rollout/episodes/transcript.h"

#include "configs/utf8.h"
#include "rollout/episodes/messages.h"
#include "rollout/episodes/thinking_count.h"
#include "rollout/episodes/token_frame.h"

namespace amalgam::rollout {

std::string solution_text(const model::Tokenizer& tokenizer, std::span<const int32_t> ids,
                          const std::vector<bool>& from_assistant) {
  const TokenFrame frame(tokenizer);
  std::string bytes;
  for_each_run(ids, from_assistant, [&](std::span<const int32_t> run, bool policy) {
    bytes += frame.bytes(run, policy);
  });
  return replace_invalid_utf8(bytes);
}

Transcript transcript(const Episode& episode) {
  const model::Tokenizer& tokenizer = episode.tokenizer();
  const TokenFrame frame(tokenizer);
  const auto ids = std::span(episode.ids()).subspan(static_cast<size_t>(episode.prompt_length()));
  Transcript t;
  t.solution =
      episode.submitted().value_or(solution_text(tokenizer, ids, episode.from_assistant()));
  t.messages = turn_messages(tokenizer, ids, episode.from_assistant(), episode.mode());
  t.response_tokens = static_cast<int64_t>(episode.logprobs().size());
  t.forced_thinking_ends = static_cast<int64_t>(episode.forced().size());
  for_each_run(ids, episode.from_assistant(),
               [&](std::span<const int32_t>, bool policy) { t.num_turns += policy; });
  t.thinking_tokens = count_thinking(frame, ids, episode.from_assistant(),
                                     episode.mode() == model::ThinkingMode::kThinking)
                          .tokens;
  return t;
}

}  // namespace amalgam::rollout
