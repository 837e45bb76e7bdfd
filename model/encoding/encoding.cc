#include "model/encoding/encoding.h"

#include <algorithm>
#include <map>

#include "configs/error.h"
#include "configs/printable.h"
#include "model/encoding/prompt_writer.h"
#include "model/encoding/python_json.h"
#include "model/tokenizer/encoding_text.h"
#include "model/tokenizer/special_tokens.h"

namespace amalgam::model {
namespace {

// A message as it is rendered; a user turn merges tool and user messages.
struct Turn {
  MessageRole role;
  const Message* message;              // what a user turn began with
  std::vector<const Message*> blocks;  // of a user turn: tool results and texts

  // A turn that began with a tool result has no task.
  const std::string& task() const {
    static const std::string none;
    return message->role == MessageRole::kTool ? none : message->task;
  }
};

bool is_user_text(const Turn& turn) {
  return turn.role == MessageRole::kUser || turn.role == MessageRole::kDeveloper;
}

std::vector<Turn> merge_turns(std::span<const Message> messages) {
  std::vector<Turn> turns;
  for (const Message& message : messages) {
    const bool is_tool = message.role == MessageRole::kTool;
    const bool after_user = !turns.empty() && turns.back().role == MessageRole::kUser;
    if (is_tool ? after_user
                : message.role == MessageRole::kUser && after_user && turns.back().task().empty()) {
      turns.back().blocks.push_back(&message);
    } else {
      turns.push_back({is_tool ? MessageRole::kUser : message.role, &message, {&message}});
    }
  }
  return turns;
}

// Tool results take the order of the calls they answer; user text keeps its place.
void sort_tool_results(std::vector<Turn>& turns) {
  std::map<std::string, size_t> place;  // by call id, of the latest calls
  for (Turn& turn : turns) {
    if (turn.role == MessageRole::kAssistant && !turn.message->tool_calls.empty()) {
      place.clear();
      for (size_t i = 0; i < turn.message->tool_calls.size(); ++i) {
        const std::string& id = turn.message->tool_calls[i].id;
        if (!id.empty()) place[id] = i;
      }
    } else if (turn.role == MessageRole::kUser && !place.empty()) {
      std::vector<const Message*> results;
      for (const Message* block : turn.blocks) {
        if (block->role == MessageRole::kTool) results.push_back(block);
      }
      const auto place_of = [&](const Message* block) {
        const auto found = place.find(block->tool_call_id);
        return found == place.end() ? 0 : found->second;
      };
      std::stable_sort(results.begin(), results.end(), [&](const Message* a, const Message* b) {
        return place_of(a) < place_of(b);
      });
      auto next = results.begin();
      for (const Message*& block : turn.blocks) {
        if (block->role == MessageRole::kTool) block = *next++;
      }
    }
  }
}

std::ptrdiff_t last_user(const std::vector<Turn>& turns) {
  for (size_t i = turns.size(); i > 0; --i) {
    if (is_user_text(turns[i - 1])) return static_cast<std::ptrdiff_t>(i) - 1;
  }
  return -1;
}

class Encoder {
 public:
  Encoder(std::span<const Message> messages, const EncodeOptions& options)
      : options_(options), turns_(merge_turns(messages)) {
    sort_tool_results(turns_);
    const bool any_tools = std::any_of(messages.begin(), messages.end(),
                                       [](const Message& m) { return !m.tools_json.empty(); });
    thinking_ = options.mode == ThinkingMode::kThinking;
    drop_ = options.old_reasoning == OldReasoning::kDrop && !any_tools;
    if (thinking_ && drop_) {
      // Developer messages go with the reasoning that followed them.
      const std::ptrdiff_t last = last_user(turns_);
      std::ptrdiff_t i = 0;
      std::erase_if(turns_, [&](const Turn& turn) {
        return i++ < last && turn.role == MessageRole::kDeveloper;
      });
    }
    last_user_ = last_user(turns_);
  }

  Prompt encode() {
    out_.control(kBos);
    if (!turns_.empty() && thinking_ && options_.effort == ReasoningEffort::kMax) {
      out_.control(kMaxEffortText);
    }
    for (size_t i = 0; i < turns_.size(); ++i) {
      render(i);
      open_next(i);
    }
    return out_.prompt();
  }

 private:
  void render(size_t i) {
    const Turn& turn = turns_[i];
    switch (turn.role) {
      case MessageRole::kSystem:
        out_.literal(turn.message->content);
        sections(*turn.message);
        break;
      case MessageRole::kDeveloper:
        if (turn.message->content.empty()) throw Error("a developer message has no content");
        out_.control(kUserToken);
        out_.literal(turn.message->content);
        sections(*turn.message);
        break;
      case MessageRole::kUser:
      case MessageRole::kTool:
        out_.control(kUserToken);
        user_blocks(turn);
        break;
      case MessageRole::kLatestReminder:
        out_.control(kLatestReminderToken);
        out_.literal(turn.message->content);
        break;
      case MessageRole::kAssistant:
        assistant(i);
        break;
    }
  }

