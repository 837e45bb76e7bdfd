#include "rewards/registry/scorer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "configs/error.h"
#include "rewards/registry/data_sources.h"
#include "tests/error_of.h"

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
  EXPECT_EQ(scorer.problem(by_row), std::nullopt);
  by_row.row = R"({"instruction_id_list": ["a:b"]})";
  EXPECT_NE(scorer.problem(by_row), std::nullopt);
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
  const Scorer scorer(with_fake_sandbox());
  const auto problem = [&](const char* style, const char* truth) {
    return scorer.problem(request(style, truth, "")).value_or("");
  };
  for (const auto& [style, truth] : {std::pair("math", "\"1/2\""), std::pair("agent", "12"),
                                     std::pair("code", tests), std::pair("instruct", constraints)})
    EXPECT_EQ(problem(style, truth), "") << style;
  EXPECT_NE(problem("math", ""), "");
  EXPECT_NE(problem("code", R"({"fn_name": "f"})"), "");
  // Also one that an answer could fail to meet before it is looked at.
  EXPECT_EQ(problem("instruct", R"({"num_words": 2, "tone": "kind"})"),
            "ground truth's constraint tone: no such constraint");
  EXPECT_EQ(problem("rule", "12"),
            "reward_model.style \"rule\" is no verifier of docs/REWARDS.md; give the domain a "
            "reward_file, or a [[domain.reward]] with a style");
}

ScoreRequest of_source(const std::string& source, const std::string& truth,
                       const std::string& answer) {
  ScoreRequest r = request("rule", truth, answer);
  r.data_source = source;
  return r;
}

TEST(Scorer, TheDataSourceNamesTheVerifier) {
  const Scorer scorer(with_fake_sandbox());
  const auto score = [&](const char* source, const char* truth, const char* answer) {
    return scorer.score(of_source(source, truth, answer)).reward;
  };
  EXPECT_EQ(score("openai/gsm8k", "\"72\"", "So it is\n#### 72"), 1);
  EXPECT_EQ(score("openai/gsm8k", "\"6 * 12 = 72\\n#### 72\"", "#### 72.00"), 1);
  EXPECT_EQ(score("math_dapo", "\"34\"", "Answer: 34"), 1);
  EXPECT_EQ(score("math_dapo", "\"34\"", "Answer: 35"), 0);
  EXPECT_EQ(score("aime2024", "\"34\"", "\\boxed{34}"), 1);
  EXPECT_EQ(score("searchR1_nq", R"({"target": ["Paris"]})", "<answer>paris</answer>"), 1);
  EXPECT_EQ(score("cais/mmlu", "2", "(C)"), 1);
  EXPECT_EQ(scorer.score(of_source("somebody/else", "\"34\"", "34")).status, Status::kBadRow);
  // A style that names a verifier goes first.
  ScoreRequest r = of_source("searchR1_nq", "\"34\"", "It is 34.");
  r.style = "math";
  EXPECT_EQ(scorer.score(r).reward, 1);
}

TEST(Scorer, VerlsRangesWhereTheyAreAskedFor) {
  ScorerOptions options = with_fake_sandbox();
  options.reward.compat = configs::RewardCompat::kVerl;
  const Scorer scorer(options);
  const auto score = [&](const char* source, const char* answer) {
    return scorer.score(of_source(source, "\"34\"", answer)).reward;
  };
  EXPECT_EQ(score("math_dapo", "Answer: 34"), 1);
  EXPECT_EQ(score("math_dapo", "Answer: 35"), -1);
  EXPECT_EQ(score("math_dapo", ""), -1);  // not better than a wrong one
  ScoreRequest cut = of_source("math_dapo", "\"34\"", "34");
  cut.state = MessageState::kTruncated;
  EXPECT_EQ(scorer.score(cut).reward, -1);
  EXPECT_EQ(score("lighteval/MATH", "\\boxed{35}"), 0);
  EXPECT_EQ(score("openai/gsm8k", "#### 34"), 1);
  EXPECT_EQ(score("openai/gsm8k", "\\boxed{34}"), 0);  // verl's strict extraction
  // A verifier that the config names keeps its range, also for what is cut.
  options.reward.verifiers = {{.style = "math", .name = "math"}};
  EXPECT_EQ(Scorer(options).score(cut).reward, 0);
  options.reward.verifiers = {{.style = "row", .name = "row"}};
  options.reward.verifiers[0].arguments.json = "{}";
  EXPECT_EQ(Scorer(options).score(cut).reward, -1);
}

