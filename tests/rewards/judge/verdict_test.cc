#include "rewards/judge/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace amalgam::rewards {
namespace {

using testing::ElementsAre;

constexpr VerdictSpec kThree = {VerdictForm::kYesNo, 3, 1};

ParsedVerdict parse_three(const std::string& message) { return parse_verdict(message, kThree); }

TEST(Verdict, OfYesAndNo) {
  for (const char* message :
       {"Verdict: 1 0 1", "a: thanks yes\nb: no\n\nVerdict : 1,0,1\n \n", "Verdict:yes no  YES",
        " \tVerdict \t:  Yes , 0,\t1 \r\n", "the Verdict: is near\nVerdict: 1, 0 1",
        "Verdict 1 1 1\nVerdict: 1 0 1", "Verdicts: 2\nVerdict:1 0 1"}) {
    const ParsedVerdict verdict = parse_three(message);
    EXPECT_EQ(verdict.problem, "") << message;
    EXPECT_THAT(verdict.values, ElementsAre(1, 0, 1)) << message;
  }
}

TEST(Verdict, SaysWhatIsWrong) {
  const auto expect = [](const char* message, const std::string& problem) {
    const ParsedVerdict verdict = parse_three(message);
    EXPECT_EQ(verdict.problem, problem) << message;
    EXPECT_TRUE(verdict.values.empty()) << message;
  };
  expect("", "no line begins with \"Verdict:\"");
  expect("1 0 1", "no line begins with \"Verdict:\"");
  expect("so, Verdict: 1 0 1", "no line begins with \"Verdict:\"");
  expect("**Verdict: 1 0 1**", "no line begins with \"Verdict:\"");
  expect("Verdict: 1 1 1\nVerdict: 1 0 1", "2 lines begin with \"Verdict:\", where only one may");
  expect("verdict: 1 1 1\nVerdict: 1 0 1", "2 lines begin with \"Verdict:\", where only one may");
  expect("VERDICT: 1 0 1", "the verdict line begins with \"VERDICT\", not \"Verdict\"");
  expect("Verdict: 1 0 1\nthat is all", "something stands after the verdict line");
  expect("Verdict:\n1 0 1", "something stands after the verdict line");
  expect("Verdict:", "the verdict has 0 entries, not 3");
  expect("Verdict: 1 0", "the verdict has 2 entries, not 3");
  expect("Verdict: 101", "the verdict has 1 entries, not 3");
  expect("Verdict: 1 0 1 1", "the verdict has 4 entries, not 3");
  expect("Verdict: 1 0 1.", "the verdict has \"1.\", not 1, 0, yes or no");
  expect("Verdict: 1 0 2", "the verdict has \"2\", not 1, 0, yes or no");
  expect("Verdict: 1 0 true", "the verdict has \"true\", not 1, 0, yes or no");
  expect("Verdict: [1 0 1]", "the verdict has \"[1\", not 1, 0, yes or no");
  expect("Verdict: 1 0 \x01", "the verdict has \"\\x01\", not 1, 0, yes or no");
  expect("Verdict: , 1 0 1", "the verdict has a comma with no entry before it");
  expect("Verdict: 1,,0 1", "the verdict has a comma with no entry before it");
  expect("Verdict: 1 0 1,", "the verdict ends in a comma");
  expect("Verdict: 1 ; 0 1", "the verdict has 4 entries, not 3");
}

TEST(Verdict, OfPoints) {
  const VerdictSpec spec = {VerdictForm::kPoints, 2, 10};
  EXPECT_THAT(parse_verdict("Verdict: 10 3", spec).values, ElementsAre(1, 0.3));
  for (const char* entry : {"11", "-1", "+1", "05", "-0", "2.5", "yes", "1e1", "0x1",
                            "99999999999999999999", "3/10", "٣"})
    EXPECT_EQ(parse_verdict(std::string("Verdict: 0 ") + entry, spec).problem,
              std::string("the verdict has \"") + entry + "\", not a whole number from 0 to 10");
}

TEST(Verdict, OfPairs) {
  const VerdictSpec spec = {VerdictForm::kPairwise, 3, 1};
  EXPECT_THAT(parse_verdict("Verdict: A", spec).values, ElementsAre(1));
  EXPECT_THAT(parse_verdict("Verdict: B", spec).values, ElementsAre(0));
  EXPECT_THAT(parse_verdict("Verdict: Tie", spec).values, ElementsAre(0.5));
  for (const char* entry : {"a", "b", "AB", "1", "C"})
    EXPECT_EQ(parse_verdict(std::string("Verdict: ") + entry, spec).problem,
              std::string("the verdict has \"") + entry + "\", not A, B or tie");
  EXPECT_EQ(parse_verdict("Verdict: A B", spec).problem, "the verdict has 2 entries, not 1");
}

}  // namespace
}  // namespace amalgam::rewards
