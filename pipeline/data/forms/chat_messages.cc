#include "pipeline/data/forms/chat_messages.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "pipeline/data/forms/bad_row.h"
#include "pipeline/data/forms/json_scanner.h"
#include "pipeline/data/forms/parse_json.h"

namespace amalgam::pipeline {
namespace {

constexpr std::string_view kThink = "<think>", kThinkEnd = "</think>";

struct RoleName {
  std::string_view theirs, ours;
};
constexpr std::array<RoleName, 10> kRoles = {{{"system", "system"},
                                              {"developer", "system"},
                                              {"user", "user"},
                                              {"human", "user"},
                                              {"assistant", "assistant"},
                                              {"gpt", "assistant"},
                                              {"tool", "tool"},
                                              {"observation", "tool"},
                                              {"function", "tool"},
                                              {"function_call", "assistant"}}};

// One message of a list, for what is said of it.
class MessageReader {
 public:
  MessageReader(const Value& message, std::string where)
      : message_(message), where_(std::move(where)) {}

  ChatMessage read() {
    if (!message_.is_object()) throw fail("is no message with a \"role\"");
    read_role();
    if (is_call_) {
      m_.tool_calls = calls_of_text();
    } else {
      if (m_.role == "assistant") read_calls();
      read_content();
    }
    if (m_.role == "assistant") {
      read_weight();
      if (!is_call_) read_reasoning();
    }
    if (m_.role == "tool") {
      m_.tool_call_id = optional_text("tool_call_id");
      m_.name = optional_text("name");
    }
    if (content_is_absent_ && m_.role != "tool" && m_.tool_calls.empty() &&
        m_.reasoning_content.empty())
      throw fail("has no \"content\"");
    return std::move(m_);
  }

  // After read().
  void add_unused(const std::string& role, std::vector<model::UnusedMessageKey>* unused) const {
    for (const Member& member : message_.object()) {
      if (member.value.is_null() || is_used(member.key, role)) continue;
      const std::vector<std::string>& known = model::message_keys();
      const bool is_of_others = std::find(known.begin(), known.end(), member.key) != known.end();
      unused->push_back({member.key, is_of_others ? role : ""});
    }
  }

 private:
  bool is_used(std::string_view key, std::string_view role) const {
    if (key == (has_from_ ? "from" : "role") || key == (has_from_ ? "value" : "content"))
      return true;
    if (role == "tool") return key == "tool_call_id" || key == "name";
    if (role != "assistant") return false;
    return key == reasoning_key_ || key == "tool_calls" || key == "function_call" ||
           key == "weight" || key == "train" || key == "loss_weight";
  }

  BadRow fail(const std::string& what) const { return {where_ + " " + what}; }

  void read_role() {
    const Value* role = message_.find("role");
    has_from_ = !role;
    if (!role) role = message_.find("from");
    if (!role) throw fail("has no \"role\"");
    if (!role->is_string()) throw fail("has a \"role\" that is no text");
    const auto known = std::find_if(kRoles.begin(), kRoles.end(),
                                    [&](const RoleName& r) { return r.theirs == role->text(); });
    if (known == kRoles.end())
      throw fail("has the role \"" + printable(role->text()) +
                 "\", which is none of system, developer, user, human, assistant, gpt, tool, "
                 "observation, function and function_call");
    m_.role = known->ours;
    is_call_ = role->text() == "function_call";
  }

  const Value* content() const { return message_.find(has_from_ ? "value" : "content"); }

  void read_content() {
    const Value* value = content();
    if (!value) {
      content_is_absent_ = true;
    } else if (value->is_string()) {
      m_.content = value->text();
    } else if (value->is_array()) {
      for (size_t i = 0; i < value->array().size(); ++i)
        m_.content += (i == 0 ? "" : "\n\n") + text_part(value->array()[i]);
    } else {
      throw fail("has a \"content\" that is neither text nor a list of text parts");
    }
  }

  std::string text_part(const Value& part) const {
    const Value* type = part.find("type");
    if (!type || !type->is_string()) throw fail("has a part of its \"content\" without a \"type\"");
    if (type->text() != "text")
      throw fail("has a part of the type \"" + printable(type->text()) +
                 "\" in its \"content\"; this program reads text only");
    const Value* text = part.find("text");
    if (!text || !text->is_string())
      throw fail("has a text part in its \"content\" without a \"text\"");
    return text->text();
  }

