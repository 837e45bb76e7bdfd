#include "pipeline/data/forms/understood_row.h"

#include <algorithm>
#include <array>

#include "pipeline/data/forms/parse_json.h"
#include "pipeline/data/forms/refusals.h"
#include "pipeline/data/forms/rl_row.h"
#include "pipeline/data/forms/row_columns.h"
#include "pipeline/data/forms/sft_row.h"

namespace amalgam::pipeline {
namespace {

// The index that pandas writes.
bool is_index_column(std::string_view name) {
  constexpr std::string_view kBegin = "__index_level_", kEnd = "__";
  if (!name.starts_with(kBegin) || !name.ends_with(kEnd) ||
      name.size() <= kBegin.size() + kEnd.size())
    return false;
  name = name.substr(kBegin.size(), name.size() - kBegin.size() - kEnd.size());
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool is_never_passed(std::string_view name) {
  constexpr std::array<std::string_view, 7> kNames = {
      "prompts",       "completion", "completions", "completion_ids",
      "trainer_state", "log_extra",  "log_metric"};
  return is_index_column(name) || is_media_column(name) ||
         std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

UnderstoodRow understand_row(Value value, std::string_view json, RowUse use) {
  refuse_by_name(value, use);
  UnderstoodRow out;
  out.row.json = json;
  RowColumns columns(std::move(value));
  if (use == RowUse::kPrompt)
    understand_prompt_row(&columns, &out);
  else
    understand_example_row(&columns, &out);
  if (!out.has_form && columns.has("input_ids"))
    throw RefusedRow{
        "have \"input_ids\" alone, tokens of another program; give the text or messages they were "
        "made of"};
  out.understood = columns.understood();
  out.columns = columns.names();
  for (std::string& name : columns.others())
    (use == RowUse::kExample || is_never_passed(name) ? out.ignored : out.passed)
        .push_back(std::move(name));
  return out;
}

Value shown_row(const UnderstoodRow& row) {
  Value shown{Value::Object()};
  const auto add_json = [&](const char* key, const std::string& json) {
    if (!json.empty()) shown.add(key, parse_json(json).value);
  };
  const Row& r = row.row;
  if (!r.prompt.empty()) {
    if (r.prompt_form == PromptForm::kText)
      shown.add("prompt_text", Value(row.prompt[0].content));
    else
      shown.add("prompt_messages", shown_messages(row.prompt));
    add_json("ground_truth", r.ground_truth);
  } else if (!r.text_prompt.empty()) {
    shown.add("prompt_text", Value(r.text_prompt));
    shown.add("completion_text", Value(r.text));
  } else if (!r.text.empty()) {
    shown.add("text", Value(r.text));
  } else if (row.has_parts) {
    shown.add("prompt_messages", shown_messages(row.prompt));
    shown.add("completion_messages", shown_messages(row.messages));
  } else {
    shown.add("messages", shown_messages(row.messages));
  }
  if (!r.tools.empty())
    shown.add("tools", Value(static_cast<int64_t>(parse_json(r.tools).value.array().size())));
  add_json("rubric", r.rubric);
  add_json("tools_kwargs", r.tools_kwargs);
  return shown;
}

}  // namespace amalgam::pipeline
