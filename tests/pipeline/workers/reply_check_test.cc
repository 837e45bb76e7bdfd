#include "pipeline/workers/reply_check.h"

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "model/network/choices.h"

namespace amalgam::pipeline {
namespace {

// Two tokens of prompt, then policy, tool, policy. One MoE layer of 4 experts, 2 each; one layer
// whose tokens take 1 of the entries that appear every 2 tokens: token 3 is the first to choose.
class ReplyCheckTest : public testing::Test {
 protected:
  ReplyCheckTest() {
    config_.vocab_size = 10;
    config_.n_routed_experts = 4;
    config_.num_experts_per_tok = 2;
    config_.csa_rate = 2;
    config_.index_topk = 1;
    config_.layers = {{model::AttentionKind::kCsa, model::MlpKind::kMoe}};
    proto::SampleGroup g;
    g.mutable_meta()->set_stage("rl-math");
    g.mutable_meta()->set_step(3);
    g.mutable_meta()->set_group(5);
    g.mutable_meta()->set_prompt_id("p");
    g.mutable_meta()->set_weights_version(6);
    for (const int32_t id : {7, 8}) g.add_prompt(id);
    for (const int i : {0, 2}) {
      g.add_sample_index(i);
      g.add_seed(static_cast<uint64_t>(100 + i));
      g.add_episode(static_cast<uint32_t>(i));
      g.add_finished(false);
    }
    owed_ = {g};
    for (int i = 0; i < g.sample_index_size(); ++i) {
      proto::Trajectory& t = *reply_.add_finished();
      *t.mutable_meta() = g.meta();
      t.mutable_meta()->set_sample_index(g.sample_index(i));
      t.mutable_meta()->set_seed(g.seed(i));
      t.mutable_meta()->set_outcome(proto::OUTCOME_OK);
      t.mutable_meta()->set_reward(0.5);
      t.mutable_meta()->set_prompt_length(2);
      t.mutable_meta()->set_response_length(2);
      t.mutable_meta()->set_finish_reason("stop");
      for (const int32_t id : {7, 8, 1, 2, 0}) t.add_ids(id);
      for (const char w : {0, 0, 1, 2, 1}) t.mutable_writer()->push_back(w);
      for (const float p : {-1.0f, -2.0f}) t.add_logprobs(p);
      for (int token = 0; token < 4; ++token) t.mutable_experts()->append({1, 3});
      t.add_index_entries(1);
    }
    reply_.set_done(true);
    reply_.set_sampled_tokens(4);
    (*reply_.mutable_reward_failures())["timeout"] = 1;
  }

  // The token between the policy's is one that was forced.
  void force(int32_t num_told) {
    (*first().mutable_writer())[3] = static_cast<char>(proto::WRITER_FORCED);
    meta().set_forced_thinking_ends(num_told);
    spec_.max_response_length = 3;
  }
  std::string wrong() const { return wrong_in(reply_, spec_, config_, owed_); }
  proto::Trajectory& first() { return *reply_.mutable_finished(0); }
  proto::TrajectoryMetadata& meta() { return *first().mutable_meta(); }

