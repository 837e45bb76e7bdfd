// docs/REWARDS.md, as functions of both forms see it.
#include "pipeline/workers/score_request.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "proto/trajectory.pb.h"
#include "rewards/programs/plugin.h"
#include "tests/paths.h"
#include "tests/rollout/episodes/episode_case.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;
using rollout::call_text;
using rollout::calls_text;
using rollout::Episode;
using rollout::EpisodeTools;

// {case: solution_str} of the table: rows "| case | `JSON string` |".
std::map<std::string, std::string> table() {
  std::ifstream file(std::string(tests::kGolden) + "/../../docs/REWARDS.md");
  std::map<std::string, std::string> cases;
  for (std::string line; std::getline(file, line);) {
    const size_t name_end = line.find(" | `\""), begin = name_end + 4;
    if (!line.starts_with("| ") || name_end == std::string::npos || !line.ends_with("\"` |"))
      continue;
    cases[line.substr(2, name_end - 2)] =
        json::parse(line.substr(begin, line.size() - 3 - begin)).get<std::string>();
  }
  return cases;
}

// An episode about 17 + 25 whose turns are these texts and tool results in turn.
class Talk {
 public:
  explicit Talk(model::Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}

  Episode episode(model::ThinkingMode mode, const std::vector<std::string>& turns,
                  int64_t max_turns = 3, int64_t max_thinking_tokens = 0) const {
    const int32_t eos = tokenizer_.require_added_token(model::kEos);
    const bool is_cut = !turns.back().ends_with(model::kEos);
    int64_t policy = 0;
    for (size_t i = 0; i < turns.size(); i += 2)
      policy += static_cast<int64_t>(ids(turns[i]).size());
    Episode e(tokenizer_, eos, mode, EpisodeTools::kRunAndSubmit,
              {.max_response_length = policy + !is_cut + (max_thinking_tokens > 0),
               .max_turns = max_turns,
               .max_positions = 4000,
               .max_thinking_tokens = max_thinking_tokens},
              ids("<｜begin▁of▁sentence｜><｜User｜>What is 17 + 25?<｜Assistant｜>" +
                  std::string(mode == model::ThinkingMode::kChat ? model::kThinkEnd
                                                                 : model::kThinkStart)));
    for (size_t i = 0; i < turns.size(); ++i) {
      if (i % 2 == 1) {
        e.on_tool_tokens(tool_ids(e, {turns[i]}));
      } else {
        for (const int32_t id : ids(turns[i])) e.on_token({id, -0.5f});
      }
    }
    EXPECT_EQ(e.state(), rollout::EpisodeState::kFinished);
    return e;
  }

  std::vector<int32_t> ids(const std::string& text) const {
    return tokenizer_.encode(text, model::SpecialText::kAsTokens);
  }

 private:
  model::Tokenizer tokenizer_;
};

const std::string kEnd{model::kEos};
const std::string kCall = calls_text(call_text("calculator", "expression", "17 + 25"));
constexpr auto kChat = model::ThinkingMode::kChat, kThinking = model::ThinkingMode::kThinking;

std::map<std::string, Episode> cases(const model::Tokenizer& tokenizer) {
  const Talk talk(tokenizer);
  const std::string submit = calls_text(call_text("submit", "answer", "42"));
  return {{"chat", talk.episode(kChat, {"The answer is 42." + kEnd})},
          {"thinking", talk.episode(kThinking, {"17 + 25 is 42.</think>The answer is 42." + kEnd})},
          {"truncated", talk.episode(kThinking, {"17 + 25 is"})},
          {"tool-using", talk.episode(kThinking, {"I need the sum.</think>" + kCall + kEnd, "42",
                                                  "It is 42.</think>The answer is 42." + kEnd})},
          {"submitted", talk.episode(kThinking, {"It is 42.</think>" + submit + kEnd})}};
}

proto::TrajectoryMetadata meta_of(const Episode& e) {
  proto::TrajectoryMetadata m;
  m.set_stage("rl-sums");
  m.set_step(4), m.set_group(3), m.set_sample_index(2);
  m.set_effort(e.mode() == kChat ? "none" : "high");
  m.set_finish_reason(to_string(e.finish_reason()));
  return m;
}

