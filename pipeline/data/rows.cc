#include "pipeline/data/rows.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "configs/error.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

// OpenAI's and DeepSeek's.
constexpr std::array<std::string_view, 7> kEfforts = {"none", "minimal", "low", "medium",
                                                      "high", "xhigh",   "max"};

// Takes columns out of a row one by one; what is left over at the end is passed through.
class Columns {
 public:
  Columns(ordered_json object, const std::string& where)
      : object_(std::move(object)), where_(where) {}

  // Removes the column and returns it; null if absent (or null).
  ordered_json take(const char* name) {
    const auto it = object_.find(name);
    if (it == object_.end()) return nullptr;
    ordered_json value = std::move(*it);
    object_.erase(it);
    return value;
  }
  std::string take_text(const char* name) {
    const ordered_json value = take(name);
    if (value.is_null()) return "";
    if (!value.is_string()) fail(name, "must be a string");
    return value.get<std::string>();
  }
  std::string take_json(const char* name) {
    const ordered_json value = take(name);
    return value.is_null() ? "" : value.dump();
  }
  std::string rest() const { return object_.empty() ? "" : object_.dump(); }

  [[noreturn]] void fail(const std::string& column, const std::string& what) const {
    throw Error(where_ + ": column \"" + column + "\" " + what);
  }

 private:
  ordered_json object_;
  std::string where_;
};

void check_messages(const ordered_json& messages, const char* column, const Columns& columns) {
  if (!messages.is_array() || messages.empty())
    columns.fail(column, "must be a non-empty list of messages");
  for (const ordered_json& message : messages)
    if (!message.is_object() || !message.contains("role") || !message["role"].is_string())
      columns.fail(column, "has a message without a \"role\"");
}

void take_prompt(Columns* columns, Row* row) {
  ordered_json prompt = columns->take("prompt");
  if (prompt.is_null()) return;
  if (prompt.is_string()) {
    row->prompt_form = PromptForm::kText;
    prompt = ordered_json::array({{{"role", "user"}, {"content", std::move(prompt)}}});
  } else {
    check_messages(prompt, "prompt", *columns);
  }
  row->prompt = prompt.dump();
}

std::string take_messages(Columns* columns) {
  const ordered_json messages = columns->take("messages");
  if (messages.is_null()) return "";
  check_messages(messages, "messages", *columns);
  return messages.dump();
}

void take_reward_model(Columns* columns, Row* row) {
  ordered_json model = columns->take("reward_model");
  if (model.is_null()) return;
  if (!model.is_object()) columns->fail("reward_model", "must be an object");
  const ordered_json style = model.value("style", ordered_json());
  if (!style.is_string()) columns->fail("reward_model", "needs \"style\", a string");
  row->style = style.get<std::string>();
  if (!model.contains("ground_truth")) columns->fail("reward_model", "needs \"ground_truth\"");
  row->ground_truth = model["ground_truth"].dump();
  model.erase("style"), model.erase("ground_truth");
  if (!model.empty()) row->reward_model = model.dump();
}

void put_json(ordered_json* object, const char* name, const std::string& text) {
  if (!text.empty()) (*object)[name] = ordered_json::parse(text);
}

void put_text(ordered_json* object, const char* name, const std::string& text) {
  if (!text.empty()) (*object)[name] = text;
}

}  // namespace

std::string Row::to_json() const {
  ordered_json object = ordered_json::object();
  put_text(&object, "data_source", data_source);
  put_json(&object, "prompt", prompt);
  if (prompt_form == PromptForm::kText) object["prompt"] = object["prompt"][0]["content"];
  put_text(&object, "ability", ability);
  if (!style.empty()) {
    object["reward_model"] = {{"style", style}};
    put_json(&object["reward_model"], "ground_truth", ground_truth);
    if (!reward_model.empty()) object["reward_model"].update(ordered_json::parse(reward_model));
  }
  put_json(&object, "extra_info", extra_info);
  put_json(&object, "tools", tools);
  put_json(&object, "rubric", rubric);
  put_text(&object, "effort", effort);
  put_text(&object, "mode", mode);
  put_json(&object, "messages", messages);
  if (!columns.empty()) object.update(ordered_json::parse(columns));
  return object.dump();
}

std::vector<std::string> Row::column_names() const {
  std::vector<std::string> names;
  for (const auto& [name, text] :
       {std::pair("data_source", &data_source), std::pair("prompt", &prompt),
        std::pair("ability", &ability), std::pair("reward_model", &style),
        std::pair("extra_info", &extra_info), std::pair("tools", &tools),
        std::pair("rubric", &rubric), std::pair("effort", &effort), std::pair("mode", &mode),
        std::pair("messages", &messages)})
    if (!text->empty()) names.push_back(name);
  if (columns.empty()) return names;
  const ordered_json others = ordered_json::parse(columns);
  for (const auto& [name, value] : others.items()) names.push_back(name);
  return names;
}

Row parse_row(const std::string& text, const std::string& where) {
  ordered_json object;
  try {
    object = ordered_json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    throw Error(where + ": not JSON (byte " + std::to_string(e.byte) + "); one object a line");
  } catch (const nlohmann::json::out_of_range&) {
    throw Error(where + ": holds a number beyond the range of a double");
  }
  if (!object.is_object()) throw Error(where + ": a row must be a JSON object");
  Columns columns(std::move(object), where);
  Row row;
  take_prompt(&columns, &row);
  row.messages = take_messages(&columns);
  if (row.prompt.empty() && row.messages.empty())
    columns.fail("prompt", "is missing (text, or a list of messages)");
  row.data_source = columns.take_text("data_source");
  row.ability = columns.take_text("ability");
  take_reward_model(&columns, &row);
  row.extra_info = columns.take_json("extra_info");
  if (!row.extra_info.empty() && row.extra_info[0] != '{')
    columns.fail("extra_info", "must be an object");
  row.tools = columns.take_json("tools");
  row.rubric = columns.take_json("rubric");
  row.effort = columns.take_text("effort");
  if (!row.effort.empty() && !std::count(kEfforts.begin(), kEfforts.end(), row.effort))
    columns.fail("effort", "must be none, minimal, low, medium, high, xhigh or max");
  row.mode = columns.take_text("mode");
  if (!row.mode.empty() && row.mode != "thinking" && row.mode != "chat")
    columns.fail("mode", "must be \"thinking\" or \"chat\"");
  row.columns = columns.rest();
  return row;
}

void write_jsonl(const std::string& path, const std::vector<Row>& rows) {
  std::ofstream file(path, std::ios::trunc);
  for (const Row& row : rows) file << row.to_json() << '\n';
  file.close();
  if (!file) throw Error(path + ": cannot write: " + std::strerror(errno));
}

}  // namespace amalgam::pipeline
