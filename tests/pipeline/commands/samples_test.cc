#include "pipeline/commands/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "configs/load.h"
#include "model/encoding/conversation.h"
#include "model/encoding/encoding.h"
#include "pipeline/run_store/run_store.h"
#include "pipeline/run_store/trajectory_log.h"
#include "pipeline/stages/run_dirs.h"
#include "proto/trajectory.pb.h"
#include "tests/pipeline/run_program.h"
#include "tests/rollout/episodes/episode_case.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kEos{model::kEos};

// A run of two stages: rl-math with steps of two samples each, whose rewards repeat, then a sample
// without a reward.
class SamplesTest : public testing::Test {
 protected:
  SamplesTest() {
    auto config = configs::parse_run_config("[[domain]]\nname = \"math\"\ngenerator = \"math\"\n",
                                            dir_ / "config.toml");
    config.run_dir = dir_.path();
    record_config(config);
    std::filesystem::create_directories(dir_ / "tokenizer");
    std::ofstream(dir_ / "tokenizer/tokenizer.json") << rollout::small_tokenizer_json();
    RunStore store(dir_.path());
    write(&store, "rl-math",
          {sample(1, "a", 1), sample(1, "b", 0), sample(2, "c", 0), sample(2, "d", 1)});
    auto unscored = sample(1, "e", std::nullopt);
    unscored.mutable_meta()->set_outcome(proto::OUTCOME_SANDBOX_FAILED);
    unscored.mutable_meta()->set_failure("no sandbox");
    unscored.mutable_meta()->set_domain("code");
    write(&store, "distill", {unscored});
    // The logs were written one after the other, whatever the clock of the file system sees.
    const auto log = trajectory_log_path(dir_.path(), "rl-math");
    std::filesystem::last_write_time(log,
                                     std::filesystem::last_write_time(log) - std::chrono::hours(1));
  }

  // "What is 17 + 25?", answered NAME.
  proto::Trajectory sample(int64_t step, const std::string& name, std::optional<double> reward,
                           model::ThinkingMode mode = model::ThinkingMode::kChat) {
    proto::Trajectory t;
    auto* meta = t.mutable_meta();
    meta->set_step(step);
    meta->set_prompt_id("math-train-7");
    meta->set_domain("math");
    meta->set_effort("none");
    meta->set_outcome(proto::OUTCOME_OK);
    meta->set_finish_reason("stop");
    if (reward) meta->set_reward(*reward);
    const model::Message question = {.content = "What is 17 + 25?"};
    const auto prompt = model::encode_messages({&question, 1}, {.mode = mode});
    add(model::prompt_ids(tokenizer_, prompt), proto::WRITER_PROMPT, &t);
    meta->set_prompt_length(t.ids_size());
    add(tokenizer_.encode(name + kEos, model::SpecialText::kAsTokens), proto::WRITER_POLICY, &t);
    return t;
  }

  void add(const std::vector<int32_t>& ids, proto::Writer writer, proto::Trajectory* t) {
    for (const int32_t id : ids) {
      t->add_ids(id);
      t->mutable_writer()->push_back(static_cast<char>(writer));
      if (writer == proto::WRITER_POLICY) t->add_logprobs(-0.5f);
    }
    t->mutable_meta()->set_response_length(t->logprobs_size());
  }

  void write(RunStore* store, const std::string& stage, std::vector<proto::Trajectory> samples) {
    std::filesystem::create_directories(dir_ / "trajectories");
    for (proto::Trajectory& t : samples) t.mutable_meta()->set_stage(stage);
    TrajectoryLog log(trajectory_log_path(dir_.path(), stage));
    store->record_trajectories(stage, samples, log.append(samples));
  }

