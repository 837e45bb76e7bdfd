#include "pipeline/run_store/effort_results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pipeline/run_store/results.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class EffortResults : public testing::Test {
 protected:
  void record(const std::string& model, const std::string& domain, double accuracy, double tokens) {
    const std::string stage = evaluation_stage(model, domain, kSampledKind);
    const auto eval = [&](const std::string& metric, Score s) {
      store_.record_eval({stage, model, domain, metric, s});
    };
    eval(kTokensMetric, {tokens, 0.5});
    eval("within/8", {accuracy / 2, 0.02, true});
    eval("within/16", {accuracy, 0.02, true});
    eval("mean@4", {accuracy, 0.02, true});
    eval(kGreedyTokensMetric, {tokens + 1, 0.5});
    eval(kGreedyMetric, {accuracy + 0.01, 0.03, true});
  }

  TempDir directory_;
  RunStore store_{directory_.path()};
};

TEST_F(EffortResults, TablesOfTheDomainsThatHaveModes) {
  for (const char* model : {kBase, kStudent}) {
    record(model, "bus-max", 0.9, 14);
    record(model, "bus-none", 0.3, 3);
    record(model, "math", 0.5, 20);
  }
  const Results results = collect_results(store_);
  ASSERT_EQ(results.efforts.size(), 1u);
  EXPECT_EQ(results.efforts[0].domain, "bus");
  EXPECT_EQ(results.efforts[0].modes[0].first, "none");
  const auto json = nlohmann::json::parse(results_json(results));
  EXPECT_EQ(json["efforts"], nlohmann::json::parse(R"({"bus": {
    "none": {"base": {"accuracy": 0.3, "accuracy_se": 0.02, "tokens": 3, "tokens_se": 0.5},
             "student": {"accuracy": 0.3, "accuracy_se": 0.02, "tokens": 3, "tokens_se": 0.5}},
    "max": {"base": {"accuracy": 0.9, "accuracy_se": 0.02, "tokens": 14, "tokens_se": 0.5},
            "student": {"accuracy": 0.9, "accuracy_se": 0.02, "tokens": 14, "tokens_se": 0.5}}}})"));
  EXPECT_EQ(json["efforts_greedy"]["bus"]["max"]["student"]["tokens"], 15);
  EXPECT_FALSE(json.contains("effort_correlation"));
  EXPECT_EQ(json["metrics"]["math"]["tokens"]["base"]["value"], 20);
  const std::string text = results_text(results);
  EXPECT_THAT(text, HasSubstr("efforts of bus"));
  EXPECT_THAT(text, HasSubstr("90.0 ± 2.0 % 14.0 t"));
  EXPECT_THAT(text,
              HasSubstr("student when longer answers count as 0\n  tokens at most     8    16\n"
                        "  none              15    30\n"));
}

TEST_F(EffortResults, TheCorrelationIsOverAllBands) {
  EffortSums low, high;
  low.add(10, 3), low.add(20, 5);
  high.add(60, 13), high.add(90, 19);
  record(kStudent, "bus-b1-50", 0.3, 4);
  record(kStudent, "bus-b51-100", 0.6, 16);
  low.record(&store_, evaluation_stage(kStudent, "bus-b1-50", kSampledKind));
  high.record(&store_, evaluation_stage(kStudent, "bus-b51-100", kSampledKind));
  const Results results = collect_results(store_);
  EXPECT_NEAR(results.efforts[0].correlation.at(kStudent), 1, 1e-9);
  const auto json = nlohmann::json::parse(results_json(results));
  EXPECT_NEAR(json["effort_correlation"]["bus"]["student"], 1, 1e-9);
}

TEST_F(EffortResults, NoneWithoutModes) {
  record(kBase, "math", 0.5, 20);
  const Results results = collect_results(store_);
  EXPECT_FALSE(nlohmann::json::parse(results_json(results)).contains("efforts"));
  EXPECT_THAT(results_text(results), testing::Not(HasSubstr("efforts")));
}

}  // namespace
}  // namespace amalgam::pipeline
