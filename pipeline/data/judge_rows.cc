#include "pipeline/data/judge_rows.h"

#include <algorithm>
#include <utility>

#include "configs/error.h"
#include "configs/printable.h"
#include "pipeline/data/forms/bad_row.h"
#include "pipeline/data/forms/parse_json.h"
#include "pipeline/data/forms/row_reader.h"

namespace amalgam::pipeline {
namespace {

using rewards::VerdictForm;

bool is_text(const Value* value) {
  return value && value->is_string() &&
         value->text().find_first_not_of(" \t\r\n") != std::string::npos;
}

std::string last_question(const UnderstoodRow& row) {
  for (auto message = row.prompt.rbegin(); message != row.prompt.rend(); ++message)
    if (message->role == "user") return message->content;
  throw BadRow{"the prompt has no user message, the question that was answered"};
}

rewards::Rubric rubric_of(const Row& row) {
  if (row.rubric.empty())
    throw BadRow{"there is no rubric; add the column \"rubric\", a list of what counts"};
  try {
    return rewards::rubric_from_json(row.rubric);
  } catch (const Error& e) {
    throw BadRow{e.what()};
  }
}

double label_of(const Value& value) {
  if (value.is_bool()) return value.boolean() ? 1 : 0;
  if (!value.is_number() || !(value.number() >= 0 && value.number() <= 1))
    throw bad_column("labels", "has " + printable(value.dump()) +
                                   "; a label is true, false or a number from 0 to 1");
  return value.number();
}

void take_labelled(const Value& columns, JudgeRow* row) {
  const Value* answer = columns.find("answer");
  if (!is_text(answer))
    throw BadRow{"there is no answer; add the column \"answer\", the text that is judged"};
  row->answer = answer->text();
  const Value* labels = columns.find("labels");
  const size_t num_criteria = row->rubric.criteria.size();
  if (!labels || !labels->is_array())
    throw BadRow{
        "there are no labels; add the column \"labels\", a list with one for each of the " +
        std::to_string(num_criteria) + " criteria"};
  for (const Value& label : labels->array()) row->labels.push_back(label_of(label));
  if (row->labels.size() != num_criteria)
    throw bad_column("labels", "has " + std::to_string(row->labels.size()) +
                                   " labels for a rubric of " + std::to_string(num_criteria) +
                                   " criteria; give one for each");
}

void take_compared(const Value& columns, JudgeRow* row) {
  const Value* answers = columns.find("answers");
  if (!answers || !answers->is_array() || answers->array().size() != 2 ||
      !is_text(&answers->array()[0]) || !is_text(&answers->array()[1]))
    throw BadRow{"there are no two answers; add the column \"answers\", a list of two texts"};
  row->answer = answers->array()[0].text();
  row->other_answer = answers->array()[1].text();
  const Value* label = columns.find("label");
  for (const auto& [name, value] : {std::pair{"A", 1.0}, {"B", 0.0}, {"tie", 0.5}})
    if (label && label->is_string() && label->text() == name) row->labels = {value};
  if (row->labels.empty())
    throw BadRow{
        "the column \"label\" must be \"A\", \"B\" or \"tie\": which of the answers is better"};
}

JudgeRow judge_row(const ReadRow& read, VerdictForm form) {
  if (!read.problem.empty()) throw BadRow{read.problem};
  JudgeRow row;
  row.place = read.where();
  row.question = last_question(read.understood);
  row.rubric = rubric_of(read.understood.row);
  const Value columns = parse_json(read.understood.row.json).value;
  if (const Value* reference = columns.find("reference")) {
    if (!reference->is_string()) throw bad_column("reference", "must be a text");
    row.reference = reference->text();
  }
  if (form == VerdictForm::kPairwise)
    take_compared(columns, &row);
  else
    take_labelled(columns, &row);
  return row;
}

}  // namespace

std::vector<JudgeRow> read_judge_rows(const std::vector<std::string>& paths, VerdictForm form,
                                      const std::string& python, kernels::ThreadPool& pool) {
  std::vector<JudgeRow> rows;
  const ReadOptions options = {.use = RowUse::kPrompt, .python = python};
  read_rows(find_input_files(paths), options, pool, [&](ReadRow&& read) {
    try {
      rows.push_back(judge_row(read, form));
    } catch (const BadRow& bad) {
      throw Error(read.where() + ": " + bad.why);
    }
  });
  return rows;
}

}  // namespace amalgam::pipeline
