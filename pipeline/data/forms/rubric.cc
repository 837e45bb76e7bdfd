#include "pipeline/data/forms/rubric.h"

#include "pipeline/data/forms/bad_row.h"

namespace amalgam::pipeline {
namespace {

const Value* first_key(const Value& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (const Value* value = object.find(key)) return value;
  return nullptr;
}

Value point_of(const Value& element, const std::string& column) {
  const Value* text =
      element.is_string() ? &element : first_key(element, {"criterion", "description", "text"});
  if (!text || !text->is_string() || text->text().empty())
    throw bad_column(column,
                     "has an element without a text (\"criterion\", \"description\" or \"text\")");
  const Value* weight = first_key(element, {"points", "weight"});
  if (weight && !weight->is_number())
    throw bad_column(column, "has an element whose weight (\"points\" or \"weight\") is no number");
  Value point{Value::Object()};
  point.add("text", *text);
  point.add("weight", weight ? *weight : Value(int64_t{1}));
  return point;
}

}  // namespace

Value take_rubric(RowColumns* columns) {
  const Found found = first_of(columns, {"rubric", "rubrics"});
  if (!found.value) return Value();
  if (!found.value->is_array()) throw bad_column(found.path, "must be a list of what counts");
  Value::Array rubric;
  for (const Value& element : found.value->array()) rubric.push_back(point_of(element, found.path));
  if (rubric.empty()) return Value();
  columns->understand("rubric", found.path);
  return Value(std::move(rubric));
}

}  // namespace amalgam::pipeline
