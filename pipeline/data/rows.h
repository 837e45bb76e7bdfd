// A row of a file: a prompt to sample from, or an example to imitate. pipeline/data/forms makes
// rows of what people have.
#pragma once
#include <string>
#include <vector>

namespace amalgam::pipeline {

class RowStore;

// What a row is read for: its prompt, or its conversation as an example.
enum class RowUse { kPrompt, kExample };

// How a row gave its prompt. Reward functions in TRL's form get completions in the same form.
enum class PromptForm { kMessages, kText };

// Fields that hold structured values hold their JSON text; what a row does not have is an empty
// string.
struct Row {
  std::string data_source, ability, id;
  std::string prompt;  // JSON array of messages; a text prompt became one user message
  PromptForm prompt_form = PromptForm::kMessages;
  std::string style;         // reward_model.style
  std::string ground_truth;  // JSON
  std::string reward_model;  // JSON object of its other keys
  std::string extra_info;    // JSON object
  std::string mode;          // "thinking" or "chat"
  std::string effort;        // none, low, high, max, or 1 … 100
  std::string tools;         // JSON list of names and OpenAI tools
  std::string tools_kwargs;  // JSON
  std::string rubric;        // JSON list of {text, weight}

  // An example: a JSON array of messages, or a text that is learned after one that is not.
  std::string messages;
  std::string text, text_prompt;
  std::vector<size_t> not_learned;  // which of its assistant messages are not: from 0

  std::string json;  // the row as its file has it; empty: a generated row

  // One JSON object without line breaks of its own making, which is read as this row again: of a
  // file's row what the file has, of a generated one verl's columns.
  std::string to_json() const;
};

// Writes the rows one a line. Throws Error when the file cannot be written.
void write_jsonl(const std::string& path, const RowStore& rows);

}  // namespace amalgam::pipeline
