// A conversation as OpenAI-style messages.
#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace amalgam::model {

enum class MessageRole { kSystem, kUser, kAssistant, kTool, kDeveloper, kLatestReminder };

struct ToolCall {
  std::string name;
  std::string arguments_json;  // a JSON object; anything else is sent as one parameter "arguments"
  std::string id;              // may be empty
};

struct Message {
  MessageRole role = MessageRole::kUser;
  std::string content;
  std::string reasoning_content = {};     // assistant
  std::vector<ToolCall> tool_calls = {};  // assistant
  std::string tool_call_id = {};          // tool: the call it answers
  std::string tools_json = {};            // system, developer: JSON array of OpenAI tools, or empty
  std::string response_format_json = {};  // system, developer: JSON schema, or empty
  std::string task = {};                  // quick instruction: action, query, …; or empty
  bool without_eos = false;               // assistant: the turn is to be continued
};

// A key of a message that no prompt shows.
struct UnusedMessageKey {
  std::string key;   // "name"; inside a call or block "tool_calls.index", "content.detail"
  std::string role;  // that has no use for it; empty: none has
  auto operator<=>(const UnusedMessageKey&) const = default;
};
const std::vector<std::string>& message_keys();  // those below

// Parses a JSON array of messages: role, content (a string, null, or a list of text blocks, which
// are joined by blank lines), reasoning_content, tool_calls, tool_call_id, tools, response_format,
// task, wo_eos. Other keys, and those that the message's role has no use for, are appended to
// *unused (may be null) unless they are null. Throws Error naming `origin`, the message's index
// and the key.
std::vector<Message> messages_from_json(const std::string& json_text, const std::string& origin,
                                        std::vector<UnusedMessageKey>* unused = nullptr);
// The inverse, one JSON array.
std::string messages_to_json(const std::vector<Message>& messages);
// An assistant message as the published parser returns it: role, content, reasoning_content and
// tool_calls, empty or not.
std::string completion_to_json(const Message& message);
// A message after the prompt: a completion, or of a tool result role and content.
std::string turn_to_json(const Message& message);

}  // namespace amalgam::model
