#include "pipeline/commands/answer_rows.h"

#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

// Half a surrogate pair, as Python's json writes of a text that was cut, becomes U+FFFD.
std::string without_lone_surrogates(std::string line) {
  const auto unit_at = [&](size_t at) -> int {
    if (at + 6 > line.size() || line[at] != '\\' || line[at + 1] != 'u') return -1;
    const std::string digits = line.substr(at + 2, 4);
    if (digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) return -1;
    return std::stoi(digits, nullptr, 16);
  };
  for (size_t at = 0; (at = line.find('\\', at)) != std::string::npos;) {
    const int unit = unit_at(at);
    if (unit < 0) {
      at += 2;
      continue;
    }
    const int next = unit_at(at + 6);
    const bool is_pair = unit >= 0xd800 && unit < 0xdc00 && next >= 0xdc00 && next < 0xe000;
    if (!is_pair && unit >= 0xd800 && unit < 0xe000) line.replace(at, 6, "\\ufffd");
    at += is_pair ? 12 : 6;
  }
  return line;
}

ordered_json parse_row(const std::string& line) {
  ordered_json row;
  try {
    row = ordered_json::parse(without_lone_surrogates(line));
  } catch (const ordered_json::parse_error& e) {
    throw Error("not JSON (byte " + std::to_string(e.byte) + ")");
  }
  if (!row.is_object()) throw Error("a row must be a JSON object");
  return row;
}

// What a function is told of the sample, as in a run (docs/REWARDS.md); null where it is not known.
ordered_json sample_info(const ordered_json& row, const rewards::ScoreRequest& r) {
  ordered_json messages = ordered_json::array();
  if (const auto prompt = row.find("prompt"); prompt != row.end()) {
    if (prompt->is_array()) messages = *prompt;
    if (prompt->is_string()) messages.push_back({{"role", "user"}, {"content", *prompt}});
  }
  const size_t thought = r.solution.size() - r.content.size();
  messages.push_back({{"role", "assistant"},
                      {"reasoning_content", r.solution.substr(0, thought)},
                      {"content", r.content},
                      {"tool_calls", ordered_json::array()}});
  const auto effort = row.find("effort");
  ordered_json info = {{"messages", std::move(messages)},
                       {"finish_reason", "stop"},
                       {"num_turns", 1},
                       {"effort", effort == row.end() ? ordered_json() : *effort},
                       {"response_tokens", nullptr},
                       {"thinking_tokens", nullptr},
                       {"forced_thinking_ends", 0},
                       {"sample_id", r.sample_id}};
  if (r.response_tokens > 0) info["response_tokens"] = r.response_tokens;
  const auto own = row.find("extra_info");
  if (own != row.end() && own->is_object()) info.update(*own);
  return info;
}

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

rewards::ScoreRequest answer_request(const std::string& line, const std::string& style,
                                     const std::string& sample_id) {
  ordered_json row = parse_row(line);
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
  if (close == std::string::npos && r.solution.starts_with(kOpen))
    r.state = rewards::MessageState::kMalformed;  // a thought without an end
  r.data_source = text_member(row, {"data_source", "dataset", "task"});
  r.style = style;
  if (const auto model = row.find("reward_model"); style.empty() && model != row.end())
    if (model->is_object()) r.style = text_member(*model, {"style"});
  r.ground_truth = truth_of(row);
  if (const auto n = row.find("response_tokens"); n != row.end() && n->is_number_integer())
    r.response_tokens = n->get<int64_t>();
  r.sample_id = sample_id;
  r.extra_info = sample_info(row, r).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  r.row = row.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  return r;
}

}  // namespace amalgam::pipeline
