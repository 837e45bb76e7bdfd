#include "rewards/registry/scorer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "configs/error.h"

namespace amalgam::rewards {
namespace {

ScoreRequest request(const std::string& style, const std::string& truth,
                     const std::string& solution) {
  ScoreRequest r;
  r.style = style, r.ground_truth = truth, r.content = solution;
  return r;
}

ScorerOptions with_fake_sandbox() {
  ScorerOptions options;
  options.code.make_sandbox = [](const sandbox::Limits&, const sandbox::Image&,
                                 std::string* error) {
    *error = "none here";
    return nullptr;
  };
  return options;
}

TEST(Scorer, DispatchesByStyle) {
  const Scorer scorer(with_fake_sandbox());
  EXPECT_EQ(scorer.score(request("math", "\"12\"", "12")).reward, 1);
  EXPECT_EQ(scorer.score(request("agent", "\"12\"", "It is 12.")).reward, 1);
  EXPECT_EQ(scorer.score(request("agent", "\"12\"", "13")).reward, 0);
  EXPECT_EQ(scorer.score(request("instruct", R"({"case": "upper"})", "SUN")).reward, 1);
  ScoreRequest by_row = request("instruct", "", "SUN, CAT");
  by_row.row = R"({"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]})";
  EXPECT_EQ(scorer.score(by_row).reward, 0);
  by_row.content = "SUN";
  EXPECT_EQ(scorer.score(by_row).reward, 1);
  EXPECT_EQ(problem_of_truth("instruct", "", by_row.row), std::nullopt);
  EXPECT_NE(problem_of_truth("instruct", "", R"({"instruction_id_list": ["a:b"]})"), std::nullopt);
  const char* tests = R"({"fn_name": "f", "inputs": [[1]], "outputs": [1]})";
  EXPECT_EQ(scorer.score(request("code", tests, "def f(x): return x")).status,
            Status::kSandboxFailed);
  for (const char* style : {"", "rule", "plugin"})
    EXPECT_EQ(scorer.score(request(style, "\"12\"", "12")).status, Status::kBadRow) << style;
}

TEST(Scorer, IncompleteMessagesScore0) {
  const Scorer scorer(with_fake_sandbox());
  ScoreRequest r = request("math", "\"12\"", "12");
  for (const MessageState state : {MessageState::kTruncated, MessageState::kMalformed}) {
    r.state = state;
    EXPECT_EQ(scorer.score(r).status, Status::kScored);
    EXPECT_EQ(scorer.score(r).reward, 0);
  }
}

TEST(Scorer, AFunctionOfTheUsersScoresEveryStyle) {
  const auto path = std::filesystem::path(testing::TempDir()) /
                    ("scorer_plugin_" + std::to_string(::getpid()) + ".py");
  std::ofstream(path) << "def compute_score(data_source, solution_str, ground_truth, extra_info):\n"
                         "    return {'score': 7.5 if solution_str == 'whole text' else 2}\n";
  ScorerOptions options = with_fake_sandbox();
  options.plugin = PluginOptions{path, "", 30, 60};
  const Scorer scorer(options);
  ScoreRequest r = request("rule", "\"12\"", "whole text");  // the content is not asked for
  EXPECT_EQ(scorer.score(r).reward, 2);
  r.solution = "whole text";
  EXPECT_EQ(scorer.score(r).reward, 7.5);
  for (const char* style : {"math", "agent", "code", "instruct", ""}) {
    r.style = style;
    EXPECT_EQ(scorer.score(r).reward, 7.5) << style;
    r.state = MessageState::kTruncated;  // the function is told, and decides
    EXPECT_EQ(scorer.score(r).reward, 7.5) << style;
  }
  EXPECT_EQ(scorer.by(), ScoredBy::kFunction);
  std::filesystem::remove(path);
}

TEST(Scorer, ATruthThatNoAnswerCanMeetIsKnownBeforehand) {
  const char* tests = R"({"fn_name": "f", "inputs": [[1]], "outputs": [1]})";
  const char* constraints = R"({"num_words": 2, "case": "upper"})";
  const auto problem = [](const char* style, const char* truth) {
    return problem_of_truth(style, truth).value_or("");
  };
  for (const auto& [style, truth] : {std::pair("math", "\"1/2\""), std::pair("agent", "12"),
                                     std::pair("code", tests), std::pair("instruct", constraints)})
    EXPECT_EQ(problem(style, truth), "") << style;
  EXPECT_EQ(problem("math", "\"twelve\""), "ground truth \"twelve\" is not one number");
  EXPECT_NE(problem("agent", "[12]"), "");
  EXPECT_NE(problem("math", ""), "");
  EXPECT_NE(problem("code", R"({"fn_name": "f"})"), "");
  // Also one that an answer could fail to meet before it is looked at.
  EXPECT_EQ(problem("instruct", R"({"num_words": 2, "tone": "kind"})"),
            "ground truth's constraint tone: no such constraint");
  EXPECT_EQ(problem("rule", "12"),
            "reward_model.style \"rule\" is none of math, code, agent, instruct; give the domain a "
            "reward_file");
}

TEST(Scorer, WhatIsNotFiniteIsNoReward) {
  EXPECT_EQ(scored(0.5, "").status, Status::kScored);
  for (const double x : {std::nan(""), HUGE_VAL, -HUGE_VAL})
    EXPECT_EQ(scored(x, "").status, Status::kNotFinite);
}

TEST(Scorer, AMissingPluginIsAnError) {
  ScorerOptions options;
  options.plugin = PluginOptions{"/no/such/file.py", "", 30, 60};
  EXPECT_THROW(Scorer{options}, Error);
}

}  // namespace
}  // namespace amalgam::rewards
