// `amalgam encode`: messages to prompt text, and completions back to messages.
#pragma once
#include <string>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct EncodeCommandOptions {
  static constexpr const char* kName = "encode";
  static constexpr const char* kSummary = "messages to prompt text; completions to messages";
  static constexpr const char* kExamples =
      "  echo '{\"messages\": [{\"role\": \"user\", \"content\": \"2 + 3\"}]}' > rows.jsonl\n"
      "  amalgam encode --in rows.jsonl --out prompts.jsonl\n"
      "  echo '{\"messages\": [{\"role\": \"user\", \"content\": \"2 + 3\"}]}' | "
      "amalgam encode --in - --out -\n"
      "  echo '{\"text\": \"5<｜end▁of▁sentence｜>\"}' > completions.jsonl\n"
      "  amalgam encode --parse --in completions.jsonl --out messages.jsonl\n"
      "Row keys: messages, thinking_mode (chat | thinking; without it as the effort says, else "
      "chat),\n"
      "reasoning_effort (none | low | high | max | 1 to 100), effort_form (encoding | line),\n"
      "drop_thinking (true: reasoning before the last user message is left out).\n"
      "With --parse: text, thinking_mode. Out: {\"message\"} or {\"error\": {\"type\", "
      "\"message\"}}.\n";

  std::string in, out;
  bool parse = false;
  void describe(OptionSet& options);
};

// Rows as in kExamples; other keys are said on stderr. A completion that does not parse is a row of
// the output; a malformed row throws Error "file:line: …", the rows before it have been written.
int run_encode(const EncodeCommandOptions& options);

}  // namespace amalgam::pipeline
