// A tokenizer trained on a few lines, and the turns of a model that calls tools.
#pragma once
#include <string>
#include <vector>

#include "model/tokenizer/bpe_trainer.h"
#include "model/tokenizer/special_tokens.h"
#include "model/tokenizer/tokenizer.h"
#include "rollout/episodes/episode.h"

namespace amalgam::rollout {

inline std::string small_tokenizer_json() {
  const std::vector<std::string> texts = {
      "What is 17 + 25? The answer is 42.", "the value of the key, the name of the value",
      "invoke name string true parameter calculator expression tool_calls"};
  return model::tokenizer_json(model::train_bpe(texts, {.vocab_size = 300}));
}
inline model::Tokenizer small_tokenizer() {
  return model::Tokenizer::from_json(small_tokenizer_json(), "tokenizer.json");
}

// The tokens of a tool turn with these results.
inline std::vector<int32_t> tool_ids(const Episode& episode,
                                     const std::vector<std::string>& results) {
  ToolTurn turn = episode.tool_turn();
  for (size_t i = 0; i < results.size(); ++i) turn.results.put(i, results[i]);
  return turn.results.ids();
}

inline std::string call_text(const std::string& name, const std::string& key,
                             const std::string& value) {
  const std::string dsml(model::kDsml);
  return "<" + dsml + "invoke name=\"" + name + "\">\n<" + dsml + "parameter name=\"" + key +
         "\" string=\"true\">" + value + "</" + dsml + "parameter>\n</" + dsml + "invoke>\n";
}
inline std::string calls_text(const std::string& calls) {
  const std::string dsml(model::kDsml);
  return "\n\n<" + dsml + "tool_calls>\n" + calls + "</" + dsml + "tool_calls>";
}

}  // namespace amalgam::rollout