  std::string optional_text(const char* key) const {
    const Value* value = message_.find(key);
    return !value ? "" : value->is_string() ? value->text() : value->dump();
  }

  // A call {name, arguments}; `key`: where it stands.
  ChatCall call_of(const Value& call, const char* key) const {
    const Value* name = call.find("name");
    if (!name || !name->is_string() || name->text().empty())
      throw fail(std::string("has a call without a \"name\" (\"") + key + "\")");
    ChatCall result{"", name->text(), Value(Value::Object())};
    const Value* arguments = call.find("arguments");
    if (!arguments) return result;
    Value value;
    try {
      value = value_of_text(*arguments, "arguments");
    } catch (const BadRow& bad) {
      throw fail("has a call: " + bad.why);
    }
    if (value.is_null() && arguments->is_string() &&
        std::all_of(arguments->text().begin(), arguments->text().end(), is_json_space))
      return result;
    if (!value.is_object()) throw fail("has a call whose \"arguments\" are no object");
    result.arguments = std::move(value);
    return result;
  }

  // Of the role function_call.
  std::vector<ChatCall> calls_of_text() const {
    const Value* value = content();
    Value calls = value ? *value : Value();
    if (calls.is_string()) {
      JsonResult json = parse_json(calls.text());
      if (json.fault != JsonFault::kNone)
        throw fail("has the role \"function_call\", but is no call: " + json.why);
      calls = std::move(json.value);
    }
    std::vector<ChatCall> result;
    if (calls.is_object()) {
      result.push_back(call_of(calls, "function_call"));
    } else if (calls.is_array()) {
      for (const Value& call : calls.array()) result.push_back(call_of(call, "function_call"));
    }
    if (result.empty())
      throw fail("has the role \"function_call\", but is no call {\"name\", \"arguments\"}");
    return result;
  }

  void read_calls() {
    if (const Value* calls = message_.find("tool_calls")) {
      if (!calls->is_array()) throw fail("has \"tool_calls\" that are no list");
      for (const Value& call : calls->array()) m_.tool_calls.push_back(tool_call(call));
    }
    if (const Value* call = message_.find("function_call")) {
      if (!call->is_object()) throw fail("has a \"function_call\" that is no object");
      m_.tool_calls.push_back(call_of(*call, "function_call"));
    }
  }

  ChatCall tool_call(const Value& element) const {
    Value parsed;
    if (element.is_string()) {
      JsonResult json = parse_json(element.text());
      if (json.fault != JsonFault::kNone)
        throw fail("has an element of \"tool_calls\" that is no call with a \"function\": " +
                   json.why);
      parsed = std::move(json.value);
    }
    const Value& call = element.is_string() ? parsed : element;
    const Value* function = call.find("function");
    if (!function || !function->is_object())
      throw fail("has an element of \"tool_calls\" without a \"function\"");
    ChatCall result = call_of(*function, "function");
    if (const Value* id = call.find("id")) result.id = id->is_string() ? id->text() : id->dump();
    return result;
  }

  void read_weight() {
    for (const char* key : {"weight", "train", "loss_weight"}) {
      const Value* weight = message_.find(key);
      if (!weight) continue;
      const double value = weight->is_bool()     ? weight->boolean()
                           : weight->is_number() ? weight->number()
                                                 : -1;
      if (value != 0 && value != 1)
        throw fail(std::string("has the weight \"") + key + "\" " + printable(weight->dump()) +
                   "; it must be 0 or 1");
      if (value == 0) m_.learn = false;
    }
  }

  void read_reasoning() {
    for (const char* key : {"reasoning_content", "reasoning", "thinking"}) {
      const Value* value = message_.find(key);
      if (!value) continue;
      if (!value->is_string())
        throw fail(std::string("has a \"") + key + "\" (what it thinks) that is no text");
      m_.reasoning_content = value->text();
      reasoning_key_ = key;
      break;
    }
    const std::optional<std::string> block = take_block();
    if (!block) return;
    if (!m_.reasoning_content.empty())
      throw fail("has its reasoning twice: in a key of its own, and in a <think> block");
    m_.reasoning_content = *block;
  }

