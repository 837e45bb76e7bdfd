// `amalgam tokenize`: text to token ids and back.
#pragma once
#include <string>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct TokenizeOptions {
  static constexpr const char* kName = "tokenize";
  static constexpr const char* kSummary = "text to token ids and back";
  static constexpr const char* kExamples =
      "  echo '{\"text\": \"2 + 3\"}' > texts.jsonl\n"
      "  amalgam tokenize --model runs/quickstart/student --in texts.jsonl --out ids.jsonl\n"
      "  amalgam tokenize --model runs/quickstart/tokenizer/tokenizer.json --decode --in "
      "ids.jsonl --out texts.jsonl\n"
      "Special strings in a text (<｜User｜> …) become their tokens, as with the tokenizers "
      "library;\n"
      "no token is added. Decoding shows them, and U+FFFD for bytes that are not UTF-8.\n";

  std::string tokenizer, in, out;
  bool decode = false;
  void describe(OptionSet& options);
};

// Rows {"text": …} -> {"ids": […]}, or the inverse; other keys are ignored. Throws Error
// "file:line: …" at the first malformed row; the rows before it have been written.
int run_tokenize(const TokenizeOptions& options);

}  // namespace amalgam::pipeline