  ProgramResult samples(const std::string& arguments) {
    return run_program("samples " + dir_.path() + " " + arguments);
  }
  std::vector<json> lines(const std::string& arguments) {
    std::istringstream out(samples("--json " + arguments).out);
    std::vector<json> all;
    for (std::string line; std::getline(out, line);) all.push_back(json::parse(line));
    return all;
  }
  // What the policy said in each.
  std::vector<std::string> said(const std::string& arguments) {
    std::vector<std::string> all;
    for (const json& line : lines(arguments)) all.push_back(line["messages"].back()["content"]);
    return all;
  }

  const TempDir dir_;
  const model::Tokenizer tokenizer_ = rollout::small_tokenizer();
};

TEST_F(SamplesTest, NewestFirst) {
  EXPECT_THAT(said(""), ElementsAre("e", "d", "c", "b", "a"));
  const ProgramResult two = samples("--limit 2");
  EXPECT_EQ(two.status, 0);
  EXPECT_EQ(two.err, "3 more match\n");
  EXPECT_THAT(said("--limit 0"), testing::SizeIs(5));
}

TEST_F(SamplesTest, FiltersCombine) {
  EXPECT_THAT(said("--stage rl-math"), ElementsAre("d", "c", "b", "a"));
  EXPECT_THAT(said("--domain math --step 1"), ElementsAre("b", "a"));
  EXPECT_THAT(said("--step 1 --domain code"), ElementsAre("e"));
  EXPECT_THAT(said("--stage rl-math --step 1 --best 1"), ElementsAre("a"));
  EXPECT_EQ(samples("--step 7").err, "no sample matches\n");
}

TEST_F(SamplesTest, EqualRewardsAreInTheOrderOfTheLog) {
  EXPECT_THAT(said("--worst 3"), ElementsAre("b", "c", "a"));
  EXPECT_THAT(said("--best 3"), ElementsAre("a", "d", "b"));
  EXPECT_EQ(samples("--best 3").err, "1 more match\n");
  EXPECT_EQ(samples("--best 3 --worst 1").status, 1);
}

TEST_F(SamplesTest, GrepReadsThePolicysTextOnly) {
  EXPECT_THAT(said("--grep c"), ElementsAre("c"));
  EXPECT_THAT(said("--grep 17"), testing::IsEmpty());
  EXPECT_THAT(said("--grep . "), testing::IsEmpty());
  EXPECT_THAT(said("--worst 1 --grep d"), ElementsAre("d"));
}

TEST_F(SamplesTest, JsonHasTheseKeysAndNoOthers) {
  const auto all = lines("");
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[1], json::parse(R"({"stage": "rl-math", "step": 2, "domain": "math",
      "effort": "none", "reward": 1.0, "parts": {}, "outcome": "ok", "messages": [
      {"role": "user", "content": "What is 17 + 25?"},
      {"role": "assistant", "content": "d", "reasoning_content": "", "tool_calls": []}],
      "response_tokens": 2})"));
  EXPECT_TRUE(all[0]["reward"].is_null());
  EXPECT_EQ(all[0]["outcome"], "sandbox_failed");
}

TEST_F(SamplesTest, ForPeople) {
  EXPECT_EQ(samples("--best 1").out,
            "rl-math · step 1 · math · math-train-7 · group 0 sample 0 · reward 1 · ok · finish "
            "stop · 2 response tokens\n"
            "  user (prompt)\n    What is 17 + 25?\n  assistant\n    a\n\n");
  EXPECT_THAT(samples("--stage distill").out,
              HasSubstr(" · no reward: no sandbox · sandbox_failed"));
}

