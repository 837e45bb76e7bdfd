// Messages as they come, in the forms of OpenAI, TRL, ShareGPT and LLaMA-Factory, made alike.
#pragma once
#include <string>
#include <vector>

#include "model/encoding/message.h"
#include "pipeline/data/forms/value.h"

namespace amalgam::pipeline {

struct ChatCall {
  std::string id;  // may be empty
  std::string name;
  Value arguments;  // an object
};

struct ChatMessage {
  std::string role = {};  // system, user, assistant, tool
  std::string content = {};
  std::string reasoning_content = {};        // assistant
  std::vector<ChatCall> tool_calls = {};     // assistant
  std::string tool_call_id = {}, name = {};  // tool
  bool learn = true;                         // assistant: whether it is learned from
};

// `column`: where the messages stand, for what is said of a bad one. Keys that are dropped are
// added to *unused. Throws BadRow.
std::vector<ChatMessage> chat_messages(const Value& list, const std::string& column,
                                       std::vector<model::UnusedMessageKey>* unused);
// Of a text that is one: its reasoning parted from it.
ChatMessage assistant_message(const std::string& text, const std::string& column);

// As `amalgam data check` shows them: keys without a value left out, calls {id, name, arguments}.
Value shown_messages(const std::vector<ChatMessage>& messages);
// As the encoder reads them (model/encoding/message.h): OpenAI's form, one JSON array.
std::string encoder_messages(const std::vector<ChatMessage>& messages);

// A value that may be its own JSON text: that of the text. Throws BadRow, with `name`, for a text
// that is no JSON; null for a blank one.
Value value_of_text(const Value& value, const std::string& name);

}  // namespace amalgam::pipeline