configs::VerifierConfig verifier(const std::string& style, configs::VerifierRole role,
                                 double weight = 1) {
  configs::VerifierConfig v{.style = style, .name = style, .role = role, .weight = weight};
  return v;
}

TEST(Scorer, SeveralVerifiersAreWeighedGatedAndAudited) {
  using Role = configs::VerifierRole;
  ScorerOptions options = with_fake_sandbox();
  options.reward.verifiers = {verifier("math", Role::kReward, 2),
                              verifier("repetition", Role::kReward, 0.5),
                              verifier("regex", Role::kGate), verifier("choice", Role::kAudit)};
  options.reward.verifiers[1].min = -0.25;
  options.reward.verifiers[2].arguments.json = R"({"pattern": "^It is"})";
  options.reward.verifiers[3].truth = "extra_info.letter";
  const Scorer scorer(options);
  ScoreRequest r = request("", "\"12\"", "It is 12.");
  r.row = R"({"extra_info": {"letter": "B"}})";
  EXPECT_EQ(scorer.score(r).reward, 2);
  EXPECT_THAT(scorer.score(r).parts,
              testing::ElementsAre(testing::Pair("math", 1), testing::Pair("repetition", 0),
                                   testing::Pair("repetition/repetition", 0),
                                   testing::Pair("regex", 1), testing::Pair("audit", 0)));
  r.content = "So 12.";
  EXPECT_EQ(scorer.score(r).reward, 0);  // the gate is shut
  r.content = "It is go go go go go go 12.";
  EXPECT_EQ(scorer.score(r).reward, 2 - 0.25 * 0.5);  // cut to min
  r.row = R"({"extra_info": {}})";                    // the audit's truth is missing
  EXPECT_EQ(scorer.score(r).reward, 2 - 0.25 * 0.5);  // which takes no reward away
  EXPECT_EQ(scorer.score(r).parts.size(), 4u);
  EXPECT_EQ(scorer.problem(r), "choice: there is no column extra_info.letter");
  // A gate never raises a reward.
  options.reward.verifiers[0].weight = -1;
  r.content = "So 12.";
  EXPECT_EQ(Scorer(options).score(r).reward, -1);
}

TEST(Scorer, AnAuditMovesNoReward) {
  using Role = configs::VerifierRole;
  ScorerOptions plain = with_fake_sandbox(), audited = with_fake_sandbox();
  plain.reward.verifiers = {verifier("exact_match", Role::kReward)};
  audited.reward.verifiers = {verifier("exact_match", Role::kReward),
                              verifier("math", Role::kAudit, 100)};
  const Scorer a(plain), b(audited);
  for (const char* answer : {"12", "twelve", "12.0", "", "x"}) {
    const ScoreRequest r = request("", "\"12\"", answer);
    EXPECT_EQ(a.score(r).reward, b.score(r).reward) << answer;
    EXPECT_EQ(a.score(r).answer, b.score(r).answer) << answer;
  }
}

TEST(Scorer, IncompleteAnswersGetWhatTheKeysSay) {
  ScorerOptions options = with_fake_sandbox();
  options.reward.truncated_score = -1, options.reward.malformed_score = -0.5;
  options.reward.empty_score = -0.25;
  ScoreRequest r = request("math", "\"12\"", "12");
  const auto scored_as = [&](MessageState state, const char* content) {
    r.state = state, r.content = content;
    return Scorer(options).score(r);
  };
  EXPECT_EQ(scored_as(MessageState::kTruncated, "12").reward, -1);
  EXPECT_THAT(scored_as(MessageState::kTruncated, "12").parts,
              testing::ElementsAre(testing::Pair("truncated", 1)));
  EXPECT_EQ(scored_as(MessageState::kMalformed, "12").reward, -0.5);
  EXPECT_EQ(scored_as(MessageState::kComplete, " \n").reward, -0.25);
  EXPECT_EQ(scored_as(MessageState::kComplete, "12").reward, 1);
  EXPECT_THAT(scored_as(MessageState::kComplete, "12").parts, testing::IsEmpty());
  options.reward.incomplete = configs::Incomplete::kVerify;
  EXPECT_EQ(scored_as(MessageState::kTruncated, "12").reward, 1);
  EXPECT_THAT(scored_as(MessageState::kTruncated, "12").parts,  // counted all the same
              testing::ElementsAre(testing::Pair("truncated", 1)));
}

