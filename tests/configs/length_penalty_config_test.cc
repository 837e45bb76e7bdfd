#include "configs/length_penalty_config.h"

#include <gtest/gtest.h>

#include "configs/run_config.h"

namespace amalgam::configs {
namespace {

std::string problem_of(const LengthPenaltyConfig& c) {
  const auto problem = c.problem();
  return problem ? problem->key + ": " + problem->what : "";
}

TEST(LengthPenaltyConfigTest, AFormNeedsItsKeys) {
  EXPECT_EQ(problem_of({}), "");
  EXPECT_EQ(problem_of({.form = LengthForm::kLinear}),
            "k: form = \"linear\" needs it, as { none = 0.2, max = 0.001 }");
  EXPECT_EQ(problem_of({.form = LengthForm::kEffort}), "k0: form = \"effort\" needs one above 0");
  EXPECT_EQ(problem_of({.form = LengthForm::kOverlong}),
            "buffer: form = \"overlong\" needs its tokens, at least 1");
  EXPECT_EQ(problem_of({.form = LengthForm::kEfficient}),
            "alpha: form = \"efficient\" needs one above 0");
  EXPECT_EQ(problem_of({.form = LengthForm::kL1Max, .alpha = 0.1}),
            "target: form = \"l1_max\" needs its tokens, at least 1");
  EXPECT_EQ(problem_of({.form = LengthForm::kAlp}), "beta: form = \"alp\" needs one above 0");
  EXPECT_EQ(problem_of({.repetition_ngram = 3}),
            "repetition_ngram: and repetition_max_penalty go together: tokens above 0, a penalty "
            "below 0");
}

TEST(LengthPenaltyConfigTest, KByEffort) {
  EXPECT_EQ(problem_of({.form = LengthForm::kLinear,
                        .k = {{"none", 1}, {"low", 1}, {"7", 1}, {"b1-20", 1}, {"b21-100", 1}}}),
            "");
  for (const char* name : {"medium", "101", "b20-1", "0"})
    EXPECT_EQ(problem_of({.form = LengthForm::kLinear, .k = {{name, 1}}}),
              std::string("k: '") + name +
                  "' is no effort: none, low, high, max, a number from 1 to 100 or a band of them "
                  "as b1-20");
  EXPECT_EQ(problem_of({.form = LengthForm::kLinear, .k = {{"b1-20", 1}, {"b20-40", 2}}}),
            "k: the bands b1-20 and b20-40 share efforts");
  EXPECT_EQ(problem_of({.k = {{"none", 1}}}),
            "k: is that of form = \"linear\", and it is form = \"none\"");
}

TEST(LengthPenaltyConfigTest, EffortsWithoutAPenalty) {
  const LengthPenaltyConfig linear{.form = LengthForm::kLinear, .k = {{"none", 1}, {"b1-20", 1}}};
  EXPECT_EQ(linear.effort_problem("none"), "");
  EXPECT_EQ(linear.effort_problem("20"), "");
  EXPECT_EQ(linear.effort_problem("21"),
            "effort 21 has no k in rl.length_penalty.k; give it one there");
  const LengthPenaltyConfig scalar{.form = LengthForm::kEffort, .k0 = 1};
  EXPECT_EQ(scalar.effort_problem("21"), "");
  EXPECT_EQ(scalar.effort_problem("max"),
            "effort max is no number from 1 to 100, which rl.length_penalty.form = \"effort\" "
            "needs; use form = \"linear\"");
  EXPECT_EQ(LengthPenaltyConfig{}.effort_problem("max"), "");
}

// A domain that names its efforts is refused before anything is computed.
TEST(LengthPenaltyConfigTest, ADomainsEffortsHaveOne) {
  DomainConfig d;
  d.name = "bus", d.generator = Generator::kMath;
  d.efforts.modes = {"none", "max"};
  d.rl.length_penalty = {.form = LengthForm::kLinear, .k = {{"none", 1}}};
  ASSERT_TRUE(d.problem());
  EXPECT_EQ(d.problem()->key, "rl.length_penalty");
  EXPECT_EQ(d.problem()->what,
            "domain 'bus': effort max has no k in rl.length_penalty.k; give it one there");
  d.rl.length_penalty.k["max"] = 0;
  EXPECT_FALSE(d.problem());
}

}  // namespace
}  // namespace amalgam::configs
