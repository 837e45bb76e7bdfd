#include "configs/error.h"
#include "configs/printable.h"
#include "model/encoding/message.h"
#include "model/encoding/python_json.h"

namespace amalgam::model {
namespace {

constexpr std::pair<MessageRole, const char*> kRoles[] = {
    {MessageRole::kSystem, "system"},       {MessageRole::kUser, "user"},
    {MessageRole::kAssistant, "assistant"}, {MessageRole::kTool, "tool"},
    {MessageRole::kDeveloper, "developer"}, {MessageRole::kLatestReminder, "latest_reminder"}};

// One message, with the place to name when something in it is wrong.
class Reader {
 public:
  Reader(std::string where, std::vector<UnusedMessageKey>* unused)
      : where_(std::move(where)), unused_(unused) {}

  Message read(const std::string& json) const {
    Message message;
    bool has_role = false;
    for (const JsonMember& member : members(json, "a message")) {
      const std::string& key = member.key;
      if (key == "role") {
        message.role = role(text(member));
        has_role = true;
      } else if (!member.is_string && member.value == "null") {
        continue;
      } else if (key == "content") {
        message.content = content(member);
      } else if (key == "reasoning_content") {
        message.reasoning_content = text(member);
      } else if (key == "tool_calls") {
        message.tool_calls = tool_calls(member);
      } else if (key == "tool_call_id") {
        message.tool_call_id = text(member);
      } else if (key == "tools") {
        if (!elements(member).empty()) message.tools_json = member.value;
      } else if (key == "response_format") {
        if (member.is_string) fail(key, "must be a JSON schema object");
        if (member.value != "{}") message.response_format_json = member.value;
      } else if (key == "task") {
        message.task = text(member);
      } else if (key == "wo_eos") {
        message.without_eos = member.is_string || (member.value != "false" && member.value != "0");
      } else {
        note(key);
      }
    }
    if (!has_role) fail("role", "is missing");
    note_misplaced(message);
    return message;
  }

 private:
  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    throw Error(where_ + ": '" + key + "' " + what);
  }

  void note(const std::string& key, const char* role = "") const {
    if (unused_) unused_->push_back({key, role});
  }

  // What encode_messages renders for other roles only.
  void note_misplaced(const Message& m) const {
    const char* spelled = "";
    for (const auto& [value, name] : kRoles)
      if (value == m.role) spelled = name;
    const bool assistant = m.role == MessageRole::kAssistant, tool = m.role == MessageRole::kTool;
    const bool system = m.role == MessageRole::kSystem || m.role == MessageRole::kDeveloper;
    if (!assistant && !m.reasoning_content.empty()) note("reasoning_content", spelled);
    if (!assistant && !m.tool_calls.empty()) note("tool_calls", spelled);
    if (!assistant && m.without_eos) note("wo_eos", spelled);
    if (!tool && !m.tool_call_id.empty()) note("tool_call_id", spelled);
    if (tool && !m.task.empty()) note("task", spelled);
    if (!system && !m.response_format_json.empty()) note("response_format", spelled);
  }

  std::vector<JsonMember> members(const std::string& json, const std::string& key) const {
    auto found = python_json_members(json);
    if (!found) fail(key, "must be a JSON object");
    return *std::move(found);
  }

  std::vector<std::string> elements(const JsonMember& member) const {
    auto found = member.is_string ? std::nullopt : python_json_elements(member.value);
    if (!found) fail(member.key, "must be a list");
    return *std::move(found);
  }

  std::string text(const JsonMember& member) const {
    if (!member.is_string) fail(member.key, "must be a string");
    return member.value;
  }

  MessageRole role(const std::string& name) const {
    for (const auto& [value, spelled] : kRoles) {
      if (name == spelled) return value;
    }
    fail("role", "is '" + printable(name) +
                     "'; use system, user, assistant, tool, developer or latest_reminder");
  }

  // A string, or OpenAI's list of blocks of type text.
  std::string content(const JsonMember& member) const {
    if (member.is_string) return member.value;
    std::string joined;
    bool first = true;
    for (const std::string& block : elements(member)) {
      std::string type, block_text;
      for (const JsonMember& part : members(block, "content")) {
        if (part.key == "type")
          type = text(part);
        else if (part.key == "text")
          block_text = text(part);
        else
          note("content." + part.key);
      }
      if (type != "text")
        fail("content", "has a block of type '" + printable(type) + "'; only text is supported");
      joined += (first ? "" : "\n\n") + block_text;
      first = false;
    }
    return joined;
  }

