// Values of tests: what a row expects and what an answer returned, as data.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::rewards {

struct Value {
  enum class Kind { kNull, kBool, kInt, kFloat, kText, kBytes, kList, kTuple, kDict, kOther };
  Kind kind = Kind::kNull;
  bool truth = false;        // kBool
  double number = 0;         // kFloat
  std::string text;          // kText, kBytes; kInt: its digits, exact whatever their number
  std::vector<Value> items;  // kList, kTuple; kDict: key, value, key, value …

  bool is(Kind k) const { return kind == k; }
  bool is_sequence() const { return kind == Kind::kList || kind == Kind::kTuple; }
  // Of a dict with text keys, the last of that name; null: none.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
};

// JSON; NaN and infinities as Python writes them. Nothing for anything else, and for lists that are
// nested deeper than a few hundred times.
std::optional<Value> read_json(std::string_view text);
std::string write_json(const Value& value);
// What a row expects: JSON, or a literal of Python (True, None, 'text', (1, 2)); else the text
// itself.
Value read_expected(std::string_view text);
// What crossed from an answer's process (harness.h). Nothing unless all of it is one value.
std::optional<Value> read_border(std::string_view bytes);

// Python's ==, but for: a tuple equals a list, and a number as a key equals its decimal text, as
// JSON has no other keys. Numbers are compared exactly, 2.0 == 2 == 2e0 and True == 1.
bool equal(const Value& a, const Value& b);
// The same, and True is no 1.
bool equal_json(const Value& a, const Value& b);

}  // namespace amalgam::rewards
