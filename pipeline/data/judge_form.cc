#include "pipeline/data/judge_form.h"

#include <nlohmann/json.hpp>

#include "configs/check.h"
#include "configs/error.h"
#include "configs/printable.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

constexpr char kDoNotChange[] =
    "; fill in labels alone, and leave the rest as `amalgam judge export` wrote it";

ordered_json parsed(const std::string& line) {
  ordered_json json;
  try {
    json = ordered_json::parse(line);
  } catch (const ordered_json::parse_error& e) {
    throw Error("not JSON (byte " + std::to_string(e.byte) + "); a line is one object");
  }
  if (!json.is_object()) throw Error("a line of a form is one JSON object");
  return json;
}

// A text that the policy wrote may end inside a character.
std::string dumped(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

void require_label(const ordered_json& label) {
  const bool is_one =
      label.is_null() || label.is_boolean() || (label.is_number() && label >= 0 && label <= 1);
  if (!is_one)
    throw Error("a label is " + printable(dumped(label)) +
                "; it must be 0, 1, true, false, a number between, or null (not labelled)");
}

FormState state_of_labels(const ordered_json& labels, size_t num_criteria) {
  if (!labels.is_array())
    throw Error("\"labels\" must be a list, with one label for each criterion");
  if (labels.size() != num_criteria)
    throw Error("\"labels\" has " + std::to_string(labels.size()) + ", and the rubric has " +
                std::to_string(num_criteria) + " criteria; give one for each");
  size_t num_null = 0;
  for (const ordered_json& label : labels) {
    require_label(label);
    num_null += label.is_null();
  }
  return num_null == 0              ? FormState::kFilled
         : num_null == num_criteria ? FormState::kBlank
                                    : FormState::kPartly;
}

FormState state_of_label(const ordered_json& label) {
  if (label.is_null()) return FormState::kBlank;
  if (label != "A" && label != "B" && label != "tie")
    throw Error("\"label\" is " + printable(dumped(label)) +
                "; it must be \"A\", \"B\", \"tie\", or null (not labelled)");
  return FormState::kFilled;
}

}  // namespace

std::string JudgeFormEntry::line() const {
  const ordered_json criteria = ordered_json::parse(rubric);
  ordered_json json = {{"id", id}, {"prompt", ordered_json::parse(prompt)}};
  if (is_pair())
    json["answers"] = answers;
  else
    json["answer"] = answers.at(0);
  if (!reference.empty()) json["reference"] = reference;
  json["rubric"] = criteria;
  if (is_pair())
    json["label"] = nullptr;
  else
    json["labels"] = ordered_json::array_t(criteria.size(), nullptr);
  return dumped(json);
}

JudgeFormEntry paired(const JudgeFormEntry& a, const JudgeFormEntry& b) {
  CHECK_EQ(a.answers.size() + b.answers.size(), 2u);
  JudgeFormEntry pair = a;
  pair.id += "+" + b.id.substr(b.id.rfind('/') + 1);
  pair.answers.push_back(b.answers[0]);
  return pair;
}

std::string form_id(const std::string& line) {
  const ordered_json json = parsed(line);
  const auto id = json.find("id");
  if (id == json.end() || !id->is_string())
    throw Error(std::string("there is no \"id\" that says whose labels these are") + kDoNotChange);
  return id->get<std::string>();
}

FormRow form_row(const std::string& line, const JudgeFormEntry& own) {
  ordered_json filled = parsed(line), row = ordered_json::parse(own.line());
  const std::string labels = own.is_pair() ? "label" : "labels";
  for (const auto& [key, value] : row.items()) {
    const auto given = filled.find(key);
    if (given == filled.end()) throw Error("there is no \"" + key + "\"" + kDoNotChange);
    if (key != labels && *given != value)
      throw Error("its \"" + key + "\" is not that of the run" + kDoNotChange);
  }
  const ordered_json& given = filled[labels];
  const FormState state =
      own.is_pair() ? state_of_label(given) : state_of_labels(given, row["rubric"].size());
  if (state != FormState::kFilled) return {state, ""};
  row[labels] = given;
  return {state, dumped(row)};
}

}  // namespace amalgam::pipeline
