#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs/domain_config.h"
#include "rewards/programs/plugin.h"
#include "tests/error_of.h"
#include "tests/gym_python.h"
#include "tests/temp_dir.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ReasoningGymTest : public testing::Test {
 protected:
  ReasoningGymTest() {
    domain_.name = "own";
    domain_.reward.python = tests::gym_python(folder_ / "python");
  }
  PluginOptions gym(const std::string& data_set, const std::string& config = "{}") {
    domain_.generator = *configs::parse_generator("reasoning_gym:" + data_set);
    domain_.generator_config.json = config;
    return plugin_options(domain_);
  }
  std::string refusal(const std::string& data_set, const std::string& config = "{}") {
    return tests::error_of([&] { Plugin plugin(gym(data_set, config)); });
  }
  static json entries(Plugin* plugin, const std::string& data_set, int size, int seed = 5) {
    const json line = {
        {"task", data_set}, {"config", json::object()}, {"size", size}, {"seed", seed}};
    return json::parse(plugin->request(line.dump(), 30))["entries"];
  }
  // What the last turn of a sample with this content gets.
  static Score score(Plugin* plugin, const json& entry, const std::string& content,
                     const std::string& finish_reason = "stop") {
    json info = {{"messages",
                  {{{"role", "user"}, {"content", entry["question"]}},
                   {{"role", "assistant"}, {"reasoning_content", "7"}, {"content", content}}}},
                 {"finish_reason", finish_reason}};
    if (entry["exact"].is_string()) info["entry"] = json::parse(entry["exact"].get<std::string>());
    return plugin->score("rl/0/0/0", {{"reasoning_gym/x", "7</think>" + content,
                                       entry["entry"].get<std::string>(), info.dump(), ""}})[0];
  }

  TempDir folder_;
  configs::DomainConfig domain_;
};

TEST_F(ReasoningGymTest, ScoresByItsDataSet) {
  Plugin plugin(gym("sums"));
  EXPECT_EQ(plugin.form(), PluginForm::kVerl);
  EXPECT_THAT(plugin.facts().package, testing::StartsWith("reasoning-gym "));
  EXPECT_TRUE(plugin.facts().files.empty());
  const json entry = entries(&plugin, "sums", 3)[2];
  const std::string truth = entry["answer"];
  EXPECT_EQ(score(&plugin, entry, truth).reward, 1);
  EXPECT_EQ(score(&plugin, entry, truth).answer, truth);
  EXPECT_EQ(score(&plugin, entry, " " + truth + "\n").reward, 1);
  EXPECT_GT(score(&plugin, entry, "It is " + truth).reward, 0);
  EXPECT_LT(score(&plugin, entry, "It is " + truth).reward, 1);
  EXPECT_EQ(score(&plugin, entry, "x").reward, 0);
  EXPECT_EQ(score(&plugin, entry, "").status, Status::kScored);
  EXPECT_EQ(score(&plugin, entry, "").reward, 0);
  EXPECT_EQ(score(&plugin, entry, truth, "submit").reward,
            static_cast<double>(truth.size()) / (truth.size() + 9));  // with "7</think>"
}

TEST_F(ReasoningGymTest, TheLastAnswerTagsCount) {
  Plugin plugin(gym("sums"));
  const json entry = entries(&plugin, "sums", 1)[0];
  const std::string truth = entry["answer"], right = "<answer> " + truth + "\n</answer>";
  EXPECT_EQ(score(&plugin, entry, "It is " + right + ".").reward, 1);
  EXPECT_EQ(score(&plugin, entry, "<answer>1x</answer> no: " + right).reward, 1);
  EXPECT_EQ(score(&plugin, entry, right + " no: <answer>x</answer>").reward, 0);
  EXPECT_EQ(score(&plugin, entry, right + "<answer>x").reward, 1);
  EXPECT_EQ(score(&plugin, entry, "</answer>" + right).reward, 1);
  EXPECT_EQ(score(&plugin, entry, right + "<answer></answer>").reward, 0);
  std::string hostile;
  for (int i = 0; i < 20000; ++i) hostile += "<answer>";
  EXPECT_EQ(score(&plugin, entry, hostile).reward, 0);
}

// What JSON cannot hold comes back as it was: tuples, and keys that are numbers.
TEST_F(ReasoningGymTest, EntriesAreExact) {
  Plugin plugin(gym("pairs"));
  const json entry = entries(&plugin, "pairs", 2)[1];
  EXPECT_TRUE(entry["answer"].is_null());
  EXPECT_EQ(json::parse(entry["entry"].get<std::string>())["metadata"]["pair"],
            json::array({6, 7}));
  EXPECT_EQ(score(&plugin, entry, "6 7").reward, 1);
  EXPECT_EQ(score(&plugin, entry, "7 6").reward, 0);
  EXPECT_EQ(score(&plugin, entry, "").reward, 0);  // never asked
  Plugin sums(gym("sums"));
  EXPECT_TRUE(entries(&sums, "sums", 1)[0]["exact"].is_null());  // `difficulty` does not count
}

TEST_F(ReasoningGymTest, AnAnswerThatCannotBeReadIsWrong) {
  Plugin plugin(gym("fragile"));
  json entry = entries(&plugin, "fragile", 1)[0];
  const Score unreadable = score(&plugin, entry, "no number");
  EXPECT_EQ(unreadable.status, Status::kScored) << unreadable.detail;
  EXPECT_EQ(unreadable.reward, 0);
  EXPECT_EQ(score(&plugin, entry, entry["answer"].get<std::string>()).reward, 1);
  entry["entry"] = R"({"answer": "not one either"})";  // then it is no fault of the answer
  EXPECT_EQ(score(&plugin, entry, "12").status, Status::kVerifierFailed);
}

TEST_F(ReasoningGymTest, EntriesComeFromTheirSeed) {
  Plugin plugin(gym("loose"));
  const json first = entries(&plugin, "loose", 4);
  EXPECT_EQ(entries(&plugin, "loose", 4), first);
  EXPECT_NE(entries(&plugin, "loose", 4, 6), first);
  Plugin other(gym("loose"));
  EXPECT_EQ(entries(&other, "loose", 4), first);
}

TEST_F(ReasoningGymTest, WhatDoesNotWorkIsSaidWhenItIsLoaded) {
  EXPECT_THAT(refusal("sum"),
              HasSubstr("generator reasoning_gym:sum: reasoning-gym has no data set "
                        "sum; did you mean sums?"));
  EXPECT_THAT(refusal("sums", R"({"trems": 3})"),
              HasSubstr("does not work with generator_config {\"trems\": 3}: TypeError"));
  EXPECT_THAT(refusal("sums", R"({"terms": 0})"),
              HasSubstr("AssertionError: terms must be positive"));
  EXPECT_EQ(refusal("sums", R"({"terms": 3})"), "");
  domain_.reward.python = "/usr/bin/python3";
  const std::string without = refusal("sums");
  EXPECT_THAT(without, HasSubstr("needs the Python package reasoning-gym, which /usr/bin/python3 "
                                 "does not have"));
  EXPECT_THAT(without, HasSubstr("/usr/bin/python3 -m pip install reasoning-gym"));
}

}  // namespace
}  // namespace amalgam::rewards
