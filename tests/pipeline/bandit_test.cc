// A bandit with two arms, from the sampler to the gradient: at a temperature other than 1 the
// learner's gradient is that of the policy that chose the arms.
#include <gtest/gtest.h>

#include <cmath>

#include "learner/estimators/advantage.h"
#include "learner/step/policy_step.h"
#include "proto/trajectory.pb.h"
#include "rollout/engine/engine.h"
#include "tests/learner/small_model.h"

namespace amalgam::pipeline {
namespace {

constexpr double kTemperature = 0.5, kLogit = 0.5, kReward[] = {1, 0.25};
constexpr int kDraws = 4000, kTogether = 200;

TEST(BanditTest, TheGradientIsThatOfTheTemperedPolicy) {
  model::ModelConfig config = learner::testing::small_config();
  config.vocab_size = 2;
  config.num_nextn_predict_layers = 0;
  const auto D = static_cast<size_t>(config.hidden_size);
  kernels::ThreadPool pool(2);
  const TempDir directory;
  learner::testing::OwnedWeights w = learner::testing::random_weights(config, 1);
  model::Network network(config, pool);
  const std::vector<int32_t> prompt = {1};
  const auto state_of = [&](const char* name) {
    return learner::TrainingState::create(directory / name, config, w.weights, pool);
  };

  // The prompt's hidden state h, and a head that gives the arms the logits 0.5 and 0.
  std::vector<double> h(D);
  double square = 0;
  {
    const learner::TrainingState state = state_of("hidden");
    const model::SequenceSlice slice{0, 1, nullptr};
    const model::Var hidden = network.run(state.current().params, {prompt, {&slice, 1}}, nullptr);
    for (size_t d = 0; d < D; ++d) h[d] = double{hidden.v.data[d]}, square += h[d] * h[d];
  }
  for (size_t d = 0; d < D; ++d) {
    w.weights.head.data[d] = static_cast<float>(kLogit * h[d] / square);
    w.weights.head.data[D + d] = 0;
  }
  learner::TrainingState state = state_of("state");

  std::vector<proto::Trajectory> trajectories;
  std::vector<double> rewards;
  rollout::Engine engine(network, state.current().params, 8, {});
  for (uint64_t i = 0; i < kDraws; i += kTogether) {
    std::vector<rollout::SamplingParams> params;
    for (uint64_t k = i; k < i + kTogether; ++k) params.push_back({kTemperature, {.request = k}});
    engine.open(prompt, params);
    std::vector<rollout::Engine::Sampled> sampled;
    ASSERT_TRUE(engine.step(&sampled));
    for (const auto& s : sampled) {
      proto::Trajectory& t = trajectories.emplace_back();
      t.add_ids(prompt[0]), t.add_ids(s.token.id), t.add_logprobs(s.token.logprob);
      t.set_writer(
          {static_cast<char>(proto::WRITER_PROMPT), static_cast<char>(proto::WRITER_POLICY)});
      rewards.push_back(kReward[s.token.id]);
      engine.close(s.id);
    }
  }
  ASSERT_EQ(trajectories.size(), size_t{kDraws});

  const double p = 1 / (1 + std::exp(-kLogit / kTemperature));  // of arm 0: 0.731
  for (const proto::Trajectory& t : trajectories)
    EXPECT_NEAR(t.logprobs(0), std::log(t.ids(1) == 0 ? p : 1 - p), 1e-6);

  learner::Trainer trainer(network, state, {}, 2048);
  const auto advantages = learner::group_advantages(rewards, learner::AdvantageScale::kNone);
  std::vector<learner::PolicySample> samples;
  double chosen_advantage = 0;  // mean of A · 1[arm 0]
  for (size_t i = 0; i < trajectories.size(); ++i) {
    samples.push_back({&trajectories[i], advantages[i]});
    if (trajectories[i].ids(1) == 0) chosen_advantage += advantages[i] / kDraws;
  }
  const learner::PolicyFigures f =
      learner::accumulate_policy_loss(trainer, samples, {.temperature = kTemperature}, 1, 0);
  EXPECT_EQ(f.probs_diff_max, 0);
  EXPECT_NEAR(f.total().entropy.value().value(), -p * std::log(p) - (1 - p) * std::log(1 - p),
              1e-6);

  // dJ/dz of arm 0, from the head's gradient: dL/dW[0] = dL/dz[0] · h, L = -J.
  double gradient = 0, of_other_arm = 0;
  for (size_t d = 0; d < D; ++d) {
    gradient -= trainer.gradients().weights().head.data[d] * h[d] / square;
    of_other_arm -= trainer.gradients().weights().head.data[D + d] * h[d] / square;
  }
  EXPECT_NEAR(of_other_arm, -gradient, 1e-5);
  // On these draws exactly: advantages have mean 0, so π(0) drops out of mean A (1[arm 0] - π(0)).
  EXPECT_NEAR(gradient, chosen_advantage / kTemperature, 1e-5);
  // And the expectation, d/dz of J = Σ π r: 1/T · p (1 - p) (r_0 - r_1) = 0.295. The draws' share
  // of arm 0 is p with a standard deviation of sqrt(p (1 - p) / n); five of them.
  const double difference = kReward[0] - kReward[1];
  const double want = p * (1 - p) * difference / kTemperature;
  const double sigma = std::sqrt(p * (1 - p) / kDraws) * (2 * p - 1) * difference / kTemperature;
  EXPECT_NEAR(gradient, want, 5 * sigma);
  EXPECT_LT(5 * sigma, 0.1 * want);
}

}  // namespace
}  // namespace amalgam::pipeline