TEST_F(SamplesTest, CallsAndResultsAreMarked) {
  const std::string call = rollout::calls_text(rollout::call_text("lookup", "key", "name"));
  auto t = sample(0, "I look." + call, 1);
  const model::TurnInput results{.tool_results = {"42"}, .user = std::nullopt};
  add(model::next_turn_ids(tokenizer_, {t.ids().data(), static_cast<size_t>(t.ids_size())}, results,
                           model::ThinkingMode::kChat),
      proto::WRITER_TOOL, &t);
  add(tokenizer_.encode("It is 42." + kEos, model::SpecialText::kAsTokens), proto::WRITER_POLICY,
      &t);
  RunStore store(dir_.path());
  write(&store, "tools", {t});
  EXPECT_THAT(samples("--stage tools").out,
              HasSubstr("  assistant\n    I look.\n  assistant, tool call\n    lookup {\"key\": "
                        "\"name\"}\n  tool result\n    42\n  assistant\n    It is 42.\n"));
  const json messages = lines("--stage tools")[0]["messages"];
  EXPECT_EQ(messages[2], json::parse(R"({"role": "tool", "content": "42"})"));
  EXPECT_EQ(messages[1]["tool_calls"][0]["function"]["arguments"], R"({"key": "name"})");
  EXPECT_THAT(samples("--stage tools --grep 'string=\"true\"'").err, "");
}

// One turn of the assistant, though the policy did not write all of it.
TEST_F(SamplesTest, AForcedThinkingEndIsPartOfItsTurn) {
  auto t = sample(0, "", 1, model::ThinkingMode::kThinking);
  t.mutable_ids()->RemoveLast(), t.mutable_writer()->pop_back(), t.mutable_logprobs()->RemoveLast();
  add(tokenizer_.encode("I add", model::SpecialText::kAsTokens), proto::WRITER_POLICY, &t);
  add({tokenizer_.require_added_token(model::kThinkEnd)}, proto::WRITER_FORCED, &t);
  add(tokenizer_.encode("42" + kEos, model::SpecialText::kAsTokens), proto::WRITER_POLICY, &t);
  t.mutable_meta()->set_forced_thinking_ends(1);
  RunStore store(dir_.path());
  write(&store, "forced", {t});
  const std::string text = samples("--stage forced").out;
  EXPECT_THAT(text, HasSubstr("  assistant, reasoning\n    I add\n  assistant\n    42\n"));
  EXPECT_THAT(text, HasSubstr(" response tokens · thinking ended by its limit\n"));
  const json line = lines("--stage forced")[0];
  EXPECT_EQ(line["forced_thinking_ends"], 1);
  EXPECT_EQ(line["messages"].size(), 2);
  EXPECT_FALSE(lines("--stage rl-math")[0].contains("forced_thinking_ends"));
}

TEST_F(SamplesTest, ControlCharactersAreShownAndTextIsIndented) {
  RunStore store(dir_.path());
  write(&store, "hostile", {sample(1, "\x1b[31mred\n  user (prompt)\r", 1)});
  EXPECT_THAT(samples("--stage hostile").out,
              HasSubstr("  assistant\n    ␛[31mred\n      user (prompt)␍\n"));
}

TEST_F(SamplesTest, WhatIsNotThereIsNamed) {
  EXPECT_EQ(
      samples("--stage rl-maths").err,
      "amalgam: there are no samples of the stage 'rl-maths'; there are of distill, rl-math\n");
  EXPECT_EQ(samples("--domain x").err,
            "amalgam: there are no samples of the domain 'x'; there are of code, math\n");
  const TempDir other;
  const ProgramResult foreign = run_program("samples " + other.path());
  EXPECT_EQ(foreign.status, 1);
  EXPECT_EQ(foreign.err,
            "amalgam: " + other.path() + " is no run directory: it has no config.toml\n");
}

TEST_F(SamplesTest, DamageIsOneLine) {
  std::filesystem::resize_file(trajectory_log_path(dir_.path(), "distill"), 20);
  const ProgramResult damaged = samples("");
  EXPECT_EQ(damaged.status, 1);
  EXPECT_THAT(damaged.err, HasSubstr("distill.log"));
  EXPECT_EQ(std::count(damaged.err.begin(), damaged.err.end(), '\n'), 1);
}

}  // namespace
}  // namespace amalgam::pipeline
