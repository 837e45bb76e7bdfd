#include "pipeline/run_store/judge_results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pipeline/run_store/results.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using testing::HasSubstr;
using testing::Not;

class JudgeResultsTest : public testing::Test {
 protected:
  void record(const std::string& model, const std::string& domain,
              const std::vector<std::pair<std::string, double>>& metrics) {
    for (const auto& [name, value] : metrics)
      store_.record_eval(
          {evaluation_stage(model, domain, kSampledKind), model, domain, name, {value, 0.1}});
  }
  nlohmann::json judge() {
    const auto json = nlohmann::json::parse(results_json(collect_results(store_)));
    return json.contains("judge") ? json["judge"] : nlohmann::json("absent");
  }

  TempDir directory_;
  RunStore store_{directory_.path()};
};

TEST_F(JudgeResultsTest, OfTheSpecialists) {
  record(kBase, "a", {{kJudgeScoreMetric, 0.1}, {kJudgeTruthMetric, 0.2}, {"mean@2", 0.2}});
  record(kSpecialist, "a",
         {{kJudgeScoreMetric, 0.9},
          {kJudgeTruthMetric, 0.75},
          {kJudgeCurrentMetric, 0.8},
          {kJudgeHeldoutMetric, 0.7},
          {"mean@2", 0.75}});
  record(kSpecialist, "b", {{kJudgeScoreMetric, 0.6}, {"mean@2", 0.6}});  // no function
  record(kSpecialist, "c", {{"mean@2", 0.5}});                            // no judge
  EXPECT_EQ(judge(), nlohmann::json::parse(R"({
    "a": {"truth": 0.75, "score": 0.9, "agreement_current": 0.8, "agreement_heldout": 0.7},
    "b": {"truth": null, "score": 0.6, "agreement_current": null, "agreement_heldout": null},
    "c": {"truth": 0.5, "score": null, "agreement_current": null, "agreement_heldout": null}})"));
  const std::string text = judges_text(collect_results(store_));
  EXPECT_THAT(text, HasSubstr("a         90.0    75.0           80.0           70.0\n"));
  EXPECT_THAT(text, HasSubstr("b         60.0       –"));
  EXPECT_THAT(text, HasSubstr("a: the judge gives 15.0 points more than the answers are worth\n"));
  EXPECT_THAT(text, Not(HasSubstr("b: the judge")));
}

TEST_F(JudgeResultsTest, OfTheModelThatWasScored) {
  record(kScored, "a", {{kJudgeScoreMetric, 0.4}, {kJudgeTruthMetric, 0.5}, {"mean@2", 0.5}});
  EXPECT_EQ(judge()["a"]["score"], 0.4);
  EXPECT_EQ(judge()["a"]["truth"], 0.5);
  EXPECT_THAT(judges_text(collect_results(store_)), Not(HasSubstr("points more")));
}

TEST_F(JudgeResultsTest, NoneWithoutAJudge) {
  record(kSpecialist, "c", {{"mean@2", 0.5}});
  EXPECT_EQ(judge(), "absent");
  EXPECT_EQ(judges_text(collect_results(store_)), "");
}

}  // namespace
}  // namespace amalgam::pipeline