rewards::Scorer scorer(const TempDir& dir, const std::string& source) {
  std::ofstream(dir / "reward.py") << source;
  rewards::ScorerOptions options;
  options.plugin = rewards::PluginOptions{dir / "reward.py", "", 30, 60};
  return rewards::Scorer(std::move(options));
}

// A row whose truth is what the function should be given.
std::string row(const std::string& truth, const json& more = {}) {
  json r = {{"prompt", {{{"role", "user"}, {"content", "What is 17 + 25?"}}}},
            {"reward_model", {{"style", "rule"}, {"ground_truth", truth}}}};
  if (!more.is_null()) r.update(more);
  return r.dump();
}

void expect_the_table(const model::Tokenizer& tokenizer) {
  const auto expected = table();
  const auto episodes = cases(tokenizer);
  ASSERT_EQ(expected.size(), 5u);
  const TempDir verl_dir, trl_dir;
  const rewards::Scorer verl = scorer(verl_dir,
                                      "def compute_score(data_source, solution_str, ground_truth, "
                                      "extra_info):\n    return solution_str == ground_truth\n");
  const rewards::Scorer trl =
      scorer(trl_dir,
             "def a_reward(completions, ground_truth, prompt_is_text, **columns):\n"
             "    [c], [t], [is_text] = completions, ground_truth, prompt_is_text\n"
             "    assert is_text or (len(c) == 1 and c[0]['role'] == 'assistant'), c\n"
             "    return [float((c if is_text else c[0]['content']) == t)]\n");
  for (const auto& [name, text] : expected) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(episodes.contains(name));
    const Episode& e = episodes.at(name);
    EXPECT_EQ(score_request(e, row(text), meta_of(e)).solution, text);
    const auto reward = [&](const rewards::Scorer& s, const json& more) {
      const rewards::Score score = s.score(score_request(e, row(text, more), meta_of(e)));
      EXPECT_EQ(score.status, rewards::Status::kScored) << score.detail;
      return score.reward;
    };
    EXPECT_EQ(reward(verl, {}), 1);
    EXPECT_EQ(reward(trl, {{"prompt_is_text", false}}), 1);
    EXPECT_EQ(reward(trl, {{"prompt_is_text", true}, {"prompt", "What is 17 + 25?"}}), 1);
  }
}

TEST(RewardText, TheTable) { expect_the_table(rollout::small_tokenizer()); }

TEST(ReleasedTokenizerTest, TheTableOfRewards) {
  const std::string folder = tests::kReferenceData;
  if (folder.empty()) GTEST_SKIP() << "configure with -DAMALGAM_REFERENCE_DATA=DIR";
  expect_the_table(model::Tokenizer::load(folder + "/tokenizer"));
}

// TRL's completion_ids: what was sampled, of every turn.
TEST(RewardText, TheTokensAreThePolicys) {
  const Talk talk(rollout::small_tokenizer());
  const auto episodes = cases(rollout::small_tokenizer());
  for (const auto& [name, e] : episodes) {
    const rewards::ScoreRequest r = score_request(e, row("42"), meta_of(e));
    EXPECT_EQ(r.completion_ids.size(), json::parse(r.extra_info)["response_tokens"]) << name;
  }
  const auto ids = [&](const char* name) {
    return score_request(episodes.at(name), row("42"), meta_of(episodes.at(name))).completion_ids;
  };
  EXPECT_EQ(ids("chat"), talk.ids("The answer is 42." + kEnd));
  std::vector<int32_t> both = talk.ids("I need the sum.</think>" + kCall + kEnd);
  for (const int32_t id : talk.ids("It is 42.</think>The answer is 42." + kEnd)) both.push_back(id);
  EXPECT_EQ(ids("tool-using"), both);
  const std::string text = "I need the sum. The answer is 42." + kEnd;
  const Episode forced = talk.episode(kThinking, {text}, 1, 2);
  EXPECT_EQ(score_request(forced, row("42"), meta_of(forced)).completion_ids, talk.ids(text));
}