  static std::string_view without_breaks(std::string_view text, bool at_front, bool at_back) {
    const auto is_break = [](char c) { return c == '\n' || c == '\r'; };
    while (at_front && !text.empty() && is_break(text.front())) text.remove_prefix(1);
    while (at_back && !text.empty() && is_break(text.back())) text.remove_suffix(1);
    return text;
  }

  // The reasoning at the front of the content, which loses it; nothing where there is no block.
  std::optional<std::string> take_block() {
    const std::string_view content = m_.content;
    const bool opens = content.starts_with(kThink);
    const size_t end = content.find(kThinkEnd);
    if (end == content.npos) {
      if (opens) throw fail("opens <think> and never closes it");
      return std::nullopt;
    }
    if (!opens && content.substr(0, end).find(kThink) != content.npos) return std::nullopt;
    const size_t begin = opens ? kThink.size() : 0;
    std::string block(without_breaks(content.substr(begin, end - begin), true, true));
    m_.content = std::string(without_breaks(content.substr(end + kThinkEnd.size()), true, false));
    return block;
  }

  const Value& message_;
  const std::string where_;
  ChatMessage m_;
  std::string_view reasoning_key_;  // the one that is read
  bool has_from_ = false, is_call_ = false, content_is_absent_ = false;
};

}  // namespace

Value value_of_text(const Value& value, const std::string& name) {
  if (!value.is_string()) return value;
  const std::string& text = value.text();
  if (std::all_of(text.begin(), text.end(), is_json_space)) return Value();
  JsonResult json = parse_json(text);
  if (json.fault != JsonFault::kNone)
    throw BadRow{"\"" + name + "\" is a text that should be JSON: " + json.why};
  return std::move(json.value);
}

std::vector<ChatMessage> chat_messages(const Value& list, const std::string& column,
                                       std::vector<model::UnusedMessageKey>* unused) {
  if (!list.is_array()) throw bad_column(column, "is no list of messages");
  std::vector<ChatMessage> messages;
  for (size_t i = 0; i < list.array().size(); ++i) {
    MessageReader reader(list.array()[i],
                         "column \"" + column + "\": message " + std::to_string(i + 1));
    messages.push_back(reader.read());
    reader.add_unused(messages.back().role, unused);
  }
  return messages;
}

ChatMessage assistant_message(const std::string& text, const std::string& column) {
  Value message{Value::Object()};
  message.add("role", Value("assistant"));
  message.add("content", Value(text));
  return MessageReader(message, "column \"" + column + "\"").read();
}

namespace {

Value message_with(const ChatMessage& m, Value (*written_call)(const ChatCall&)) {
  Value one{Value::Object()};
  one.add("role", Value(m.role));
  one.add("content", Value(m.content));
  if (!m.reasoning_content.empty()) one.add("reasoning_content", Value(m.reasoning_content));
  if (!m.tool_calls.empty()) {
    Value::Array calls;
    for (const ChatCall& c : m.tool_calls) calls.push_back(written_call(c));
    one.add("tool_calls", Value(std::move(calls)));
  }
  if (!m.tool_call_id.empty()) one.add("tool_call_id", Value(m.tool_call_id));
  if (!m.name.empty()) one.add("name", Value(m.name));
  return one;
}

Value shown_call(const ChatCall& c) {
  Value call{Value::Object()};
  if (!c.id.empty()) call.add("id", Value(c.id));
  call.add("name", Value(c.name));
  call.add("arguments", c.arguments);
  return call;
}

// OpenAI's: arguments are a text.
Value encoder_call(const ChatCall& c) {
  Value call{Value::Object()}, function{Value::Object()};
  if (!c.id.empty()) call.add("id", Value(c.id));
  call.add("type", Value("function"));
  function.add("name", Value(c.name));
  function.add("arguments", Value(c.arguments.dump()));
  call.add("function", std::move(function));
  return call;
}

}  // namespace

Value shown_messages(const std::vector<ChatMessage>& messages) {
  Value::Array list;
  for (const ChatMessage& m : messages) {
    list.push_back(message_with(m, shown_call));
    if (!m.learn) list.back().add("learn", Value(false));
  }
  return Value(std::move(list));
}

std::string encoder_messages(const std::vector<ChatMessage>& messages) {
  Value::Array list;
  for (const ChatMessage& m : messages) list.push_back(message_with(m, encoder_call));
  return Value(std::move(list)).dump();
}

}  // namespace amalgam::pipeline
