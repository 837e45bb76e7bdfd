// What the engine samples, the learner computes again, to the bit; and a difference of one bit in
// one weight is seen.
#include <gtest/gtest.h>

#include <bit>

#include "learner/step/policy_step.h"
#include "proto/trajectory.pb.h"
#include "rollout/engine/engine.h"
#include "tests/learner/small_model.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using learner::testing::OwnedWeights;
using learner::testing::random_weights;
using learner::testing::small_config;

constexpr int kSamples = 6;

class SameBits : public ::testing::Test {
 protected:
  void SetUp() override { sample(learner_weights()); }

  OwnedWeights learner_weights() { return random_weights(config_, 1); }

  learner::TrainingState make_state(const OwnedWeights& w) {
    return learner::TrainingState::create(directory_ / ("state" + std::to_string(num_states_++)),
                                          config_, w.weights, pool_, numerics_);
  }

  // Conversations of different lengths, the later ones with a tool's tokens inside.
  void sample(const OwnedWeights& w, double temperature = 1) {
    const learner::TrainingState state = make_state(w);
    model::Network network(config_, pool_, numerics_);
    rollout::Engine engine(network, state.current().params, 64, {.max_batch = 8});
    const std::vector<int32_t> prompt = {3, 1, 4, 1, 5, 9, 2, 6};
    std::vector<rollout::SamplingParams> params;
    for (uint64_t i = 0; i < kSamples; ++i)
      params.push_back({temperature, {.seed = 5, .stream = 6, .request = i}});
    const auto ids = engine.open(prompt, params);
    trajectories_.resize(kSamples);
    for (auto& t : trajectories_) {
      t.mutable_ids()->Assign(prompt.begin(), prompt.end());
      t.set_writer(std::string(prompt.size(), static_cast<char>(proto::WRITER_PROMPT)));
    }
    std::vector<rollout::Engine::Sampled> sampled;
    while (engine.step(&sampled)) {
      for (const auto& s : sampled) {
        const auto i = static_cast<size_t>(s.id - ids[0]);
        proto::Trajectory& t = trajectories_[i];
        t.add_ids(s.token.id);
        t.add_logprobs(s.token.logprob);
        t.mutable_writer()->push_back(static_cast<char>(proto::WRITER_POLICY));
        const auto num_policy = static_cast<size_t>(t.logprobs_size());
        if (num_policy == 12 + 4 * i) {
          engine.close(s.id);
        } else if (i >= 3 && num_policy == 5) {
          const std::vector<int32_t> tool = {7, 8, 9};
          for (const int32_t id : tool) t.add_ids(id);
          t.mutable_writer()->append(tool.size(), static_cast<char>(proto::WRITER_TOOL));
          engine.append(s.id, tool);
        } else {
          engine.resume(s.id);
        }
      }
      sampled.clear();
    }
  }

  // The figure as a training step with these weights reports it.
  double difference(const OwnedWeights& w, double temperature = 1) {
    learner::TrainingState state = make_state(w);
    model::Network network(config_, pool_, numerics_);
    learner::Trainer trainer(network, state, {}, 100);
    std::vector<learner::PolicySample> samples;
    for (const auto& t : trajectories_) samples.push_back({&t, samples.size() % 2 ? 1.0 : -1.0});
    return learner::accumulate_policy_loss(trainer, samples, {.temperature = temperature}, 64, 1.0)
        .probs_diff_max.value();
  }

  // One mantissa bit of one element. A lower one is lost when a log-probability is rounded.
  static void flip(float* value) {
    *value = std::bit_cast<float>(std::bit_cast<uint32_t>(*value) ^ (1u << 12));
  }

  model::ModelConfig config_ = [] {
    model::ModelConfig c = small_config();
    c.num_nextn_predict_layers = 0;
    return c;
  }();
  configs::NumericsConfig numerics_;
  kernels::ThreadPool pool_{2};
  TempDir directory_;
  int num_states_ = 0;
  std::vector<proto::Trajectory> trajectories_;
};

TEST_F(SameBits, TheSameWeightsGiveNoDifference) {
  ASSERT_EQ(trajectories_[5].logprobs_size(), 32);
  EXPECT_EQ(difference(learner_weights()), 0);
}

// One policy at any temperature; a learner at another one is seen.
TEST_F(SameBits, AtEveryTemperatureToo) {
  OwnedWeights w = learner_weights();
  for (float& x : w.floats) x *= 5;  // far from a uniform policy, which is the same at every T
  for (const double temperature : {0.3, 0.7, 1.3}) {
    trajectories_.clear();
    sample(w, temperature);
    ASSERT_EQ(trajectories_[5].logprobs_size(), 32);
    EXPECT_EQ(difference(w, temperature), 0);
    EXPECT_GT(difference(w, 1), 1e-3);
  }
}

// Quantised compute: the sampler's cache, batches and packed weights, the learner's tape.
TEST_F(SameBits, WithEverySwitchOfNumericsToo) {
  const auto f32 = trajectories_;
  const configs::NumericsConfig all{.experts_fp4 = true,
                                    .indexer_fp4 = true,
                                    .index_scores_bf16 = true,
                                    .kv_cache_fp8 = true,
                                    .activations_fp8 = true};
  configs::NumericsConfig training;  // what quantisation-aware training switches on
  training.experts_fp4 = training.indexer_fp4 = true;
  for (const auto& numerics : {training, all}) {
    numerics_ = numerics;
    trajectories_.clear();
    sample(learner_weights());
    ASSERT_EQ(trajectories_[5].logprobs_size(), 32);
    EXPECT_NE(trajectories_[5].logprobs(31), f32[5].logprobs(31));
    EXPECT_EQ(difference(learner_weights()), 0);
  }
  numerics_ = {};  // a learner without them is seen
  EXPECT_GT(difference(learner_weights()), 0);
}

TEST_F(SameBits, OneBitInTheHeadIsSeen) {
  OwnedWeights w = learner_weights();
  const int32_t first_sampled = trajectories_[0].ids(8);
  flip(&w.weights.head.data[first_sampled * config_.hidden_size]);
  const double d = difference(w);
  EXPECT_GT(d, 0);
  EXPECT_LT(d, 1e-4);
}

TEST_F(SameBits, OneBitInTheEmbeddingOfATokenThatWasReadIsSeen) {
  OwnedWeights w = learner_weights();
  flip(&w.weights.embed.data[3 * config_.hidden_size]);
  const double d = difference(w);
  EXPECT_GT(d, 0);
  EXPECT_LT(d, 1e-4);
}

}  // namespace
}  // namespace amalgam::pipeline