  void user_blocks(const Turn& turn) {
    const char* separator = "";
    for (const Message* block : turn.blocks) {
      out_.control(separator);
      separator = "\n\n";
      if (block->role == MessageRole::kTool) {
        out_.tool_result(block->content);
      } else {
        out_.literal(block->content);
      }
    }
  }

  void sections(const Message& message) {
    if (!message.tools_json.empty()) tools(message);
    if (message.response_format_json.empty()) return;
    const auto schema = python_json(message.response_format_json);
    if (!schema) throw Error("a message's response_format is no JSON");
    out_.control("\n\n");
    out_.control(kResponseFormatHead);
    out_.literal(*schema);
  }

  void tools(const Message& message) {
    const auto elements = python_json_elements(message.tools_json);
    if (!elements) throw Error("a message's tools are no JSON array");
    const bool names = options_.tools == ToolsStyle::kNames;
    if (!names || !message.content.empty()) out_.control("\n\n");
    out_.control(names ? "Tools: " : kToolsHead);
    const char* separator = "";
    for (const std::string& element : *elements) {
      out_.control(separator);
      separator = names ? ", " : "\n";
      const std::string function = member_json(element, "function");
      if (function.empty()) throw Error("a tool has no 'function': " + printable(element));
      out_.literal(names ? signature(function) : function);
    }
    if (!names) out_.control(kToolsTail);
  }

  // The JSON text of a member that is not a string; empty when there is none.
  static std::string member_json(const std::string& object, std::string_view key) {
    for (const JsonMember& member :
         python_json_members(object).value_or(std::vector<JsonMember>())) {
      if (member.key == key && !member.is_string) return member.value;
    }
    return "";
  }

  // "lookup(key)" of a function's schema.
  static std::string signature(const std::string& function) {
    std::string out;
    for (const JsonMember& member :
         python_json_members(function).value_or(std::vector<JsonMember>())) {
      if (member.key == "name" && member.is_string) out = member.value;
    }
    out += "(";
    const char* separator = "";
    const std::string properties = member_json(member_json(function, "parameters"), "properties");
    for (const JsonMember& parameter :
         python_json_members(properties).value_or(std::vector<JsonMember>())) {
      out += separator + parameter.key;
      separator = ", ";
    }
    return out + ")";
  }

  void assistant(size_t i) {
    const Message& message = *turns_[i].message;
    const bool answers_task = i > 0 && !turns_[i - 1].task().empty();
    if (thinking_ && !answers_task && (!drop_ || static_cast<std::ptrdiff_t>(i) > last_user_)) {
      out_.literal(message.reasoning_content);
      out_.control(kThinkEnd);
    }
    out_.literal(message.content);
    if (!message.tool_calls.empty()) tool_calls(message.tool_calls);
    if (!message.without_eos) out_.control(kEos);
  }

  void tool_calls(const std::vector<ToolCall>& calls) {
    out_.control("\n\n<｜DSML｜tool_calls>\n");
    for (const ToolCall& call : calls) {
      out_.control("<｜DSML｜invoke name=\"");
      out_.literal(call.name);
      out_.control("\">\n");
      auto arguments = python_json_members(call.arguments_json);
      if (!arguments) arguments = {{"arguments", true, call.arguments_json}};
      const char* separator = "";
      for (const JsonMember& argument : *arguments) {
        out_.control(separator);
        separator = "\n";
        out_.control("<｜DSML｜parameter name=\"");
        out_.literal(argument.key);
        out_.control(argument.is_string ? "\" string=\"true\">" : "\" string=\"false\">");
        out_.literal(argument.value);
        out_.control("</｜DSML｜parameter>");
      }
      out_.control("\n</｜DSML｜invoke>\n");
    }
    out_.control("</｜DSML｜tool_calls>");
  }

  // What stands between turn i and what the model writes next: only before an answer or a reminder,
  // or at the end of the prompt.
  void open_next(size_t i) {
    if (i + 1 < turns_.size() && turns_[i + 1].role != MessageRole::kAssistant &&
        turns_[i + 1].role != MessageRole::kLatestReminder) {
      return;
    }
    if (!turns_[i].task().empty()) {
      out_.task(turns_[i].task(), options_.mode);
    } else if (is_user_text(turns_[i])) {
      out_.open_answer(thinking_ && (!drop_ || static_cast<std::ptrdiff_t>(i) >= last_user_));
    }
  }

  const EncodeOptions& options_;
  std::vector<Turn> turns_;
  bool thinking_ = false;
  bool drop_ = false;
  std::ptrdiff_t last_user_ = -1;
  PromptWriter out_;
};

}  // namespace

Prompt encode_messages(std::span<const Message> messages, const EncodeOptions& options) {
  return Encoder(messages, options).encode();
}

std::vector<int32_t> prompt_ids(const Tokenizer& tokenizer, const Prompt& prompt) {
  return tokenizer.encode(prompt.text, prompt.literal);
}

}  // namespace amalgam::model
