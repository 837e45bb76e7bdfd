#include "rewards/judge/judge_template.h"

#include <gtest/gtest.h>

#include "configs/error.h"

namespace amalgam::rewards {
namespace {

std::string template_fault(const std::string& text, VerdictForm form = VerdictForm::kYesNo) {
  try {
    JudgeTemplate::parse(text, "my.txt", form);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

std::string rendered(const std::string& text, const JudgePrompt& prompt,
                     VerdictForm form = VerdictForm::kYesNo) {
  return JudgeTemplate::parse(text, "my.txt", form).render(prompt);
}

TEST(JudgeTemplate, FillsItsPlacesInOnePass) {
  const JudgePrompt prompt = {.question = "Write {rubric}",
                              .rubric = "1 a\n2 {answer}",
                              .reference = "R}{question}",
                              .answer = "{reference} {{ }} {"};
  EXPECT_EQ(
      rendered("Q {question}|{rubric}\n{{\"a\"}} {{answer}} {answer}{answer}\r\nR {reference}\n",
               prompt),
      "Q Write {rubric}|1 a\n2 {answer}\n{\"a\"} {answer} {reference} {{ }} {{reference} {{ "
      "}} {\nR R}{question}");
}

TEST(JudgeTemplate, FillsBothAnswersOfAPair) {
  EXPECT_EQ(rendered("{answer_b} {answer_a}", {.answer = "x", .other_answer = "y"},
                     VerdictForm::kPairwise),
            "y x");
}

TEST(JudgeTemplate, LeavesOutTheLineOfAReferenceThatIsNotThere) {
  const std::string text =
      "{question}\nRight is: {reference}.\n{answer} ({reference})\n{reference}";
  EXPECT_EQ(rendered(text, {.question = "q", .answer = "a"}), "q\na ()");
  EXPECT_EQ(rendered(text, {.question = "q", .reference = "r", .answer = "a"}),
            "q\nRight is: r.\na (r)\nr");
  EXPECT_EQ(rendered("{reference}\n\n{answer}\n\n", {.answer = "a"}), "\na\n");
  EXPECT_EQ(rendered("{answer}\n", {.reference = "r", .answer = "a"}), "a") << "no place for it";
}

TEST(JudgeTemplate, SaysWhereItIsWrong) {
  EXPECT_EQ(template_fault("{question}\nJudge.\n"),
            "my.txt:2: no place for an answer: add a line with {answer}");
  EXPECT_EQ(template_fault(""), "my.txt:1: no place for an answer: add a line with {answer}");
  EXPECT_EQ(template_fault("a\n{answer_a}", VerdictForm::kPairwise),
            "my.txt:2: no place for an answer: add a line with {answer_b}");
  EXPECT_EQ(
      template_fault("a\n{answer}\n{answer_a}"),
      "my.txt:3: {answer_a} is no place; the places are {question}, {rubric}, {reference} and "
      "{answer}; write {{ and }} for braces that are text");
  EXPECT_EQ(template_fault("{answer}{Answer }\n").substr(0, 30), "my.txt:1: {Answer } is no plac");
  EXPECT_EQ(template_fault("{answer}\n\n{rubric\n}"),
            "my.txt:3: a { that is not closed; write {{ and }} for braces that are text");
  EXPECT_EQ(template_fault("{answer}\n{{answer}\n"),
            "my.txt:2: a } without its {; write {{ and }} for braces that are text");
  EXPECT_EQ(template_fault("{{answer}}"),
            "my.txt:1: no place for an answer: add a line with {answer}");
}

TEST(JudgeTemplate, RubricLines) {
  const Rubric rubric{{{"names the\nitem", 3}, {"is <x>rude", -0.5}, {"é", 1e22}}};
  EXPECT_EQ(rubric_lines(rubric, {"<x>"}), "3 names the item\n-0.5 is < x>rude\n1e+22 é");
}

// The example of a verdict in a built-in template is a verdict of its own form, and the prompt
// holds all that it was given.
TEST(JudgeTemplate, BuiltInOnesShowAVerdictOfTheirForm) {
  const JudgePrompt prompt = {.question = "QUESTION",
                              .rubric = "RUBRIC",
                              .reference = "REFERENCE",
                              .answer = "FIRST",
                              .other_answer = "SECOND"};
  for (const VerdictSpec& spec :
       {VerdictSpec{VerdictForm::kYesNo, 3, 1}, VerdictSpec{VerdictForm::kPoints, 3, 1},
        VerdictSpec{VerdictForm::kPoints, 3, 10}, VerdictSpec{VerdictForm::kPairwise, 1, 1}}) {
    const std::string text = JudgeTemplate::built_in(spec.form, spec.max_points).render(prompt);
    const size_t example = text.find("\nVerdict:");
    ASSERT_NE(example, text.npos);
    const std::string line = text.substr(example + 1, text.find('\n', example + 1) - example);
    EXPECT_EQ(parse_verdict(line, spec).problem, "") << line;
    for (const char* part : {"QUESTION\n", "RUBRIC\n", "REFERENCE\n", "\nFIRST\n"})
      EXPECT_NE(text.find(part), text.npos) << part;
    EXPECT_EQ(text.find("\nSECOND\n") != text.npos, spec.form == VerdictForm::kPairwise);
    EXPECT_EQ(text.find_first_of("{}"), text.npos) << text;
    EXPECT_NE(text.back(), '\n');
  }
  JudgePrompt without = prompt;
  without.reference.clear();
  EXPECT_EQ(JudgeTemplate::built_in(VerdictForm::kYesNo, 1).render(without).find("Reference"),
            std::string::npos);
  EXPECT_NE(JudgeTemplate::built_in(VerdictForm::kPoints, 7)
                .render(prompt)
                .find("from 0 (not met) to 7 (met in full)"),
            std::string::npos);
}

}  // namespace
}  // namespace amalgam::rewards