// What a function is told beside the text, key by key.
TEST(RewardInfo, SaysWhatTheSampleIs) {
  const auto episodes = cases(rollout::small_tokenizer());
  const Talk talk(rollout::small_tokenizer());
  const auto tokens = [&](const std::string& text) { return talk.ids(text).size(); };
  const auto info = [&](const Episode& e, const json& more = {}) {
    return json::parse(score_request(e, row("42", more), meta_of(e)).extra_info);
  };
  const json tool = info(episodes.at("tool-using"), {{"extra_info", {{"index", 7}}}});
  std::vector<std::string> keys = sample_keys();
  EXPECT_EQ(keys.size(), 8u);
  for (const std::string& key : keys) EXPECT_TRUE(tool.contains(key)) << key;
  EXPECT_EQ(tool["index"], 7);
  EXPECT_EQ(tool["messages"], json::parse(R"([
      {"role": "user", "content": "What is 17 + 25?"},
      {"role": "assistant", "reasoning_content": "I need the sum.", "content": "", "tool_calls": [
          {"type": "function", "function": {"name": "calculator",
                                            "arguments": "{\"expression\": \"17 + 25\"}"}}]},
      {"role": "tool", "content": "42"},
      {"role": "assistant", "reasoning_content": "It is 42.", "content": "The answer is 42.",
       "tool_calls": []}])"));
  EXPECT_EQ(tool["finish_reason"], "stop");
  EXPECT_EQ(tool["num_turns"], 2);
  EXPECT_EQ(tool["effort"], "high");
  EXPECT_EQ(tool["thinking_tokens"], tokens("I need the sum.") + tokens("It is 42."));
  EXPECT_EQ(tool["forced_thinking_ends"], 0);
  EXPECT_EQ(tool["response_tokens"], tokens("I need the sum.</think>" + kCall + kEnd) +
                                         tokens("It is 42.</think>The answer is 42." + kEnd));
  EXPECT_EQ(tool["sample_id"], "rl-sums/4/3/2");

  EXPECT_EQ(info(episodes.at("truncated"))["finish_reason"], "length");
  EXPECT_EQ(info(episodes.at("submitted"))["finish_reason"], "submit");
  EXPECT_EQ(info(episodes.at("submitted"))["messages"].back()["reasoning_content"], "It is 42.");
  const json chat = info(episodes.at("chat"));
  EXPECT_EQ(chat["effort"], "none");
  EXPECT_EQ(chat["thinking_tokens"], 0);
  const json forced =
      info(talk.episode(kThinking, {"I need the sum. The answer is 42." + kEnd}, 1, 2));
  EXPECT_EQ(forced["forced_thinking_ends"], 1);
  EXPECT_EQ(forced["thinking_tokens"], 2);
  EXPECT_EQ(forced["response_tokens"], tokens("I need the sum. The answer is 42." + kEnd));
  EXPECT_EQ(info(talk.episode(kChat, {kCall + kEnd}, /*max_turns=*/1))["finish_reason"],
            "tool_limit");
  // A number is one.
  auto numbered = meta_of(episodes.at("chat"));
  numbered.set_effort("35");
  EXPECT_EQ(
      json::parse(score_request(episodes.at("chat"), row("42"), numbered).extra_info)["effort"],
      35);
}

TEST(RewardInfo, ARowsOwnKeyWins) {
  const Talk talk(rollout::small_tokenizer());
  const Episode e = talk.episode(kChat, {"The answer is 42." + kEnd});
  const json own = {{"extra_info", {{"num_turns", "seven"}, {"effort", 3}}}, {"effort", "max"}};
  const json info = json::parse(score_request(e, row("42", own), meta_of(e)).extra_info);
  EXPECT_EQ(info["num_turns"], "seven");
  EXPECT_EQ(info["effort"], 3);
  EXPECT_EQ(info["response_tokens"], talk.ids("The answer is 42." + kEnd).size());
}

// A built-in verifier gets the final message alone.
TEST(RewardInfo, BuiltInStyles) {
  const auto episodes = cases(rollout::small_tokenizer());
  const json math = {{"reward_model", {{"style", "math"}, {"ground_truth", "42"}}}};
  const auto request = [&](const char* name) {
    return score_request(episodes.at(name), row("42", math), meta_of(episodes.at(name)),
                         rewards::ScoredBy::kVerifier);
  };
  EXPECT_EQ(request("tool-using").content, "The answer is 42.");
  EXPECT_EQ(request("tool-using").extra_info, "");
  EXPECT_EQ(request("submitted").content, "42");
  EXPECT_EQ(request("truncated").state, rewards::MessageState::kTruncated);
  EXPECT_EQ(request("thinking").state, rewards::MessageState::kComplete);
}

}  // namespace
}  // namespace amalgam::pipeline
