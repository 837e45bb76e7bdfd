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
  options.code.make_sandbox = [](const sandbox::Limits&, std::string* error) {
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

TEST(Scorer, OtherStylesGoToThePlugin) {
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
  EXPECT_EQ(scorer.score(request("math", "\"12\"", "12")).reward, 1);
  std::filesystem::remove(path);
}

TEST(Scorer, TheBestRewardIsKnownOfBuiltInStyles) {
  for (const char* style : {"math", "agent", "code", "instruct"})
    EXPECT_EQ(best_reward(style), 1) << style;
  for (const char* style : {"", "rule", "plugin"}) EXPECT_FALSE(best_reward(style)) << style;
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
