#include "pipeline/data/forms/common_columns.h"

#include <algorithm>
#include <cmath>

#include "configs/effort.h"
#include "pipeline/data/forms/bad_row.h"
#include "pipeline/data/forms/parse_json.h"

namespace amalgam::pipeline {

std::string required_text(const Value& value, const std::string& column) {
  if (!value.is_string()) throw bad_column(column, "must be a text");
  if (value.text().empty()) throw bad_column(column, "is an empty text");
  return value.text();
}

std::string added_text(RowColumns* columns, const std::string& column) {
  const Value* value = columns->get(column);
  if (!value) return "";
  if (!value->is_string()) throw bad_column(column, "must be a text");
  return value->text();
}

std::string prompt_text(const Value& value) {
  std::string text = required_text(value, "prompt");
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos || text[first] != '[') return text;
  const JsonResult json = parse_json(text);
  if (json.fault != JsonFault::kNone || !json.value.is_array()) return text;
  const Value::Array& list = json.value.array();
  const bool is_messages =
      !list.empty() && std::all_of(list.begin(), list.end(), [](const Value& element) {
        return element.find("role") || element.find("from");
      });
  if (is_messages)
    throw bad_column("prompt",
                     "is a list of messages written as a JSON text; write the list itself");
  return text;
}

void add_system(RowColumns* columns, const char* field, std::vector<ChatMessage>* messages) {
  if (std::any_of(messages->begin(), messages->end(),
                  [](const ChatMessage& m) { return m.role == "system"; }))
    return;
  for (const char* column : {"system", "system_prompt"}) {
    const std::string text = added_text(columns, column);
    if (text.empty()) continue;
    columns->understand(field, column);
    messages->insert(messages->begin(), {.role = "system", .content = text});
    return;
  }
}

ChatMessage instruction_message(RowColumns* columns) {
  std::string text = required_text(*columns->get("instruction"), "instruction");
  columns->understand("prompt", "instruction");
  const std::string input = added_text(columns, "input");
  if (!input.empty()) {
    columns->understand("prompt", "input");
    text += "\n" + input;
  }
  return {.role = "user", .content = text};
}

namespace {

// A tool as OpenAI writes it, or a name. Throws BadRow.
Value tool_of(const Value& element, const std::string& column) {
  const auto is_name = [](const Value* name) {
    return name && name->is_string() && !name->text().empty();
  };
  const auto with_schema = [&](Value function) {
    for (Member& member : function.object())
      if (member.key == "parameters") {
        member.value = value_of_text(member.value, "parameters");
        if (!member.value.is_null() && !member.value.is_object())
          throw bad_column(column, "has a tool whose \"parameters\" are no object");
      }
    return function;
  };
  const char* kWanted =
      "holds something else than names and tools like {\"type\": \"function\", \"function\": "
      "{\"name\": …, \"parameters\": …}}";
  if (element.is_string()) {
    const std::string& text = element.text();
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (first == text.npos) throw bad_column(column, kWanted);
    if (text[first] != '{') return element;
    JsonResult json = parse_json(text);
    if (json.fault != JsonFault::kNone)
      throw bad_column(column, "holds a tool as a text that is no JSON: " + json.why);
    return tool_of(json.value, column);
  }
  if (!element.is_object()) throw bad_column(column, kWanted);
  const Value* type = element.find("type");
  if (type && !(type->is_string() && type->text() == "function"))
    throw bad_column(column, "holds a tool whose type is not \"function\"");
  if (const Value* function = element.find("function")) {
    if (!is_name(function->find("name"))) throw bad_column(column, kWanted);
    Value tool = element;
    for (Member& member : tool.object())
      if (member.key == "function") member.value = with_schema(std::move(member.value));
    return tool;
  }
  if (!is_name(element.find("name")) || !(type || element.find("parameters")))
    throw bad_column(column, kWanted);
  Value tool{Value::Object()}, function{Value::Object()};
  for (const Member& member : element.object())
    if (member.key != "type") function.add(member.key, member.value);
  tool.add("type", Value("function"));
  tool.add("function", with_schema(std::move(function)));
  return tool;
}

}  // namespace

std::string take_tools(RowColumns* columns) {
  const Found found = first_of(columns, {"tools", "tool_defs", "responses_create_params.tools"});
  if (!found.value) return "";
  Value list;
  try {
    list = value_of_text(*found.value, found.path);
    if (!list.is_array()) throw bad_column(found.path, "must be a list of tools");
    for (Value& element : list.array()) element = tool_of(element, found.path);
  } catch (const BadRow& bad) {
    throw bad.why.starts_with("column") ? bad : BadRow{"column \"" + found.path + "\": " + bad.why};
  }
  columns->understand("tools", found.path);
  return list.dump();
}

std::string take_effort(RowColumns* columns) {
  const Found found = first_of(columns, {"effort", "reasoning_effort"});
  if (!found.value) return "";
  const Value& value = *found.value;
  std::string effort;
  if (value.is_string()) {
    if (configs::is_effort_word(value.text())) effort = value.text();
  } else if (value.is_number()) {
    const double number = value.number();
    if (number >= 1 && number <= configs::kMaxEffortNumber && number == std::floor(number))
      effort = std::to_string(static_cast<int>(number));
  }
  if (effort.empty())
    throw bad_column(found.path,
                     "(the effort) is " + printable(value.dump()) +
                         "; it must be none, low, high, max or a whole number from 1 to "
                         "100");
  columns->understand("effort", found.path);
  return effort;
}

std::string take_id(RowColumns* columns) {
  for (const char* column : {"id", "uuid", "prompt_id", "problem_id", "example_id"}) {
    const Value* value = columns->get(column);
    if (!value || !(value->is_string() || value->is_integer())) continue;
    columns->understand("id", column);
    return value->is_string() ? value->text() : value->dump();
  }
  return "";
}

std::string take_mode(RowColumns* columns) {
  const Value* value = columns->get("mode");
  if (!value || !value->is_string()) return "";
  if (value->text() != "thinking" && value->text() != "chat") return "";
  columns->understand("mode", "mode");
  return value->text();
}

}  // namespace amalgam::pipeline
