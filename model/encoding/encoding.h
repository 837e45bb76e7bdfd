// Messages to prompt text and back: DeepSeek-V4's DSML encoding, byte for byte (POST_TRAINING.md
// §2).
//
// Pure functions. Only tokenizer.encode(prompt.text, prompt.literal) turns a prompt into ids: text
// that users, tools and the model wrote can then never become a special token.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "model/encoding/message.h"
#include "model/tokenizer/tokenizer.h"

namespace amalgam::model {

enum class ThinkingMode { kChat, kThinking };
enum class ReasoningEffort { kHigh, kMax };  // max: a fixed instruction first; thinking mode only
// Reasoning of turns before the last user message. Where any message has tools all is kept anyway.
enum class OldReasoning { kDrop, kKeep };
// kSchemas: the published "## Tools" section. kNames: one line "Tools: lookup(key), add(a, b)", for
// models with a small context window.
enum class ToolsStyle { kSchemas, kNames };

struct EncodeOptions {
  ThinkingMode mode = ThinkingMode::kThinking;
  ReasoningEffort effort = ReasoningEffort::kHigh;
  OldReasoning old_reasoning = OldReasoning::kDrop;
  ToolsStyle tools = ToolsStyle::kSchemas;
};

struct Prompt {
  std::string text;
  std::vector<TextRange> literal;  // parts that must stay plain text; sorted, disjoint
};

// As the published encoder renders them: consecutive tool and user messages merge into one user
// turn, with tool results in the order of the calls; the last user turn opens the answer. Also its
// quirk that the task of a user message that merges into an earlier turn is ignored. Throws Error
// naming the message for an unknown task, an empty developer message, tools or a response format
// that is no JSON.
Prompt encode_messages(std::span<const Message> messages, const EncodeOptions& options);

std::vector<int32_t> prompt_ids(const Tokenizer& tokenizer, const Prompt& prompt);

// What is wrong with a completion.
enum class ParseErrorKind {
  kNoThinkEnd,    // thinking mode without </think> before the answer or a call
  kNoEos,         // cut off before the end of sentence
  kSpecialToken,  // a control token inside reasoning or answer
  kBadCallBlock,  // tool_calls block: wrong framing, unfinished, or without a call
  kBadToolName,
  kBadParameter,  // a parameter that is not name="…" string="true|false">…
  kDuplicateParameter,
  kParameterNotJson,  // string="false", but the value is no JSON
  kTextAfterCalls,
  kTextAfterEos,
};
// The enum's name without k, in snake_case: a stable key for counters.
const char* parse_error_name(ParseErrorKind kind);

struct ParseError {
  ParseErrorKind kind;
  std::string what;  // one line naming the offence
};

// Parses what the model wrote after the prompt (any bytes), special tokens included. The end of
// sentence may only be missing after a complete tool_calls block. Never throws on malformed text,
// never guesses.
std::variant<Message, ParseError> parse_completion(const std::string& text, ThinkingMode mode);

}  // namespace amalgam::model
