// Prompt rows as JSONL: one object a line, in verl's columns (data_source, prompt, ability,
// reward_model{style, ground_truth}, extra_info) or TRL's (prompt as text or messages, other
// columns passed through), plus tools, rubric, effort, mode, and for SFT messages.
#pragma once
#include <string>
#include <vector>

namespace amalgam::pipeline {

// How a row gave its prompt. Reward functions in TRL's form get completions in the same form.
enum class PromptForm { kMessages, kText };

// Fields that hold structured values hold their JSON text; an absent column is an empty string.
struct Row {
  std::string data_source, ability;
  std::string prompt;  // JSON array of messages; a text prompt became one user message
  PromptForm prompt_form = PromptForm::kMessages;
  std::string style;         // reward_model.style
  std::string ground_truth;  // JSON of reward_model.ground_truth
  std::string reward_model;  // JSON object of its other keys
  std::string extra_info;    // JSON object
  std::string messages;      // JSON array: a whole conversation to imitate
  std::string mode;          // "thinking" or "chat"
  std::string effort;
  std::string tools, rubric;  // JSON
  std::string columns;        // JSON object of every other column

  // One line without the line break; parse_row of it gives the row back.
  std::string to_json() const;
  std::vector<std::string> column_names() const;  // of those that are there
};

// Throws Error, beginning with `where`, when the text is not a row.
Row parse_row(const std::string& text, const std::string& where);

// Writes the rows one a line. Throws Error when the file cannot be written.
void write_jsonl(const std::string& path, const std::vector<Row>& rows);

}  // namespace amalgam::pipeline
