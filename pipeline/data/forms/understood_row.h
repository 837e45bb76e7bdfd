// What was made of one row.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "model/encoding/message.h"
#include "pipeline/data/forms/chat_messages.h"
#include "pipeline/data/forms/value.h"
#include "pipeline/data/rows.h"

namespace amalgam::pipeline {

struct UnderstoodRow {
  Row row;
  // As `row` has them in JSON; of an example in two parts the prompt, and the answer.
  std::vector<ChatMessage> prompt = {}, messages = {};
  bool has_parts = false;  // an example of prompt and completion

  std::vector<std::pair<const char*, std::string>> understood = {};  // field, column path
  std::vector<std::string> passed = {}, ignored = {};                // columns

  std::vector<std::string> columns = {};  // all that have a value
  std::vector<model::UnusedMessageKey> unused_message_keys = {};

  std::vector<std::string> problems = {};  // all that is wrong with it; empty: it can be used
  // Of its file: whether there is a prompt or example at all, and a ground truth.
  bool has_form = false, has_truth = false;
  bool lacks_truth = false;  // it is bad if another row has one
};

constexpr const char* kNoTruth =
    "there is no ground_truth (and no rubric) to score an answer by, which other rows have";

// A file with such a row is no file of rows for this program. `why` names what it is.
struct RefusedRow {
  std::string why;
};

// `json`: the row as it is given, which the Row keeps. Throws RefusedRow.
UnderstoodRow understand_row(Value columns, std::string_view json, RowUse use);

// Whether a column is handed to no reward function: arguments of TRL's functions, the index of
// pandas, pictures.
bool is_never_passed(std::string_view name);

// What `amalgam data check` shows of it.
Value shown_row(const UnderstoodRow& row);

}  // namespace amalgam::pipeline
