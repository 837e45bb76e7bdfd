// Generated code and agent rows against what will judge and serve them: real Python in a sandbox,
// real tools.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pipeline/data/quickstart/generate.h"
#include "rewards/code/code_tests.h"
#include "rollout/tools/tool_session.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;

class GeneratedInSandbox : public testing::Test {
 protected:
  void SetUp() override {
    std::string error;
    if (!sandbox::create_container({}, &error)) GTEST_SKIP() << "no sandbox here: " << error;
  }
};

TEST_F(GeneratedInSandbox, GoodCodePassesAndCarelessCodeFails) {
  for (const Row& row : generate_sft(Domain::kCode, Split::kTrain, 200, 11, 0.5)) {
    const std::string answer = json::parse(row.messages).back().at("content");
    const rewards::Score score = rewards::score_code_tests(answer, row.ground_truth, "", {});
    EXPECT_EQ(score.status, rewards::Status::kScored) << score.detail;
    const bool is_careless = json::parse(row.extra_info).at("careless");
    EXPECT_EQ(score.reward, is_careless ? 0 : 1) << row.to_json() << score.detail;
  }
}

TEST_F(GeneratedInSandbox, ToolsAnswerAsInTheGoodConversations) {
  for (const Row& row : generate_sft(Domain::kAgent, Split::kTest, 60, 12, 0)) {
    rollout::ToolSession session(row.extra_info, {}, {"calculator", "lookup", "search"});
    std::map<std::string, std::string> results;  // by call id
    for (const auto& message : json::parse(row.messages)) {
      for (const auto& call : message.value("tool_calls", json::array())) {
        const auto& function = call.at("function");
        const auto result = session.call(function.at("name"), function.at("arguments"));
        EXPECT_EQ(result.status, rollout::ToolResult::Status::kOk) << result.detail;
        results[call.at("id")] = result.text;
      }
      if (message.at("role") == "tool") {
        EXPECT_EQ(results.at(message.at("tool_call_id")), message.at("content")) << row.to_json();
      }
    }
  }
}

}  // namespace
}  // namespace amalgam::pipeline