  std::vector<ToolCall> tool_calls(const JsonMember& member) const {
    std::vector<ToolCall> calls;
    for (const std::string& json : elements(member)) {
      ToolCall call;
      bool has_function = false;
      for (const JsonMember& part : members(json, "tool_calls")) {
        if (part.key == "id" && part.is_string) call.id = part.value;
        if (part.key != "id" && part.key != "type" && part.key != "function")
          note("tool_calls." + part.key);
        if (part.key != "function" || part.is_string) continue;
        has_function = true;
        for (const JsonMember& field : members(part.value, "function")) {
          // Arguments: a string holding JSON, as OpenAI has it, or the object itself.
          if (field.key == "name")
            call.name = text(field);
          else if (field.key == "arguments")
            call.arguments_json = field.value;
          else
            note("tool_calls.function." + field.key);
        }
      }
      if (!has_function) fail("tool_calls", "has a call without 'function'");
      if (call.name.empty()) fail("tool_calls", "has a call without a name");
      calls.push_back(std::move(call));
    }
    return calls;
  }

  std::string where_;
  std::vector<UnusedMessageKey>* unused_;
};

std::string tool_calls_to_json(const std::vector<ToolCall>& calls) {
  std::string out = "[";
  for (const ToolCall& call : calls) {
    out += out.size() > 1 ? ", {" : "{";
    if (!call.id.empty()) out += "\"id\": " + python_json_string(call.id) + ", ";
    out += "\"type\": \"function\", \"function\": {\"name\": " + python_json_string(call.name) +
           ", \"arguments\": " + python_json_string(call.arguments_json) + "}}";
  }
  return out + "]";
}

}  // namespace

const std::vector<std::string>& message_keys() {
  static const std::vector<std::string> kKeys = {
      "role",         "content", "reasoning_content", "tool_calls",
      "tool_call_id", "tools",   "response_format",   "task",
      "wo_eos"};
  return kKeys;
}

std::vector<Message> messages_from_json(const std::string& json_text, const std::string& origin,
                                        std::vector<UnusedMessageKey>* unused) {
  const auto elements = python_json_elements(json_text);
  if (!elements) throw Error(origin + ": messages must be a JSON array");
  std::vector<Message> messages;
  for (const std::string& json : *elements) {
    const Reader reader(origin + ": message " + std::to_string(messages.size()), unused);
    messages.push_back(reader.read(json));
  }
  return messages;
}

std::string messages_to_json(const std::vector<Message>& messages) {
  std::string out = "[";
  for (const Message& message : messages) {
    const auto put = [&](const char* key, const std::string& text) {
      if (!text.empty()) out += std::string(", \"") + key + "\": " + python_json_string(text);
    };
    out += out.size() > 1 ? ", {" : "{";
    for (const auto& [role, spelled] : kRoles) {
      if (role == message.role) out += "\"role\": " + python_json_string(spelled);
    }
    out += ", \"content\": " + python_json_string(message.content);
    put("reasoning_content", message.reasoning_content);
    if (!message.tool_calls.empty()) {
      out += ", \"tool_calls\": " + tool_calls_to_json(message.tool_calls);
    }
    put("tool_call_id", message.tool_call_id);
    if (!message.tools_json.empty()) out += ", \"tools\": " + message.tools_json;
    if (!message.response_format_json.empty()) {
      out += ", \"response_format\": " + message.response_format_json;
    }
    put("task", message.task);
    if (message.without_eos) out += ", \"wo_eos\": true";
    out += "}";
  }
  return out + "]";
}

std::string completion_to_json(const Message& message) {
  return "{\"role\": \"assistant\", \"content\": " + python_json_string(message.content) +
         ", \"reasoning_content\": " + python_json_string(message.reasoning_content) +
         ", \"tool_calls\": " + tool_calls_to_json(message.tool_calls) + "}";
}

std::string turn_to_json(const Message& message) {
  return message.role == MessageRole::kTool
             ? "{\"role\": \"tool\", \"content\": " + python_json_string(message.content) + "}"
             : completion_to_json(message);
}

}  // namespace amalgam::model
