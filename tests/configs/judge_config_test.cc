#include <gtest/gtest.h>

#include "configs/error.h"
#include "configs/load.h"
#include "tests/error_of.h"

namespace amalgam::configs {
namespace {

// A judge with nothing to say against it, and `more`.
std::string judge_refusal(const std::string& more, const std::string& domain = "",
                          const std::string& source = "train_file = \"a.jsonl\"\n") {
  return tests::error_of([&] {
    parse_run_config("[[domain]]\nname = \"d\"\n" + source + domain + "[domain.judge]\n" + more,
                     "test");
  });
}

constexpr char kYesNo[] = "form = \"yes_no\"\n";
constexpr char kFunction[] = "reward_file = \"a.py\"\n";

TEST(JudgeConfigTest, WhatTrainsItHasLabels) {
  EXPECT_EQ(judge_refusal(kYesNo, kFunction), "");
  EXPECT_EQ(judge_refusal(std::string(kYesNo) + "train_file = \"l.jsonl\""), "");
  EXPECT_EQ(judge_refusal(std::string(kYesNo) + "ratio = 0"), "");
  EXPECT_EQ(judge_refusal(std::string(kYesNo) + "weights = \"base\""), "");
  EXPECT_EQ(judge_refusal(std::string(kYesNo) + "model = \"m\""), "");
  EXPECT_EQ(judge_refusal(kYesNo, "rl.steps = 0\n"), "");
  for (const auto& [judge, domain] : {std::pair{"", ""}, {"label_share = 0", kFunction}})
    EXPECT_NE(judge_refusal(std::string(kYesNo) + judge, domain).find("nothing has labels"),
              std::string::npos);
}

TEST(JudgeConfigTest, WhatChoosesAStep) {
  for (const char* by : {"auto", "last", "agreement"})
    EXPECT_EQ(judge_refusal(kYesNo, kFunction + std::string("rl.select_by = \"") + by + "\"\n"),
              "");
  for (const char* by : {"reward", "accuracy"})
    EXPECT_NE(judge_refusal(kYesNo, kFunction + std::string("rl.select_by = \"") + by + "\"\n")
                  .find("is the last, or chosen by agreement"),
              std::string::npos);
  const std::string agreement = "rl.select_by = \"agreement\"\n";
  EXPECT_NE(judge_refusal("", kFunction + agreement).find("judge.form is none"), std::string::npos);
  const std::string trained = std::string(kYesNo) + "train_file = \"l.jsonl\"\n";
  EXPECT_NE(judge_refusal(trained, agreement).find("agreement needs labels"), std::string::npos);
  EXPECT_EQ(judge_refusal(trained + "heldout_file = \"h.jsonl\"", agreement), "");
}

TEST(JudgeConfigTest, WhatDoesNotGoWithIt) {
  EXPECT_NE(judge_refusal(kYesNo, "", "generator = \"math\"\n").find("rows have no rubric"),
            std::string::npos);
  EXPECT_NE(judge_refusal(std::string(kYesNo) + "ratio = 0",
                          "reward.verifier = [{ style = \"regex\" }]\n")
                .find("its answers are judged"),
            std::string::npos);
  EXPECT_NE(judge_refusal("form = \"pairwise\"\nreward = \"brier\"", kFunction).find("of pairwise"),
            std::string::npos);
  EXPECT_EQ(judge_refusal("form = \"pairwise\"", kFunction), "");
  EXPECT_NE(
      judge_refusal("form = \"pairwise\"\nratio = 0").find("validations and evaluations need"),
      std::string::npos);
}

// A judge scores the samples of RL: a distillation with rewards has none.
TEST(JudgeConfigTest, NoneScoresADistillation) {
  const std::string distill = "[distill]\nrollout.n = 4\nreward_coef = ";
  EXPECT_NE(judge_refusal(kYesNo + distill + "0.5\n", kFunction)
                .find("distill.reward_coef: a judge scores domain 'd'"),
            std::string::npos);
  EXPECT_EQ(judge_refusal(kYesNo + distill + "0\n", kFunction), "");
}

}  // namespace
}  // namespace amalgam::configs
