#include "learner/estimators/length_penalty.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "learner/estimators/advantage.h"
#include "tests/error_of.h"
#include "tests/loss_vectors.h"

namespace amalgam::learner {
namespace {

using configs::LengthForm, configs::LengthPenaltyConfig;
using ::testing::ElementsAre;
using tests::Computed, tests::error_of, tests::has_only, tests::Json;

std::vector<LengthSample> samples(const std::vector<std::pair<double, int64_t>>& score_length,
                                  const std::string& effort = "high", int64_t window = 100) {
  std::vector<LengthSample> group;
  for (const auto& [score, length] : score_length)
    group.push_back({.score = score, .length = length, .window = window, .effort = effort});
  return group;
}

TEST(LengthPenaltyTest, WithoutAFormTheRewardIsTheScore) {
  EXPECT_THAT(shaped_rewards({}, samples({{0.1, 7}, {-3, 1000}}, "")), ElementsAre(0.1, -3));
}

TEST(LengthPenaltyTest, LinearByEffort) {
  LengthPenaltyConfig c{.form = LengthForm::kLinear,
                        .k = {{"none", 0.25}, {"max", 0}, {"7", 0.5}, {"b1-20", 0.125}},
                        .cap = 2};
  EXPECT_THAT(shaped_rewards(c, samples({{1, 2}, {0, 2}, {1, 8}, {1, 9}}, "none")),
              ElementsAre(0.5, -0.5, -1, -1));  // capped at 2
  EXPECT_THAT(shaped_rewards(c, samples({{1, 90}}, "max")), ElementsAre(1));
  EXPECT_THAT(shaped_rewards(c, samples({{1, 2}}, "7")), ElementsAre(0));      // its own
  EXPECT_THAT(shaped_rewards(c, samples({{1, 2}}, "20")), ElementsAre(0.75));  // its band's
  for (const char* effort : {"high", "21"})
    EXPECT_EQ(
        error_of([&] {
          shaped_rewards(c, samples({{1, 2}}, effort));
        }),
        std::string("effort ") + effort + " has no k in rl.length_penalty.k; give it one there");
  c.norm_length = 4;
  EXPECT_THAT(shaped_rewards(c, samples({{1, 2}}, "7")), ElementsAre(0.75));
}

TEST(LengthPenaltyTest, TheScalarFormTakesNumbers) {
  const LengthPenaltyConfig c{
      .form = LengthForm::kEffort, .k0 = 0.5, .tau = 20, .cap = 0.4, .norm_length = 1000};
  EXPECT_THAT(shaped_rewards(c, samples({{0, 200}, {0, 5000}}, "1")), ElementsAre(-0.1, -0.4));
  EXPECT_EQ(shaped_rewards(c, samples({{0, 0}}, "50"))[0], 0);
  EXPECT_EQ(error_of([&] {
              shaped_rewards(c, samples({{1, 2}}, "high"));
            }),
            "effort high is no number from 1 to 100, which rl.length_penalty.form = \"effort\" "
            "needs; use form = \"linear\"");
}

TEST(LengthPenaltyTest, OverlongAtItsEdges) {
  LengthPenaltyConfig c{.form = LengthForm::kOverlong, .buffer = 20, .floor = -1};
  const auto group = samples({{0, 79}, {0, 80}, {0, 85}, {0, 99}, {0, 100}, {0, 140}});
  EXPECT_THAT(shaped_rewards(c, group), ElementsAre(0, 0, -0.25, -0.95, -1, -1));
  c.floor = 0;  // none
  c.factor = 0.5;
  EXPECT_THAT(shaped_rewards(c, group), ElementsAre(0, 0, -0.125, -0.475, -0.5, -1.5));
}

// A share of right answers that is not 1 or 0 counts from correct_score on; wrong ones do not enter
// the mean of the right ones.
TEST(LengthPenaltyTest, RightAnswersAloneAreCompared) {
  const LengthPenaltyConfig c{.form = LengthForm::kEfficient, .alpha = 0.5, .correct_score = 0.75};
  EXPECT_THAT(shaped_rewards(c, samples({{0.75, 4}, {1, 4}, {0.5, 90}})),
              ElementsAre(0.75, 0.75, 0));
  EXPECT_THAT(shaped_rewards(c, samples({{0, 4}, {0, 5}})), ElementsAre(0, 0));
}

// Added with any form. 1 2 3 1 2: of four pairs three are distinct.
TEST(LengthPenaltyTest, RepetitionIsAdded) {
  LengthPenaltyConfig c{.repetition_ngram = 2, .repetition_max_penalty = -1};
  std::vector<LengthSample> group = samples({{1, 5}});
  group[0].ids = {1, 2, 3, 1, 2};
  EXPECT_THAT(shaped_rewards(c, group), ElementsAre(0.75));
  c.form = LengthForm::kLinear, c.k = {{"high", 0.1}};
  EXPECT_THAT(shaped_rewards(c, group), ElementsAre(0.25));
}

// The config of a case; none where the product has no such form.
std::optional<LengthPenaltyConfig> config_of(const Json& config) {
  LengthPenaltyConfig c;
  const auto number = [&](const char* key, auto* to) {
    if (config.contains(key)) *to = config.at(key);
  };
  if (config.at("form") == "repetition") {
    if (!has_only(config, {"form", "ngram", "max_penalty"})) return std::nullopt;
    number("ngram", &c.repetition_ngram);
    number("max_penalty", &c.repetition_max_penalty);
    return c;
  }
  const auto names = configs::names_of(LengthForm{});
  const auto form = std::find(names.begin(), names.end(), config.at("form"));
  if (form == names.end() || config.value("ddof", 0) != 0 || config.value("std", false) ||
      config.value("centred", "prompt and effort") != "prompt and effort" ||
      !has_only(config, {"form",         "k",
                         "k0",           "b_min",
                         "tau",          "cap",
                         "norm_length",  "norm",
                         "max_length",   "buffer",
                         "factor",       "floor",
                         "alpha",        "beta",
                         "delta",        "target",
                         "correct_at_0", "correct_at_max",
                         "wrong_at_0",   "wrong_at_max",
                         "exceed",       "ddof",
                         "centred",      "std"}))
    return std::nullopt;
  c.form = static_cast<LengthForm>(form - names.begin());
  number("k0", &c.k0), number("b_min", &c.b_min), number("tau", &c.tau), number("cap", &c.cap);
  number("norm_length", &c.norm_length), number("norm", &c.norm_length);
  number("buffer", &c.buffer), number("factor", &c.factor);
  if (config.contains("floor"))
    c.floor = config["floor"].is_null() ? 0 : config["floor"].get<double>();
  number("alpha", &c.alpha), number("beta", &c.beta), number("delta", &c.delta);
  number("target", &c.target);
  number("correct_at_0", &c.correct_at_0), number("correct_at_max", &c.correct_at_max);
  number("wrong_at_0", &c.wrong_at_0), number("wrong_at_max", &c.wrong_at_max);
  number("exceed", &c.exceed);
  return c;
}

std::optional<Computed> compute(const Json& c, const Json&) {
  const Json& inputs = c.at("inputs");
  const auto config = config_of(c.at("config"));
  if (!config) return std::nullopt;
  const bool is_whole_reward = inputs.contains("task_rewards") || config->replaces_score();
  const size_t n = inputs.at(inputs.contains("lengths") ? "lengths" : "token_ids").size();
  std::vector<LengthSample> all(n);
  std::map<std::pair<int64_t, std::string>, std::vector<size_t>> groups;
  for (size_t i = 0; i < n; ++i) {
    LengthSample& s = all[i];
    s.window = c["config"].value("max_length", int64_t{0});
    if (inputs.contains("lengths")) s.length = inputs["lengths"][i];
    if (inputs.contains("correct")) s.score = inputs["correct"][i].get<bool>();
    if (inputs.contains("task_rewards")) s.score = inputs["task_rewards"][i];
    if (inputs.contains("efforts")) s.effort = std::to_string(inputs["efforts"][i].get<int>());
    if (inputs.contains("token_ids")) s.ids = inputs["token_ids"][i].get<std::vector<int32_t>>();
    const int64_t prompt = inputs.contains("prompts") ? inputs["prompts"][i].get<int64_t>() : 0;
    groups[{prompt, s.effort}].push_back(i);
  }
  std::vector<double> rewards(n), advantages(n);
  for (const auto& [key, members] : groups) {
    std::vector<LengthSample> group;
    for (const size_t i : members) group.push_back(all[i]);
    const std::vector<double> shaped = shaped_rewards(*config, group);
    const std::vector<double> a = group_advantages(shaped, AdvantageScale::kNone);
    for (size_t k = 0; k < members.size(); ++k) {
      rewards[members[k]] = shaped[k] - (is_whole_reward ? 0 : group[k].score);
      advantages[members[k]] = a[k];
    }
  }
  return Computed{{{"rewards", rewards}, {"advantages", advantages}}};
}

TEST(LossVectors, LengthPenalty) {
  tests::check_loss_vectors([](const std::string& kind) { return kind == "length_penalty"; },
                            compute,
                            {"alp",
                             "alp_other",
                             "alp_same_length",
                             "cosine",
                             "cosine_other",
                             "cosine_same_length",
                             "efficient_reasoning",
                             "efficient_reasoning_other",
                             "efficient_reasoning_same_length",
                             "effort_scalar",
                             "effort_scalar_advantages",
                             "kimi_k15",
                             "kimi_k15_other",
                             "kimi_k15_same_length",
                             "l1_exact",
                             "l1_exact_other",
                             "l1_exact_same_length",
                             "l1_max",
                             "l1_max_other",
                             "l1_max_same_length",
                             "overlong_soft_floor",
                             "overlong_soft_no_floor",
                             "repetition"});
}

}  // namespace
}  // namespace amalgam::learner
