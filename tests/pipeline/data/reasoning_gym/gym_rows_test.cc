#include "pipeline/data/reasoning_gym/gym_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "configs/error.h"
#include "configs/load.h"
#include "tests/error_of.h"
#include "tests/gym_python.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class GymRowsTest : public testing::Test {
 protected:
  GymRowsTest() : python_(tests::gym_python(dir_ / "python")) {}

  GymRows draw(const std::string& data_set, const std::string& more = "", int seed = 1) {
    const configs::RunConfig config = configs::parse_run_config(
        "seed = " + std::to_string(seed) +
            "\n[data]\ntrain_rows = 6\nvalidation_rows = 3\nheldout_rows = 4\nsft_rows = 8\n"
            "[reward]\npython = \"" +
            python_ + "\"\n[[domain]]\nname = \"own\"\ngenerator = \"reasoning_gym:" + data_set +
            "\"\n" + more,
        dir_ / "config.toml");
    return draw_gym_rows(config, config.domains[0]);
  }
  static std::vector<std::string> jsons(const RowStore& rows) {
    std::vector<std::string> all;
    for (size_t i = 0; i < rows.size(); ++i) all.push_back(rows.json(i));
    return all;
  }
  static std::string question(const RowStore& rows, size_t i) {
    const json row = json::parse(rows.json(i));
    return row[row.contains("prompt") ? "prompt" : "messages"][0]["content"];
  }

  TempDir dir_;
  std::string python_;
};

TEST_F(GymRowsTest, RowsAreVerls) {
  const GymRows rows = draw("sums", "generator_config = { terms = 3 }\n");
  EXPECT_EQ(rows.train.size(), 6u);
  EXPECT_EQ(rows.validation.size(), 3u);
  EXPECT_EQ(rows.test.size(), 4u);
  EXPECT_EQ(rows.sft.size(), 8u);
  const json row = json::parse(rows.test.json(1));
  EXPECT_EQ(row["data_source"], "reasoning_gym/sums");
  EXPECT_EQ(row["reward_model"]["style"], "reasoning_gym");
  EXPECT_EQ(row["extra_info"], (json{{"index", 1}, {"split", "test"}}));
  const json truth = row["reward_model"]["ground_truth"];
  EXPECT_EQ(row["prompt"], json::array({{{"role", "user"}, {"content", truth["question"]}}}));
  EXPECT_THAT(truth["question"].get<std::string>(),
              testing::ContainsRegex("Add [0-9]+ and [0-9]+ and [0-9]+\\."));
  const json example = json::parse(rows.sft.json(1));
  EXPECT_FALSE(example.contains("prompt"));
  EXPECT_EQ(example["messages"][1],
            (json{{"role", "assistant"},
                  {"content", example["reward_model"]["ground_truth"]["answer"]}}));
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(question(rows.train, i), question(rows.sft, i));
}

TEST_F(GymRowsTest, TheSeedDecidesThem) {
  const GymRows rows = draw("sums"), again = draw("sums"), other = draw("sums", "", 2);
  EXPECT_EQ(jsons(rows.train), jsons(again.train));
  EXPECT_EQ(jsons(rows.test), jsons(again.test));
  EXPECT_NE(jsons(rows.train), jsons(other.train));
  EXPECT_NE(jsons(rows.test), jsons(other.test));
}

TEST_F(GymRowsTest, NoQuestionIsInTwoSets) {
  // Of 12 questions training has up to 8.
  const GymRows rows =
      draw("sums",
           "generator_config = { terms = 1, largest = 11 }\n"
           "data = { train_rows = 6, sft_rows = 5, validation_rows = 2, heldout_rows = 3 }\n");
  std::set<std::string> questions;
  for (size_t i = 0; i < rows.train.size(); ++i) questions.insert(question(rows.train, i));
  for (const RowStore* set : {&rows.validation, &rows.test})
    for (size_t i = 0; i < set->size(); ++i)
      EXPECT_TRUE(questions.insert(question(*set, i)).second) << question(*set, i);
  EXPECT_EQ(rows.validation.size() + rows.test.size(), 5u);
}

TEST_F(GymRowsTest, TooFewQuestionsAreAnError) {
  const std::string error = tests::error_of([&] { draw("few"); });
  EXPECT_THAT(error, HasSubstr("domain own: reasoning_gym:few makes only 0 validation questions "
                               "that are in no earlier set"));
}

TEST_F(GymRowsTest, WithoutAnAnswerThereIsNoExample) {
  const GymRows rows = draw("pairs");
  EXPECT_EQ(rows.sft.size(), 0u);
  EXPECT_TRUE(json::parse(rows.train.json(0))["extra_info"].contains("entry"));
}

TEST(GymSeed, SplitsAndRoundsAreApart) {
  for (const uint64_t run : {0u, 1u, 77u, 4000000000u}) {
    std::vector<uint32_t> seeds;
    for (const Split split : {Split::kTrain, Split::kValidation, Split::kTest})
      for (const int round : {0, 1, 19}) seeds.push_back(gym_seed(run, split, round));
    EXPECT_TRUE(std::is_sorted(seeds.begin(), seeds.end())) << run;  // none goes round
    for (size_t i = 1; i < seeds.size(); ++i) EXPECT_GE(seeds[i] - seeds[i - 1], 1u << 24);
  }
}

}  // namespace
}  // namespace amalgam::pipeline
