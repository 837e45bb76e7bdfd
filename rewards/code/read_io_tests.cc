#include "rewards/code/read_io_tests.h"

#include <algorithm>
#include <utility>

namespace amalgam::rewards {
namespace {

using Kind = Value::Kind;

bool is_text(const Value* v) { return v && v->is(Kind::kText); }

std::string text_of(const Value* object, const char* name) {
  const Value* v = object->find(name);
  return is_text(v) ? v->text : "";
}

bool is_stream(const Value& v) {
  return v.is(Kind::kText) ||
         (v.is(Kind::kList) && std::all_of(v.items.begin(), v.items.end(),
                                           [](const Value& line) { return is_text(&line); }));
}

// stdin or stdout: a text, or a list of lines.
std::string stream_text(Value* v) {
  if (v->is(Kind::kText)) return std::move(v->text);
  if (!v->is(Kind::kList)) return write_json(*v);
  std::string text;
  for (Value& line : v->items) text += (line.is(Kind::kText) ? line.text : write_json(line)) + '\n';
  return text;
}

TestSuite::Test stdin_test(Value* input, Value* output) {
  return {stream_text(input), stream_text(output), {}};
}

// Arguments that are a text are lines or a list, as the suite says.
TestSuite::Test call_test(Value* input, Value* output) {
  TestSuite::Test test;
  test.input = input->is(Kind::kText) ? std::move(input->text) : write_json(*input);
  test.value = output->is(Kind::kText) ? read_expected(output->text) : std::move(*output);
  return test;
}

}  // namespace

bool add_input_output(Value* object, TestSuite* suite) {
  Value* const inputs = object->find("inputs");
  Value* const outputs = object->find("outputs");
  if (!inputs || !outputs || !inputs->is(Kind::kList) || !outputs->is(Kind::kList) ||
      inputs->items.size() != outputs->items.size())
    return false;
  const Value* const name = object->find("fn_name");
  if (name && !is_text(name) && !name->is(Kind::kNull)) return false;
  suite->fn_name = is_text(name) ? name->text : "";
  suite->kind = suite->fn_name.empty() ? TestSuite::Kind::kStdin : TestSuite::Kind::kCalls;
  suite->has_number_keys = true;
  // Texts are lines of arguments; native values are lists of them, and what they expect is no JSON
  // in a text.
  const bool are_lines = std::all_of(inputs->items.begin(), inputs->items.end(),
                                     [](const Value& v) { return is_text(&v); });
  suite->arguments = are_lines ? TestSuite::Arguments::kLines : TestSuite::Arguments::kList;
  for (size_t i = 0; i < inputs->items.size(); ++i) {
    Value* const input = &inputs->items[i];
    Value* const output = &outputs->items[i];
    if (suite->kind == TestSuite::Kind::kStdin) {
      if (!is_stream(*input) || !is_stream(*output)) return false;
      suite->tests.push_back(stdin_test(input, output));
    } else if (are_lines) {
      suite->tests.push_back(call_test(input, output));
    } else {
      if (!input->is(Kind::kList)) return false;
      suite->tests.push_back({write_json(*input), "", std::move(*output)});
    }
  }
  return true;
}

bool add_cases(Value* list, const std::string& fn_name, TestSuite* suite) {
  if (!list->is(Kind::kList)) return false;
  for (Value& one : list->items) {
    Value* const input = one.find("input");
    Value* const output = one.find("output");
    if (!input || !output) return false;
    std::string type = text_of(&one, "testtype");
    if (type.empty()) type = text_of(&one, "type");
    std::string name = text_of(&one, "fn_name");
    const Value* const metadata = one.find("metadata");
    if (name.empty() && metadata) name = text_of(metadata, "func_name");
    if (name.empty()) name = fn_name;
    const bool is_call =
        type == "functional" || type == "function_call" || (type.empty() && !name.empty());
    if (is_call && name.empty()) return false;
    const auto kind = is_call ? TestSuite::Kind::kCalls : TestSuite::Kind::kStdin;
    if (!suite->tests.empty() && (kind != suite->kind || (is_call && name != suite->fn_name)))
      return false;
    suite->kind = kind;
    if (is_call) {
      suite->fn_name = name;
      suite->arguments = type == "function_call" || !input->is(Kind::kText)
                             ? TestSuite::Arguments::kList
                             : TestSuite::Arguments::kLines;
    }
    suite->tests.push_back(is_call ? call_test(input, output) : stdin_test(input, output));
  }
  return true;
}

bool add_columns(Value* object, TestSuite* suite) {
  Value* const inputs = object->find("input");
  Value* const outputs = object->find("output");
  if (!inputs || !outputs || !inputs->is(Kind::kList) || !outputs->is(Kind::kList) ||
      inputs->items.size() != outputs->items.size())
    return false;
  suite->kind = TestSuite::Kind::kStdin;
  for (size_t i = 0; i < inputs->items.size(); ++i)
    suite->tests.push_back(stdin_test(&inputs->items[i], &outputs->items[i]));
  return true;
}

}  // namespace amalgam::rewards
