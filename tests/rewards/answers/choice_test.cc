#include "rewards/answers/choice.h"

#include <gtest/gtest.h>

namespace amalgam::rewards {
namespace {

char letter(const std::string& content) { return chosen_letter(content).value_or('-'); }

TEST(Choice, WaysToSayALetter) {
  for (const char* text : {"B",
                           "(B)",
                           "B.",
                           "**B**",
                           " b) ",
                           "B) forty-two",
                           "The answer is B.",
                           "Answer: (B)",
                           "**Answer:** B",
                           "Final answer: \\boxed{B}",
                           "so \\boxed{\\text{(B)}}",
                           "The answer is: b",
                           "<answer>B</answer>",
                           "the correct option is B",
                           "A is wrong.\nAnswer: B",
                           "$\\textbf{(B)}$",
                           "Answer: B. Because A or C fail.",
                           "\"B\"",
                           "(B) forty-two",
                           "The answer is B, and I am sure",
                           "Answer: B. As A and C fail, it is this."})
    EXPECT_EQ(letter(text), 'B') << text;
}

TEST(Choice, NoLetterIsSpecial) {
  for (const char* text : {"The answer is A because it fits.", "The correct answer is A since x",
                           "Answer: A. Because it is 2.", "\\boxed{A}", "Final choice: A",
                           "The correct option: A", "(A) an apple", "<answer>A</answer>"})
    EXPECT_EQ(letter(text), 'A') << text;
  EXPECT_EQ(letter("The answer is I because it fits."), 'I');
}

TEST(Choice, NoneOrSeveral) {
  for (const char* text :
       {"", "42", "A or B", "The answer is A or B", "A, B", "\\boxed{A, B}", "A/B", "Both",
        "I think it is hard", "a number", "\\boxed{Banana}", "K", "Answer: A and (C)",
        "Answer: A. B. C. D.", "Answer: B or maybe C", "The answer is a number",
        "Answer: A) or (B)", "\\boxed{A}, \\boxed{B}", "B_2"})
    EXPECT_EQ(letter(text), '-') << text;
}

TEST(Choice, TheTruth) {
  EXPECT_EQ(true_letter("\"C\""), 'C');
  EXPECT_EQ(true_letter("\"(c)\""), 'C');
  EXPECT_EQ(true_letter("0"), 'A');
  EXPECT_EQ(true_letter("9"), 'J');
  EXPECT_FALSE(true_letter("10"));
  EXPECT_FALSE(true_letter("\"none\""));
  EXPECT_FALSE(true_letter("null"));
  EXPECT_EQ(score_choice("B", 'B').reward, 1);
  EXPECT_EQ(score_choice("C", 'B').reward, 0);
  EXPECT_EQ(score_choice("A or B", 'B').reward, 0);
}

}  // namespace
}  // namespace amalgam::rewards