TEST(Scorer, NamesAgreeWithTheConfigs) {
  std::string names;
  for (const std::string& style : configs::verifier_styles())
    names += (names.empty() ? "" : ", ") + style;
  EXPECT_EQ(names, verifier_names());
  for (const DataSource& source : data_sources())
    EXPECT_TRUE(find_verifier(source.verifier)) << source.name;
}

TEST(Scorer, ArgumentsReachTheVerifierThatTheRowNames) {
  ScorerOptions options = with_fake_sandbox();
  options.reward.verifiers = {verifier("row", configs::VerifierRole::kReward)};
  options.reward.verifiers[0].arguments.json = R"({"fraction": true})";
  const Scorer scorer(options);
  ScoreRequest r = request("", "", "No comma here");
  r.row = R"({"instruction_id_list": ["punctuation:no_comma", "detectable_format:title"],
              "kwargs": [{}, {}]})";
  EXPECT_EQ(scorer.score(r).reward, 0.5);
  EXPECT_EQ(scorer.score(request("math", "\"1\"", "1")).status, Status::kBadRow);
  EXPECT_EQ(scorer.problem(request("math", "\"1\"", "")),
            "row: the row's verifier math does not take these arguments");
}

TEST(Scorer, SettingsThatNoRowCanBeScoredByAreErrors) {
  const auto error = [](const char* style, const char* arguments) {
    ScorerOptions options = with_fake_sandbox();
    options.reward.verifiers = {verifier(style, configs::VerifierRole::kReward)};
    options.reward.verifiers[0].arguments.json = arguments;
    return tests::error_of([&] { Scorer{options}; });
  };
  EXPECT_EQ(error("length", "{}"), "length: give max_length, in tokens");
  EXPECT_EQ(error("length", R"({"max_length": 9, "buffer": 10})"),
            "length: buffer must be from 1 to max_length");
  EXPECT_EQ(error("repetition", R"({"ngram": 0})"),
            "repetition: ngram must be a whole number from 1 to 100");
  EXPECT_NE(error("repetition", R"({"ngram": 2.5})"), "");
  EXPECT_NE(error("repetition", R"({"max_penalty": 3.0})"), "");
  EXPECT_NE(error("code", R"({"test_seconds": "0.5"})"), "");
  EXPECT_NE(error("code", R"({"test_seconds": -3})"), "");
  EXPECT_NE(error("regex", R"({"pattern": "("})").find("is no regular expression"),
            std::string::npos);
  EXPECT_EQ(error("json_schema", R"({"schema": [1]})"), "[1] is no JSON schema");
  EXPECT_NE(error("language", R"({"language": "german"})").find("\"german\" is no language"),
            std::string::npos);
  EXPECT_EQ(error("row", R"({"colour": 1})"), "no verifier takes the arguments {\"colour\": 1}");
  EXPECT_EQ(error("regex", "{}"), "");  // the rows have it
}

TEST(Scorer, Languages) {
  const Scorer scorer(with_fake_sandbox());
  const char* german = "Der Zug nach Hamburg fährt heute leider erst um halb neun ab.";
  EXPECT_EQ(scorer.score(request("language", "\"de\"", german)).reward, 1);
  EXPECT_EQ(scorer.score(request("language", "\"en\"", german)).reward, 0);
  EXPECT_EQ(scorer.score(request("language", "\"german\"", german)).status, Status::kBadRow);
}

TEST(Scorer, ArgumentsThatAVerifierDoesNotHave) {
  const auto error = [](const char* style, const char* json) {
    return tests::error_of([&] { settings_of(*find_verifier(style), json, {}); });
  };
  EXPECT_EQ(error("repetition", R"({"ngrams": 2})"),
            "verifier repetition has no argument ngrams; it has ngram, max_penalty");
  EXPECT_EQ(error("math", R"({"x": 2})"), "verifier math has no argument x");
  EXPECT_EQ(error("code", R"({"partial": 1})"),
            "verifier code: argument partial must be true or false");
  EXPECT_EQ(error("code", R"({"partial": true})"), "");
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
