#include "pipeline/commands/answer_rows.h"

#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

// A text, or the content of the last of some messages.
std::string text_of(const ordered_json& solution) {
  if (solution.is_string()) return solution.get<std::string>();
  if (solution.is_array() && !solution.empty() && solution.back().is_object()) {
    const auto content = solution.back().find("content");
    if (content != solution.back().end() && content->is_string())
      return content->get<std::string>();
  }
  throw Error("\"solution\" must be the answer's text, or messages that end in it");
}

std::string text_member(const ordered_json& row, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const auto it = row.find(name); it != row.end() && it->is_string())
      return it->get<std::string>();
  return "";
}

// The column that holds the ground truth, as for training (docs/DATA.md), but for `solution`.
std::string truth_of(const ordered_json& row) {
  const auto model = row.find("reward_model");
  if (model != row.end() && model->is_object())
    if (const auto it = model->find("ground_truth"); it != model->end() && !it->is_null())
      return it->dump();
  for (const char* name : {"ground_truth", "answer", "expected_answer", "verification_info", "gold",
                           "target", "output"})
    if (const auto it = row.find(name); it != row.end() && !it->is_null()) return it->dump();
  return "";
}

}  // namespace

rewards::ScoreRequest answer_request(const std::string& line, const std::string& style) {
  ordered_json row = ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!row.is_object()) throw Error("no JSON object");
  const auto solution = row.find("solution");
  if (solution == row.end() || solution->is_null())
    throw Error("column \"solution\", the answer, is missing");
  rewards::ScoreRequest r;
  r.solution = text_of(*solution);
  row.erase("solution");
  constexpr std::string_view kOpen = "<think>", kClose = "</think>";
  const size_t close = r.solution.rfind(kClose);
  r.content = close == std::string::npos ? r.solution : r.solution.substr(close + kClose.size());
  r.prompt_opens_thought = close != std::string::npos && !r.solution.starts_with(kOpen);
  r.data_source = text_member(row, {"data_source", "dataset", "task"});
  r.style = style;
  if (const auto model = row.find("reward_model"); style.empty() && model != row.end())
    if (model->is_object()) r.style = text_member(*model, {"style"});
  r.ground_truth = truth_of(row);
  if (const auto info = row.find("extra_info"); info != row.end() && info->is_object())
    r.extra_info = info->dump();
  if (const auto n = row.find("response_tokens"); n != row.end() && n->is_number_integer())
    r.response_tokens = n->get<int64_t>();
  r.row = row.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  return r;
}

}  // namespace amalgam::pipeline
