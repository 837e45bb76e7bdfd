#include <gtest/gtest.h>

#include "rewards/math/math_answer.h"

namespace amalgam::rewards {
namespace {

std::string answer(const std::string& text) {
  return score_math_answer("\\boxed{" + text + "}", "\"a ground truth\"").answer;
}

// Votes are counted by this text.
TEST(MathAnswerText, EqualAnswersAreOneText) {
  const std::vector<std::vector<std::string>> kSame = {
      {"3/4", "0.75", "\\frac{3}{4}", "\\dfrac34", "\\frac{6}{8}", "x = \\frac34", "¾"},
      {"1024", "2^{10}", "1{,}024", "1024\\text{ m}", "1.024\\times10^3"},
      {"\\sqrt{2}", "2^{1/2}", "\\frac{2}{\\sqrt2}", "\\sqrt[4]{4}"},
      {"2\\pi", "\\pi\\cdot 2", "\\frac{4\\pi}{2}"},
      {"x+1", "1+x"},
      {"\\{1,2\\}", "\\{2,1\\}"},
      {"1, 2", "2 \\text{ and } 1"},
      {"x \\ge 2", "[2,\\infty)", "2 \\le x"},
      {"\\mathbb{R}\\setminus\\{0\\}", "x \\ne 0", "(-\\infty,0)\\cup(0,\\infty)"},
      {"(1,2)", "\\left(1, \\frac42\\right)"},
      {"\\textbf{(B)}", "B", "(B)"},
      {"\\text{even}", "Even"},
      {"-\\infty", "−∞"}};
  for (const auto& spellings : kSame)
    for (const std::string& text : spellings) {
      EXPECT_EQ(answer(text), answer(spellings[0])) << text;
      EXPECT_FALSE(answer(text).empty()) << text;
    }
}

TEST(MathAnswerText, Numbers) {
  EXPECT_EQ(answer("\\frac{-3}{4}"), "-3/4");
  EXPECT_EQ(answer("2^{10}"), "1024");
  EXPECT_EQ(answer("10^{100}"), "1e100");
  EXPECT_EQ(answer("1e100"), "1e100");
  EXPECT_EQ(answer("-0.0"), "0");
}

TEST(MathAnswerText, OthersDiffer) {
  EXPECT_NE(answer("(1,2)"), answer("(2,1)"));
  EXPECT_NE(answer("(1,2)"), answer("[1,2]"));
  EXPECT_NE(answer("x-1"), answer("1-x"));
  EXPECT_NE(answer("\\sqrt2"), answer("1.41421356237309504880"));
  EXPECT_NE(answer("x<2"), answer("x\\le2"));
}

TEST(MathAnswerText, AlternativesAreAnyOf) {
  EXPECT_EQ(score_math_answer("\\boxed{4}", R"(["3", "4"])").reward, 1);
  EXPECT_EQ(score_math_answer("\\boxed{3}", R"(["3", "4"])").reward, 1);
  EXPECT_EQ(score_math_answer("\\boxed{5}", R"(["3", "4"])").reward, 0);
  EXPECT_EQ(score_math_answer("\\boxed{3,4}", R"(["3", "4"])").reward, 0);
}

// What cannot be read as mathematics is compared as words.
TEST(MathAnswerText, AGroundTruthThatNobodyCanRead) {
  EXPECT_EQ(score_math_answer("\\boxed{\\int_0^1 f}", R"("\\int_0^1 f")").reward, 1);
  EXPECT_EQ(score_math_answer("\\boxed{\\int_0^2 f}", R"("\\int_0^1 f")").reward, 0);
  EXPECT_EQ(score_math_answer("\\boxed{\\{1,2,\\dots\\}}", R"("\\{1, 2, \\dots\\}")").reward, 1);
}

}  // namespace
}  // namespace amalgam::rewards
