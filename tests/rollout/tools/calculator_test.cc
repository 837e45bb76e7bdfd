#include "rollout/tools/calculator.h"

#include <gtest/gtest.h>

namespace amalgam::rollout {
namespace {

TEST(Calculator, Values) {
  const std::pair<const char*, const char*> cases[] = {
      {"93710 + 552", "94262"},
      {"552-93710", "-93158"},
      {"18492 * 39", "721188"},
      {"2 + 3 * 4", "14"},
      {"(2 + 3) * 4", "20"},
      {"10 - 4 - 3", "3"},
      {"100 / 5 / 2", "10"},
      {"-3 * -2", "6"},
      {"+5", "5"},
      {"2 - -2", "4"},
      {"7/2", "3.5"},
      {"1/3", "0.333333"},
      {"2/3", "0.666667"},
      {"-2/3", "-0.666667"},
      {"1/3*3", "1"},
      {"0.1 + 0.2", "0.3"},
      {".5 * 4", "2"},
      {"1/10000000", "0"},
      {"-1/10000000", "0"},
      {"0.0000005", "0.000001"},
      {"1/8", "0.125"},
      {"3 \u00d7 4 \u00f7 6 \u2212 1", "1"},
      {"9223372036854775807", "9223372036854775807"},
      {"3000000000 * 3000000000", "9000000000000000000"},
  };
  for (const auto& [expression, value] : cases) {
    EXPECT_TRUE(calculate(expression).ok) << expression;
    EXPECT_EQ(calculate(expression).text, value) << expression;
  }
}

TEST(Calculator, Errors) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "a number is missing"},
      {"2 +", "a number is missing"},
      {"2 3", "cannot read it after the first number"},
      {"(2", "a parenthesis is not closed"},
      {"2)", "cannot read it after the first number"},
      {"1/0", "division by zero"},
      {"1/(2-2)", "division by zero"},
      {"__import__('os')", "a number is missing"},
      {"2 ** 3", "a number is missing"},
      {"9223372036854775808", "number too large"},
      {"4000000000 * 4000000000", "number too large"},
      {"9223372036854775807 + 1", "number too large"},
      {"0.00000000000000000001", "number too large"},
      {std::string(256, '1'), "number too large"},
      {std::string(257, '1'), "the expression is too long"},
      {std::string(100, '('), "nested too deeply"},
      {std::string(100, '-') + "1", "nested too deeply"},
      {std::string("1\0+1", 4), "cannot read it after the first number"},
      {"\xff", "a number is missing"},
  };
  for (const auto& [expression, what] : cases) {
    EXPECT_FALSE(calculate(expression).ok) << expression;
    EXPECT_EQ(calculate(expression).text, what) << expression;
  }
}

}  // namespace
}  // namespace amalgam::rollout
