#include "rewards/instruct/python_literal.h"

#include <gtest/gtest.h>

namespace amalgam::rewards {
namespace {

std::string written(std::string_view literal) { return json_of_python(literal).value_or("none"); }

TEST(PythonLiteral, BecomesJson) {
  EXPECT_EQ(written(" {'a': [True, False, None], 'b': (1, -2.5e3,)} "),
            R"({"a":[true,false,null],"b":[1,-2.5e3]})");
  EXPECT_EQ(written("[]"), "[]");
  EXPECT_EQ(written("{}"), "{}");
}

TEST(PythonLiteral, Strings) {
  EXPECT_EQ(written(R"('it\'s "so"')"), R"("it's \"so\"")");
  EXPECT_EQ(written(R"("it's")"), R"("it's")");
  EXPECT_EQ(written(R"('a\n\t\\\x41\u00e9\q')"), "\"a\\u000a\\u0009\\\\A\xC3\xA9\\\\q\"");
  EXPECT_EQ(written(R"('\ud800')"), "\"\xEF\xBF\xBD\"");
}

TEST(PythonLiteral, WhatIsNone) {
  for (const char* text : {"", "x", "[1", "[1 2]", "[,]", "{1: 2}", "{'a'}", "'a", R"('\x4')",
                           R"('\xg0')", "[1] 2", "set()"})
    EXPECT_EQ(written(text), "none") << text;
}

TEST(PythonLiteral, DepthHasALimit) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(written(nested(60)), nested(60));
  EXPECT_EQ(written(nested(70)), "none");
  EXPECT_EQ(written(nested(1000000)), "none");
}

}  // namespace
}  // namespace amalgam::rewards