  model::ModelConfig config_;
  CollectSpec spec_{.stage = "rl-math",
                    .step = 3,
                    .weights = {},
                    .max_response_length = 2,
                    .keep_experts = true,
                    .keep_index = true};
  std::vector<proto::SampleGroup> owed_;
  proto::WorkerReply reply_;
};

TEST_F(ReplyCheckTest, WhatAWorkerSaysIsTaken) {
  EXPECT_EQ(wrong(), "");
  reply_.mutable_finished()->RemoveLast();
  reply_.set_done(false);
  EXPECT_EQ(wrong(), "");
  meta().set_outcome(proto::OUTCOME_VERIFIER_FAILED);
  meta().set_failure_kind("timeout");
  meta().clear_reward();
  EXPECT_EQ(wrong(), "");
  meta().set_outcome(proto::OUTCOME_SANDBOX_FAILED);
  EXPECT_EQ(wrong(), "");
  first().clear_experts(), first().clear_index_entries();  // its tools failed
  EXPECT_EQ(wrong(), "");
  meta().set_outcome(proto::OUTCOME_WALL_CLOCK);
  EXPECT_EQ(wrong(), "");
  first().set_logprobs(0, NAN);  // of a broken model; the learner says so
  EXPECT_EQ(wrong(), "");
  reply_.clear_finished();
  EXPECT_EQ(wrong(), "");
}

TEST_F(ReplyCheckTest, AForcedThinkingEndIsPartOfTheResponse) {
  force(1);
  spec_.max_thinking_tokens = 1;
  EXPECT_EQ(wrong(), "");
  spec_.max_response_length = 2;
  EXPECT_NE(wrong(), "");
}

// It is scored again when another sample of its batch is missing.
TEST_F(ReplyCheckTest, AFinishedSampleMayComeAgainButIsNotOwed) {
  owed_[0].set_finished(0, true);
  EXPECT_EQ(wrong(), "");
  reply_.mutable_finished()->DeleteSubrange(0, 1);
  EXPECT_EQ(wrong(), "");
  reply_.clear_finished();
  EXPECT_NE(wrong(), "");
}

// A reward is what marked samples must have, and no others.
TEST_F(ReplyCheckTest, OnlyMarkedSamplesHaveRewards) {
  owed_[0].add_scored(false), owed_[0].add_scored(true);
  EXPECT_EQ(wrong(), "an outcome that cannot be");
  meta().clear_reward();
  EXPECT_EQ(wrong(), "");
  reply_.mutable_finished(1)->mutable_meta()->clear_reward();
  EXPECT_EQ(wrong(), "an outcome that cannot be");
  spec_.score = false;
  EXPECT_EQ(wrong(), "");
}

TEST_F(ReplyCheckTest, WhatCannotBeIsNot) {
  const std::vector<std::pair<const char*, std::function<void()>>> changes = {
      {"done too early", [&] { reply_.mutable_finished()->RemoveLast(); }},
      {"another group", [&] { meta().set_group(6); }},
      {"another sample", [&] { meta().set_sample_index(1); }},
      {"a sample twice", [&] { *reply_.mutable_finished(1) = reply_.finished(0); }},
      {"a sample more", [&] { *reply_.add_finished() = reply_.finished(0); }},
      {"another step", [&] { meta().set_step(4); }},
      {"another stage", [&] { meta().set_stage("rl-code"); }},
      {"another prompt id", [&] { meta().set_prompt_id("q"); }},
      {"another seed", [&] { meta().set_seed(1); }},
      {"other weights", [&] { meta().clear_weights_version(); }},
      {"no reward", [&] { meta().clear_reward(); }},
      {"an infinite reward", [&] { meta().set_reward(INFINITY); }},
      {"a part that is no number", [&] { meta().add_reward_parts()->set_value(NAN); }},
      {"a reward that was not asked for", [&] { spec_.score = false; }},
      {"no outcome", [&] { meta().clear_outcome(); }},
      {"an unknown outcome", [&] { meta().set_outcome(static_cast<proto::Outcome>(77)); }},
      {"a failure with a reward", [&] { meta().set_outcome(proto::OUTCOME_VERIFIER_FAILED); }},
      {"a reason that is no word", [&] { meta().set_finish_reason("a\nb"); }},
      {"another prompt", [&] { first().set_ids(1, 9); }},
      {"an id too large", [&] { first().set_ids(3, 10); }},
      {"a negative id", [&] { first().set_ids(3, -1); }},
      {"an id less", [&] { first().mutable_ids()->RemoveLast(); }},
      {"no ids", [&] { first().clear_ids(); }},
      {"a writer more", [&] { first().mutable_writer()->push_back(1); }},
      {"an unknown writer", [&] { (*first().mutable_writer())[3] = 4; }},
      {"a </think> that has no limit", [&] { force(1); }},
      {"a </think> that is not counted", [&] { spec_.max_thinking_tokens = 1, force(0); }},
      {"a </think> that is not there", [&] { meta().set_forced_thinking_ends(1); }},
      {"a prompt by the policy", [&] { (*first().mutable_writer())[1] = 1; }},
      {"a prompt in the middle", [&] { (*first().mutable_writer())[3] = 0; }},
      {"a policy token without a logprob", [&] { first().mutable_logprobs()->RemoveLast(); }},
      {"a logprob too many", [&] { first().add_logprobs(-1); }},
      {"another response length", [&] { meta().set_response_length(3); }},
      {"results too long", [&] { spec_.max_tool_tokens = 0; }},
      {"another prompt length", [&] { meta().set_prompt_length(3); }},
      {"a response too long", [&] { spec_.max_response_length = 1; }},
      {"experts missing", [&] { first().mutable_experts()->pop_back(); }},
      {"experts too many",
       [&] {
         first().mutable_experts()->append({1, 3});
       }},
      {"an expert too large", [&] { (*first().mutable_experts())[1] = 4; }},
      {"experts out of order", [&] { (*first().mutable_experts())[1] = 0; }},
      {"an entry that is not seen", [&] { first().set_index_entries(0, 2); }},
      {"an entry too many", [&] { first().add_index_entries(0); }},
      {"no entries", [&] { first().clear_index_entries(); }},
      {"experts that are not kept", [&] { spec_.keep_experts = false; }},
      {"a negative count", [&] { reply_.set_sampled_tokens(-1); }},
      {"a time that is no number", [&] { reply_.set_engine_s(NAN); }},
      {"a negative time", [&] { reply_.set_reward_wait_s(-1); }},
      {"a negative number of failures", [&] { (*reply_.mutable_reward_failures())["x"] = -1; }},
      {"a kind that is no word", [&] { (*reply_.mutable_reward_failures())["'; --"] = 1; }},
  };
  const proto::WorkerReply reply = reply_;
  const CollectSpec spec = spec_;
  for (const auto& [what, change] : changes) {
    reply_ = reply, spec_ = spec;
    change();
    EXPECT_NE(wrong(), "") << what;
  }
}

// Any bytes that parse are either taken or not; what is taken is what was asked for.
TEST_F(ReplyCheckTest, DamagedBytesAreNoCrash) {
  const google::protobuf::LogSilencer silence;
  std::mt19937_64 random(1);
  const std::string bytes = reply_.SerializeAsString();
  int taken = 0, refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string other = bytes;
    for (uint64_t n = random() % 3 + 1; n > 0; --n)
      other[random() % other.size()] = static_cast<char>(random());
    if (!reply_.ParseFromString(other)) continue;
    if (!wrong().empty()) {
      ++refused;
      continue;
    }
    ++taken;
    for (const proto::Trajectory& t : reply_.finished()) {
      EXPECT_EQ(t.ids_size(), static_cast<int>(t.writer().size()));
      EXPECT_TRUE(t.meta().sample_index() == 0 || t.meta().sample_index() == 2);
    }
  }
  EXPECT_GT(taken, 100);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace amalgam::pipeline
