#include "rewards/math/math_answer.h"

#include <gtest/gtest.h>

namespace amalgam::rewards {
namespace {

double reward(const std::string& solution, const std::string& truth) {
  const Score score = score_math_answer(solution, truth);
  EXPECT_EQ(score.status, Status::kScored) << score.detail;
  return score.reward;
}

TEST(MathAnswer, SpellingsOfTheAnswer) {
  for (const char* text : {"1024",
                           " 1024\n",
                           "1,024",
                           "1024.0",
                           "\\boxed{1024}",
                           "+1024",
                           "1.024e3",
                           "$1024$",
                           "**1024**",
                           "1024.",
                           "The answer is 1024.",
                           "Answer: 1,024 apples",
                           "512 + 512 = 1024",
                           "x = 1024",
                           "#### 1024",
                           "2^10=1024",
                           "so \\boxed{1{,}024}",
                           "\\boxed{x = 1024 \\text{ m}}",
                           "First \\boxed{7}, no: \\boxed{1024}",
                           "$1,024",
                           "1024 (checked)",
                           "1024%"})
    EXPECT_EQ(reward(text, "\"1024\""), 1) << text;
}

TEST(MathAnswer, OtherAnswers) {
  for (const char* text :
       {"", "none", "1025", "-1024", "10 24", "1024 or 1025", "\\boxed{}", "\\boxed{1024, 1025}",
        "The answer is 7, not 1024", "x1024", "1024e1", "1.024", "0x1024", "1024/3"})
    EXPECT_EQ(reward(text, "\"1024\""), 0) << text;
}

TEST(MathAnswer, SignsAndOperators) {
  EXPECT_EQ(reward("-5", "\"-5\""), 1);
  EXPECT_EQ(reward("x = -5", "-5"), 1);
  EXPECT_EQ(reward("\u22125", "-5"), 1);
  EXPECT_EQ(reward("8-5", "-5"), 0);  // a difference, not minus five
  EXPECT_EQ(reward("8-5", "5"), 1);
  EXPECT_EQ(reward("(3)-5", "-5"), 0);
}

TEST(MathAnswer, GroundTruthSpellings) {
  EXPECT_EQ(reward("1024", "1024"), 1);
  EXPECT_EQ(reward("1024", "1024.0"), 1);
  EXPECT_EQ(reward("1024", "\"1,024\""), 1);
  EXPECT_EQ(reward("0.5", "\"\\\\frac{1}{2}\""), 1);
  EXPECT_EQ(reward("123456789012345678901234567890", "123456789012345678901234567890"), 1);
  EXPECT_EQ(reward("123456789012345678901234567891", "123456789012345678901234567890"), 0);
  for (const char* truth :
       {"", "\"\"", "\" \"", "\"$\"", "null", "[1]", "[]", "[\"1\", \"\"]", "{}", "{"}) {
    EXPECT_EQ(score_math_answer("1", truth).status, Status::kBadRow) << truth;
    EXPECT_TRUE(problem_of_math(truth)) << truth;
  }
  for (const char* truth : {"1", "\"ten\"", "\"1 2\"", "\"\\\\frac{\"", R"(["1", "2"])"}) {
    EXPECT_EQ(score_math_answer("5", truth).status, Status::kScored) << truth;
    EXPECT_FALSE(problem_of_math(truth)) << truth;
  }
}

TEST(MathAnswer, HostileTextIsOnlyText) {
  EXPECT_EQ(reward(std::string(100000, '9'), "\"9\""), 0);
  EXPECT_EQ(reward("\\boxed{" + std::string(1000, '{'), "\"9\""), 0);
  EXPECT_EQ(reward(std::string("9\0", 2) + "\xff\xfe", "\"9\""), 1);
  EXPECT_EQ(reward("9" + std::string(1000, '/'), "\"9\""), 1);
}

}  // namespace
}  // namespace amalgam::rewards
