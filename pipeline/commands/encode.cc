#include "pipeline/commands/encode.h"

#include <optional>

#include "configs/error.h"
#include "model/encoding/encoding.h"
#include "model/encoding/python_json.h"
#include "pipeline/commands/requested_effort.h"
#include "pipeline/data/jsonl.h"
#include "pipeline/data/unused_keys.h"

namespace amalgam::pipeline {
namespace {

// A row read as Python reads it, because prompts quote its schemas and arguments: a number keeps
// the spelling that json.dumps gives it.
class JsonRow {
 public:
  JsonRow(const std::string& line, const std::string& where) : where_(where) {
    auto members = model::python_json_members(line);
    if (!members) throw Error(where + ": is not a JSON object");
    members_ = *std::move(members);
  }

  [[noreturn]] void fail(const std::string& what) const { throw Error(where_ + ": " + what); }

  // nullptr when absent or null.
  const model::JsonMember* find(const std::string& key) const {
    for (const model::JsonMember& m : members_)
      if (m.key == key && (m.is_string || m.value != "null")) return &m;
    return nullptr;
  }

  std::vector<std::string> keys() const {  // that are not null
    std::vector<std::string> all;
    for (const model::JsonMember& m : members_)
      if (m.is_string || m.value != "null") all.push_back(m.key);
    return all;
  }

  std::optional<std::string> text(const std::string& key) const {
    const model::JsonMember* m = find(key);
    if (!m) return std::nullopt;
    if (!m->is_string) fail("\"" + key + "\" must be a string");
    return m->value;
  }

  // One of two words.
  template <class T>
  T choice(const std::string& key, const char* first, T if_first, const char* second, T if_second,
           T absent) const {
    const auto word = text(key);
    if (!word) return absent;
    if (*word == first) return if_first;
    if (*word == second) return if_second;
    fail("\"" + key + "\" must be \"" + first + "\" or \"" + second + "\"");
  }

  bool boolean_or(const std::string& key, bool absent) const {
    const model::JsonMember* m = find(key);
    if (!m) return absent;
    if (m->is_string || (m->value != "true" && m->value != "false"))
      fail("\"" + key + "\" must be true or false");
    return m->value == "true";
  }

  model::ThinkingMode mode() const {
    using enum model::ThinkingMode;
    return choice("thinking_mode", "chat", kChat, "thinking", kThinking, kChat);
  }

 private:
  std::string where_;
  std::vector<model::JsonMember> members_;
};

std::string prompt_row(const JsonRow& row, const std::string& where, UnusedKeys* unused) {
  const model::JsonMember* messages = row.find("messages");
  if (!messages || messages->is_string) row.fail("needs \"messages\", a list");
  model::EncodeOptions options;
  options.old_reasoning = row.boolean_or("drop_thinking", true) ? model::OldReasoning::kDrop
                                                                : model::OldReasoning::kKeep;
  std::vector<model::UnusedMessageKey> keys;
  auto parsed = model::messages_from_json(messages->value, where, &keys);
  unused->add_messages(keys);
  try {
    const model::JsonMember* effort = row.find("reasoning_effort");
    std::vector<std::string> known = apply({.thinking_mode = row.text("thinking_mode").value_or(""),
                                            .reasoning_effort = effort ? effort->value : "",
                                            .effort_form = row.text("effort_form").value_or("")},
                                           &options, &parsed);
    known.push_back("messages");
    if (options.mode == model::ThinkingMode::kThinking) known.push_back("drop_thinking");
    unused->add_row(row.keys(), known);
    const model::Prompt prompt = model::encode_messages(parsed, options);
    return "{\"prompt\": " + model::python_json_string(prompt.text) + "}";
  } catch (const Error& e) {
    row.fail(e.what());
  }
}

std::string message_row(const JsonRow& row, UnusedKeys* unused) {
  const auto text = row.text("text");
  if (!text) row.fail("needs \"text\", a string");
  unused->add_row(row.keys(), {"text", "thinking_mode"});
  const auto parsed = model::parse_completion(*text, row.mode());
  if (const auto* error = std::get_if<model::ParseError>(&parsed))
    return std::string("{\"error\": {\"type\": \"") + model::parse_error_name(error->kind) +
           "\", \"message\": " + model::python_json_string(error->what) + "}}";
  return "{\"message\": " + model::completion_to_json(std::get<model::Message>(parsed)) + "}";
}

}  // namespace

void EncodeCommandOptions::describe(OptionSet& options) {
  options.flag("--parse", parse, "completions to messages");
  options.option("--in", in, "JSONL rows; - is standard input", Need::kRequired);
  options.option("--out", out, "JSONL to write, one row each, in order; - is standard output",
                 Need::kRequired);
}

int run_encode(const EncodeCommandOptions& options) {
  RowWriter out(options.out, options.in);
  UnusedKeys unused(options.in);
  for_each_line(options.in, [&](const std::string& line, const std::string& where) {
    const JsonRow row(line, where);
    out.write(options.parse ? message_row(row, &unused) : prompt_row(row, where, &unused));
  });
  out.finish();
  unused.say();
  return 0;
}

}  // namespace amalgam::pipeline
