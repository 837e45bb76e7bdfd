#include "pipeline/data/forms/sft_row.h"

#include <algorithm>

#include "pipeline/data/forms/bad_row.h"
#include "pipeline/data/forms/common_columns.h"

namespace amalgam::pipeline {
namespace {

enum class ExampleForm {
  kNone,
  kMessages,
  kConversations,
  kTextPair,
  kMessagePair,
  kPromptResponse,
  kInstruction,
  kQuestion,
  kInputOutput,
  kText
};

ExampleForm example_form(RowColumns* columns) {
  const auto has = [&](const char* name) { return columns->has(name); };
  if (has("messages")) return ExampleForm::kMessages;
  if (has("conversations") || has("conversation")) return ExampleForm::kConversations;
  if (has("prompt") && has("completion")) {
    const Value& prompt = *columns->get("prompt");
    const Value& completion = *columns->get("completion");
    if (prompt.is_string() && completion.is_string()) return ExampleForm::kTextPair;
    if (prompt.is_array() && completion.is_array()) return ExampleForm::kMessagePair;
  }
  if (has("prompt") && has("response")) return ExampleForm::kPromptResponse;
  if (has("instruction") && (has("output") || has("response"))) return ExampleForm::kInstruction;
  if (has("question") && (has("response") || has("answer"))) return ExampleForm::kQuestion;
  if (has("input") && has("output")) return ExampleForm::kInputOutput;
  return has("text") ? ExampleForm::kText : ExampleForm::kNone;
}

// The pairs of earlier turns.
void add_history(RowColumns* columns, std::vector<ChatMessage>* messages) {
  const Value* history = columns->get("history");
  if (!history || history->is_empty()) return;
  if (!history->is_array()) throw bad_column("history", "must be a list of pairs of texts");
  for (const Value& pair : history->array()) {
    if (!pair.is_array() || pair.array().size() != 2 || !pair.array()[0].is_string() ||
        !pair.array()[1].is_string())
      throw bad_column("history", "must be a list of pairs of texts");
    messages->push_back({.role = "user", .content = pair.array()[0].text()});
    messages->push_back(assistant_message(pair.array()[1].text(), "history"));
  }
  columns->understand("prompt", "history");
}

// The first of two columns as the answer.
void take_answer(RowColumns* columns, const std::vector<const char*>& names, UnderstoodRow* out) {
  const Found found = first_of(columns, names);
  out->messages = {assistant_message(required_text(*found.value, found.path), found.path)};
  columns->understand("completion", found.path);
}

void take_list(RowColumns* columns, const char* column, const char* field, UnderstoodRow* out,
               std::vector<ChatMessage>* messages) {
  const Value* value = columns->get(column);
  if (!value) throw bad_column(column, "is no list of messages");
  *messages = chat_messages(*value, column, &out->unused_message_keys);
  columns->understand(field, column);
}

void take_prompt_messages(RowColumns* columns, UnderstoodRow* out) {
  const Value& prompt = *columns->get("prompt");
  if (prompt.is_string()) {
    out->prompt = {{.role = "user", .content = prompt_text(prompt)}};
    columns->understand("prompt", "prompt");
    return;
  }
  if (!prompt.is_array()) throw bad_column("prompt", "must be a text or a list of messages");
  take_list(columns, "prompt", "prompt", out, &out->prompt);
  if (out->prompt.empty()) throw bad_column("prompt", "is an empty prompt");
}

void take_user_text(RowColumns* columns, const char* column, UnderstoodRow* out) {
  out->prompt = {{.role = "user", .content = required_text(*columns->get(column), column)}};
  columns->understand("prompt", column);
}

void take_example(RowColumns* columns, ExampleForm form, UnderstoodRow* out) {
  out->has_parts = true;
  switch (form) {
    case ExampleForm::kNone:
      throw BadRow{
          "there is no example: no messages, conversations, prompt + completion (two texts or two "
          "lists of messages), prompt + response, instruction + output, question + answer, input + "
          "output or text"};
    case ExampleForm::kMessages:
      take_list(columns, "messages", "messages", out, &out->messages);
      out->has_parts = false;
      break;
    case ExampleForm::kConversations:
      take_list(columns, columns->has("conversations") ? "conversations" : "conversation",
                "messages", out, &out->messages);
      add_system(columns, "messages", &out->messages);
      out->has_parts = false;
      break;
    case ExampleForm::kTextPair:
      out->row.text_prompt = prompt_text(*columns->get("prompt"));
      out->row.text = required_text(*columns->get("completion"), "completion");
      columns->understand("prompt", "prompt");
      columns->understand("completion", "completion");
      break;
    case ExampleForm::kMessagePair:
      take_prompt_messages(columns, out);
      take_list(columns, "completion", "completion", out, &out->messages);
      break;
    case ExampleForm::kPromptResponse:
      take_prompt_messages(columns, out);
      take_answer(columns, {"response"}, out);
      break;
    case ExampleForm::kInstruction: {
      const ChatMessage asked = instruction_message(columns);
      add_history(columns, &out->prompt);
      out->prompt.push_back(asked);
      add_system(columns, "prompt", &out->prompt);
      take_answer(columns, {"output", "response"}, out);
      break;
    }
    case ExampleForm::kQuestion:
      take_user_text(columns, "question", out);
      add_system(columns, "prompt", &out->prompt);
      take_answer(columns, {"response", "answer"}, out);
      break;
    case ExampleForm::kInputOutput:
      take_user_text(columns, "input", out);
      take_answer(columns, {"output"}, out);
      break;
    case ExampleForm::kText:
      out->row.text = required_text(*columns->get("text"), "text");
      columns->understand("text", "text");
      break;
  }
  if (!out->row.text.empty()) return;
  if (std::none_of(out->messages.begin(), out->messages.end(),
                   [](const ChatMessage& m) { return m.role == "assistant" && m.learn; }))
    throw BadRow{"there is no assistant message to learn from"};
  std::vector<ChatMessage> all = out->prompt;  // which is not learned
  for (ChatMessage& m : all) m.learn = false;
  all.insert(all.end(), out->messages.begin(), out->messages.end());
  size_t num_answers = 0;
  for (const ChatMessage& m : all) {
    if (m.role != "assistant") continue;
    if (!m.learn) out->row.not_learned.push_back(num_answers);
    ++num_answers;
  }
  out->row.messages = encoder_messages(all);
}

}  // namespace

void understand_example_row(RowColumns* columns, UnderstoodRow* out) {
  const auto part = [&](const auto& take) {
    try {
      take();
    } catch (const BadRow& bad) {
      out->problems.push_back(bad.why);
    }
  };
  part([&] {
    const ExampleForm form = example_form(columns);
    out->has_form = form != ExampleForm::kNone;
    take_example(columns, form, out);
  });
  part([&] { out->row.tools = take_tools(columns); });
  part([&] { out->row.effort = take_effort(columns); });
  out->row.id = take_id(columns);
  out->row.mode = take_mode(columns);
}

}  // namespace amalgam::pipeline
