// Which form a row has. The names of columns are those of the data sets as they are published.
#include <utility>

#include "rewards/code/packed_tests.h"
#include "rewards/code/read_io_tests.h"
#include "rewards/code/test_suite.h"

namespace amalgam::rewards {
namespace {

using Kind = Value::Kind;
using Suite = TestSuite::Kind;

// Texts inside texts, as many as data sets have.
constexpr int kMaxNested = 4;

// A column that holds JSON in a text is what the text holds.
void open_text(Value* v) {
  for (int i = 0; i < kMaxNested && v->is(Kind::kText); ++i) {
    const size_t first = v->text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos ||
        std::string_view("[{\"").find(v->text[first]) == std::string_view::npos)
      return;
    auto inner = read_json(v->text);
    if (!inner) return;
    *v = *std::move(inner);
  }
}

Value* column(Value* row, const char* name) {
  Value* const v = row->find(name);
  if (v) open_text(v);
  return v;
}

std::string text_column(Value* row, const char* name) {
  Value* const v = row->find(name);
  return v && v->is(Kind::kText) ? v->text : "";
}

bool has_texts(const Value* v) {
  if (!v || !v->is(Kind::kList)) return false;
  for (const Value& item : v->items)
    if (!item.is(Kind::kText)) return false;
  return !v->items.empty();
}

bool add_statements(Value* list, const std::string& setup, TestSuite* suite) {
  if (!has_texts(list)) return false;
  suite->kind = Suite::kAsserts;
  suite->setup = setup;
  for (Value& statement : list->items) suite->statements.push_back(std::move(statement.text));
  return true;
}

bool add_code(const std::string& code, const std::string& entry_point, const std::string& prompt,
              TestSuite* suite) {
  suite->code = code;
  if (!entry_point.empty() && code.find("def check(") != std::string::npos) {
    suite->kind = Suite::kCheck;
    suite->fn_name = entry_point;
    suite->prompt = prompt;
    return true;
  }
  suite->kind = Suite::kPytest;
  return code.find("def test") != std::string::npos || code.find("class Test") != std::string::npos;
}

// The last name that `code` begins to define.
std::string name_defined(const std::string& code) {
  const size_t def = code.rfind("def ");
  if (def == std::string::npos) return {};
  const size_t begin = def + 4;
  return code.substr(begin, code.find_first_of("( :", begin) - begin);
}

// public_test_cases and private_test_cases, which may be packed.
bool add_live_code_bench(Value* row, TestSuite* suite) {
  Value* const open = column(row, "public_test_cases");
  Value* hidden = column(row, "private_test_cases");
  if (!open && !hidden) return false;
  if (hidden && hidden->is(Kind::kText)) {
    if (hidden->text.empty()) {
      hidden = nullptr;
    } else {
      auto text = unpack_tests(hidden->text);
      if (!text) return false;
      hidden->text = *std::move(text);
      open_text(hidden);
    }
  }
  std::string fn_name;
  if (Value* const metadata = column(row, "metadata")) fn_name = text_column(metadata, "func_name");
  if (fn_name.empty()) fn_name = name_defined(text_column(row, "starter_code"));
  const auto add = [&](Value* list) {
    return !list || list->is(Kind::kNull) || (list->is(Kind::kText) && list->text.empty()) ||
           add_cases(list, fn_name, suite);
  };
  return add(open) && add(hidden);
}

bool add_code_contests(Value* row, TestSuite* suite) {
  bool is_form = false;
  for (const char* name : {"public_tests", "private_tests", "generated_tests"}) {
    Value* const tests = column(row, name);
    if (!tests || tests->is(Kind::kNull)) continue;
    if (!add_columns(tests, suite)) return false;
    is_form = true;
  }
  return is_form;
}

bool add_object(Value* row, TestSuite* suite);

// A ground truth or a column of tests: any form that needs no other column.
bool add_any(Value* v, Value* row, TestSuite* suite) {
  open_text(v);
  if (v->is(Kind::kDict)) return add_object(v, suite);
  if (v->is(Kind::kList)) {
    if (has_texts(v))
      return add_statements(v, row ? text_column(row, "test_setup_code") : "", suite);
    return !v->items.empty() && add_cases(v, row ? text_column(row, "fn_name") : "", suite);
  }
  if (!v->is(Kind::kText)) return false;
  if (row && add_code(v->text, text_column(row, "entry_point"), text_column(row, "prompt"), suite))
    return true;
  if (!row && add_code(v->text, "", "", suite)) return true;
  if (v->text.compare(0, 7, "assert ") != 0) return false;
  suite->kind = Suite::kAsserts;
  suite->statements = {v->text};
  return true;
}

bool has_tests(const TestSuite& suite) {
  switch (suite.kind) {
    case Suite::kStdin:
    case Suite::kCalls:
      return !suite.tests.empty();
    case Suite::kAsserts:
      return !suite.statements.empty();
    default:
      return !suite.code.empty();
  }
}

bool add_object(Value* row, TestSuite* suite) {
  const auto one = [suite](bool is_form) {
    if (is_form && has_tests(*suite)) return true;
    *suite = {};
    return false;
  };
  if (one(add_input_output(row, suite))) return true;
  if (Value* v = column(row, "assert_case");
      v && one(add_statements(v, text_column(row, "setup_code"), suite)))
    return true;
  if (Value* v = column(row, "test_list");
      v && one(add_statements(v, text_column(row, "test_setup_code"), suite)))
    return true;
  if (Value* v = row->find("test");
      v && v->is(Kind::kText) &&
      one(add_code(v->text, text_column(row, "entry_point"), text_column(row, "prompt"), suite)))
    return true;
  if (one(add_live_code_bench(row, suite)) || one(add_code_contests(row, suite))) return true;
  for (const char* name : {"input_output", "verification_info", "test_cases", "tests"})
    if (Value* v = column(row, name); v && one(add_any(v, row, suite))) return true;
  return false;
}

}  // namespace

std::optional<TestSuite> read_tests(const std::string& ground_truth, const std::string& row,
                                    std::string* problem) {
  TestSuite suite;
  std::optional<Value> whole = row.empty() ? std::nullopt : read_json(row);
  Value truth;
  truth.kind = Kind::kText;
  truth.text = ground_truth;
  Value* const columns = whole && whole->is(Kind::kDict) ? &*whole : nullptr;
  if (!ground_truth.empty() && add_any(&truth, columns, &suite) && has_tests(suite)) return suite;
  suite = {};
  if (columns) {
    if (Value* const model = column(columns, "reward_model"))
      if (Value* const own = model->find("ground_truth");
          own && add_any(own, columns, &suite) && has_tests(suite))
        return suite;
    suite = {};
    if (add_object(columns, &suite) && has_tests(suite)) return suite;
  }
  *problem =
      "no tests of a known form: fn_name, inputs, outputs; lists of input and output; asserts; "
      "test code (docs/REWARDS.md)";
  return std::nullopt;
}

}  // namespace amalgam::rewards
