// Columns that prompts and examples share.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/data/forms/chat_messages.h"
#include "pipeline/data/forms/row_columns.h"

namespace amalgam::pipeline {

// The text of a column that becomes a prompt or an answer. Throws BadRow unless it is a text that
// is not empty.
std::string required_text(const Value& value, const std::string& column);
// The same of one that may add nothing: empty when it is absent or empty.
std::string added_text(RowColumns* columns, const std::string& column);

// `prompt`, a text. Throws BadRow when the text is a list of messages as JSON.
std::string prompt_text(const Value& value);

// Marks `system` or `system_prompt` as part of `field` and puts it before the messages, unless they
// have a system message.
void add_system(RowColumns* columns, const char* field, std::vector<ChatMessage>* messages);
// `instruction`, with `input` after it, as one user message.
ChatMessage instruction_message(RowColumns* columns);

// The `tools` of a row as a JSON list of names and OpenAI tools; empty when it has none.
std::string take_tools(RowColumns* columns);
// "none", "low", "high", "max" or "1" … "100"; empty: none.
std::string take_effort(RowColumns* columns);
std::string take_id(RowColumns* columns);
// "thinking" or "chat", a column of this program's own.
std::string take_mode(RowColumns* columns);

}  // namespace amalgam::pipeline
