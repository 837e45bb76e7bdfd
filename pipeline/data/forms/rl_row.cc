#include "pipeline/data/forms/rl_row.h"

#include <algorithm>
#include <iterator>

#include "pipeline/data/forms/bad_row.h"
#include "pipeline/data/forms/common_columns.h"
#include "pipeline/data/forms/rubric.h"

namespace amalgam::pipeline {
namespace {

// What a row's prompt is made of.
enum class PromptColumn {
  kNone,
  kPrompt,
  kMessages,
  kQuestion,
  kProblem,
  kInstruction,
  kInput,
  kResponses,
  kTask
};

bool ends_in_assistant(const Value& messages) {
  if (!messages.is_array() || messages.array().empty()) return false;
  const Value& last = messages.array().back();
  const Value* role = last.find("role");
  if (!role) role = last.find("from");
  return role && role->is_string() &&
         (role->text() == "assistant" || role->text() == "gpt" || role->text() == "function_call");
}

// Columns that verifiers read from the row as it is: tests of code (APPS and TACO, LiveCodeBench,
// CodeContests, MBPP, HumanEval, KodCode), instructions of IFEval and IFBench.
constexpr const char* kTruthColumns[] = {"input_output",
                                         "public_test_cases",
                                         "private_test_cases",
                                         "metadata",
                                         "public_tests",
                                         "private_tests",
                                         "generated_tests",
                                         "test_list",
                                         "test_setup_code",
                                         "test",
                                         "entry_point",
                                         "test_info",
                                         "starter_code",
                                         "instruction_id_list",
                                         "kwargs"};
constexpr const char* kTruthHeads[] = {
    "input_output", "public_test_cases",  "private_test_cases", "public_tests", "test_list",
    "test",         "instruction_id_list"};

bool has_truth_columns(RowColumns* columns) {
  return std::any_of(std::begin(kTruthHeads), std::end(kTruthHeads),
                     [&](const char* name) { return columns->has(name); });
}

// What rows of such sets call their prompt: LiveCodeBench, CodeContests, MBPP.
constexpr const char* kTaskColumns[] = {"question_content", "description", "text"};

const char* task_column(RowColumns* columns) {
  if (!has_truth_columns(columns)) return nullptr;
  for (const char* name : kTaskColumns)
    if (columns->has(name)) return name;
  return nullptr;
}

PromptColumn prompt_column(RowColumns* columns) {
  if (columns->has("prompt")) return PromptColumn::kPrompt;
  PromptColumn later = PromptColumn::kNone;
  if (columns->has("question"))
    later = PromptColumn::kQuestion;
  else if (columns->has("problem"))
    later = PromptColumn::kProblem;
  else if (columns->has("instruction"))
    later = PromptColumn::kInstruction;
  else if (columns->has("input") && columns->has("output"))
    later = PromptColumn::kInput;
  else if (columns->get_path("responses_create_params.input"))
    later = PromptColumn::kResponses;
  else if (task_column(columns))
    later = PromptColumn::kTask;
  if (!columns->has("messages")) return later;
  if (later == PromptColumn::kNone) return PromptColumn::kMessages;
  const Value* messages = columns->get("messages");
  return messages && !ends_in_assistant(*messages) ? PromptColumn::kMessages : later;
}

void take_prompt(RowColumns* columns, PromptColumn from, UnderstoodRow* out) {
  const auto user = [&](const std::string& text) {
    out->prompt = {{.role = "user", .content = text}};
  };
  const auto text_column = [&](const char* name) {
    user(required_text(*columns->get(name), name));
    columns->understand("prompt", name);
  };
  const auto list_column = [&](const char* path) {
    const Value* value = columns->get_path(path);
    if (!value) throw bad_column(path, "is no list of messages");
    columns->understand("prompt", path);
    out->prompt = chat_messages(*value, path, &out->unused_message_keys);
    if (out->prompt.empty()) throw bad_column(path, "is an empty prompt");
  };
  switch (from) {
    case PromptColumn::kNone:
      throw BadRow{
          "there is no prompt: none of the columns prompt, messages, question, problem, "
          "instruction, input (with output), responses_create_params.input"};
    case PromptColumn::kPrompt: {
      const Value& value = *columns->get("prompt");
      if (value.is_string()) {
        user(prompt_text(value));
        columns->understand("prompt", "prompt");
        out->row.prompt_form = PromptForm::kText;
      } else if (value.is_array()) {
        list_column("prompt");
      } else {
        throw bad_column("prompt", "must be a text or a list of messages");
      }
      break;
    }
    case PromptColumn::kMessages:
      list_column("messages");
      break;
    case PromptColumn::kQuestion:
      text_column("question");
      add_system(columns, "prompt", &out->prompt);
      break;
    case PromptColumn::kProblem:
      text_column("problem");
      add_system(columns, "prompt", &out->prompt);
      break;
    case PromptColumn::kInstruction:
      out->prompt = {instruction_message(columns)};
      add_system(columns, "prompt", &out->prompt);
      break;
    case PromptColumn::kInput:
      text_column("input");
      break;
    case PromptColumn::kTask:
      text_column(task_column(columns));
      break;
    case PromptColumn::kResponses: {
      const char* path = "responses_create_params.input";
      const Value& value = *columns->get_path(path);
      if (value.is_string()) {
        user(required_text(value, path));
        columns->understand("prompt", path);
      } else {
        list_column(path);
      }
      break;
    }
  }
  if (out->prompt.back().role == "assistant")
    throw BadRow{"the prompt ends in an assistant message, so there is nothing to answer"};
}

bool is_no_truth(const Value& value) { return value.is_null() || value.is_empty(); }

void take_truth(RowColumns* columns, PromptColumn prompt, UnderstoodRow* out) {
  if (has_truth_columns(columns)) {
    for (const char* name : kTruthColumns)
      if (columns->has(name)) columns->understand("ground_truth", name);
    out->has_truth = true;
  }
  std::vector<const char*> paths = {"reward_model.ground_truth", "ground_truth",      "answer",
                                    "expected_answer",           "verification_info", "solution"};
  if (prompt == PromptColumn::kInput || prompt == PromptColumn::kInstruction)
    paths.push_back("output");
  const Found found = first_of(columns, paths);
  if (!found.value || is_no_truth(*found.value)) return;
  columns->understand("ground_truth", found.path);
  out->row.ground_truth = found.value->dump();
  out->has_truth = true;
}

void take_reward_model(RowColumns* columns, UnderstoodRow* out) {
  const Value* model = columns->get("reward_model");
  if (!model) return;
  if (!model->is_object()) throw bad_column("reward_model", "must be an object");
  if (const Value* style = model->find("style")) {
    columns->understand("style", "reward_model.style");
    out->row.style = style->is_string() ? style->text() : style->dump();
  }
  Value others{Value::Object()};
  for (const Member& member : model->object())
    if (member.key != "style" && member.key != "ground_truth") others.add(member.key, member.value);
  if (!others.is_empty()) out->row.reward_model = others.dump();
}

void take_data_source(RowColumns* columns, UnderstoodRow* out) {
  for (const char* column : {"data_source", "dataset", "task"}) {
    const Value* value = columns->get(column);
    if (!value) continue;
    if (!value->is_string()) {
      if (column == std::string_view("data_source")) throw bad_column(column, "must be a text");
      continue;
    }
    columns->understand("data_source", column);
    out->row.data_source = value->text();
    return;
  }
}

void take_extra_info(RowColumns* columns, UnderstoodRow* out) {
  const Found found = first_of(columns, {"extra_info", "info"});
  if (!found.value) return;
  if (!found.value->is_object()) throw bad_column(found.path, "(extra_info) must be an object");
  columns->understand("extra_info", found.path);
  out->row.extra_info = found.value->dump();
}

}  // namespace

void understand_prompt_row(RowColumns* columns, UnderstoodRow* out) {
  // Each says what is wrong with its own columns.
  const auto part = [&](const auto& take) {
    try {
      take();
    } catch (const BadRow& bad) {
      out->problems.push_back(bad.why);
    }
  };
  PromptColumn prompt = PromptColumn::kNone;
  bool has_rubric = false;
  part([&] { take_data_source(columns, out); });
  part([&] {
    out->has_form = true;  // unless there is none: a column that is no JSON is one
    prompt = prompt_column(columns);
    out->has_form = prompt != PromptColumn::kNone;
    take_prompt(columns, prompt, out);
    out->row.prompt = encoder_messages(out->prompt);
  });
  part([&] {
    if (const Value* ability = columns->get("ability")) {
      columns->understand("ability", "ability");
      out->row.ability = ability->is_string() ? ability->text() : ability->dump();
    }
  });
  part([&] { take_reward_model(columns, out); });
  part([&] { take_truth(columns, prompt, out); });
  part([&] { take_extra_info(columns, out); });
  part([&] { out->row.tools = take_tools(columns); });
  part([&] {
    const Found found = first_of(columns, {"extra_info.tools_kwargs", "tools_kwargs"});
    if (!found.value) return;
    columns->understand("tools_kwargs", found.path);
    out->row.tools_kwargs = found.value->dump();
  });
  part([&] {
    const Value rubric = take_rubric(columns);
    has_rubric = !rubric.is_null();
    if (has_rubric) out->row.rubric = rubric.dump();
  });
  part([&] { out->row.effort = take_effort(columns); });
  out->row.id = take_id(columns);
  out->row.mode = take_mode(columns);
  if (out->has_truth || has_rubric) return;
  if (columns->has("reward_model"))
    out->problems.push_back(kNoTruth);
  else
    out->lacks_truth = true;
}

}  // namespace amalgam::pipeline
