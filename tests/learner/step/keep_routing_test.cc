// Experts and entries chosen while sampling are chosen again when the policy has moved since
// (POST_TRAINING.md §3).
#include <gtest/gtest.h>

#include <cmath>

#include "tests/learner/policy_case.h"

namespace amalgam::learner {
namespace {

using testing::bits, testing::flatten, testing::OwnedWeights, testing::Policy,
    testing::random_weights, testing::small_config;

class KeepRoutingTest : public ::testing::Test {
 protected:
  KeepRoutingTest() {
    config_.num_nextn_predict_layers = 0;
    initial_ = random_weights(config_, 1);
    for (float& w : initial_.floats) w *= 5;  // routers and indexers that are far from even
    for (const int n : {40, 23, 14, 31}) trajectories_.push_back(testing::conversation(n, n));
    Policy(config_, initial_.weights, optim_, file("sampler")).sample(trajectories_);
  }
  std::string file(const std::string& name) { return directory_ / name; }

  // Gradient and figures of the policy loss; one sample has no advantage.
  PolicyFigures accumulate(Policy& p) {
    std::vector<PolicySample> samples;
    const double advantages[] = {1, -0.5, 0, 2};
    for (size_t i = 0; i < trajectories_.size(); ++i)
      samples.push_back({&trajectories_[i], advantages[i]});
    return accumulate_policy_loss(p.trainer, samples,
                                  {.algorithm = {.clip_ratio_low = 1, .clip_ratio_high = 99}}, 100,
                                  index_loss_coefficient_);
  }
  // As if other weights had sampled: what was kept is used.
  void set_version(int64_t version) {
    for (auto& t : trajectories_) t.mutable_meta()->set_weights_version(version);
  }
  void forget_choices() {
    for (auto& t : trajectories_) t.clear_experts(), t.clear_index_entries();
  }
  OwnedWeights moved(const std::string& part, float by) {
    OwnedWeights w = random_weights(config_, 1);
    w.floats = initial_.floats;
    struct Move {
      const std::string& part;
      float by;
      void operator()(const std::string& name, kernels::Tensor& t, model::Role) {
        for (int64_t i = 0; i < t.size() && name.find(part) != std::string::npos; ++i)
          t.data[i] += by * testing::random_value(77, static_cast<uint64_t>(i));
      }
      void operator()(const std::string&, kernels::IntTensor&) {}
    } move{part, by};
    visit(w.weights, move);
    return w;
  }

  double index_loss_coefficient_ = 0.5;
  model::ModelConfig config_ = small_config();
  configs::OptimConfig optim_{.kind = configs::OptimKind::kAdamW, .grad_clip = 0.1};
  TempDir directory_;
  OwnedWeights initial_{config_};
  std::vector<proto::Trajectory> trajectories_;
};

// The first update: the weights are those that sampled. Choosing again changes not one bit, and
// the ratio is exactly 1.
TEST_F(KeepRoutingTest, OnPolicyItIsTheSameBits) {
  std::vector<std::vector<uint32_t>> gradients, weights;
  for (const int64_t version : {0, -1})
    for (const int threads : {1, 2}) {
      set_version(version);
      Policy p(config_, initial_.weights, optim_, file("state"), threads);
      const PolicyFigures f = accumulate(p);
      EXPECT_EQ(f.probs_diff_max, 0) << version;
      EXPECT_EQ(f.total().ppo_kl.value(), 0) << version;
      gradients.push_back(bits(flatten(p.trainer.gradients().weights())));
      p.trainer.step(1e-2);
      weights.push_back(bits(flatten(p.trainer.weights())));
    }
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(gradients[i], gradients[0]) << i;
    EXPECT_EQ(weights[i], weights[0]) << i;
  }
}

// The second update: the first one moved the routers. The routing bias then follows the sampled
// experts (and the router's own choice for the last token, which nobody has fed).
TEST_F(KeepRoutingTest, TheBiasCountsSampledExpertsAfterAMove) {
  const auto second_update = [&](int threads) {
    Policy p(config_, initial_.weights, optim_, file("state"), threads);
    accumulate(p);
    p.trainer.step(0.1);
    const auto biases = [&] {
      std::vector<std::vector<float>> b;
      for (size_t layer = 1; layer < 3; ++layer) {
        const kernels::Tensor& t = p.trainer.weights().blocks[layer].moe.bias;
        b.emplace_back(t.data, t.data + t.size());
      }
      return b;
    };
    const auto before = biases();
    const PolicyFigures f = accumulate(p);
    EXPECT_GT(std::abs(f.total().ppo_kl.value().value()), 1e-3);
    p.trainer.step(1e-3);
    std::vector<std::vector<int>> signs(2);
    for (size_t layer = 0; layer < 2; ++layer)
      for (size_t e = 0; e < 4; ++e) {
        const float d = biases()[layer][e] - before[layer][e];
        signs[layer].push_back(d > 0 ? 1 : d < 0 ? -1 : 0);
      }
    return std::pair(signs, bits(flatten(p.trainer.weights())));
  };
  const auto kept = second_update(1);
  EXPECT_EQ(second_update(2), kept);
  for (size_t layer = 0; layer < 2; ++layer) {
    int64_t load[4] = {}, total = 0, last = 0;
    for (const auto& t : trajectories_) {
      if (&t == &trajectories_[2]) continue;  // no advantage: not in the backward pass
      ++last;
      for (size_t at = 0; at < t.experts().size() / 4; ++at)
        for (size_t k = 0; k < 2; ++k, ++total)
          ++load[static_cast<size_t>(t.experts()[at * 4 + layer * 2 + k])];
    }
    int checked = 0;
    for (size_t e = 0; e < 4; ++e) {
      // Wherever the last tokens go, each to two experts.
      if (std::abs(static_cast<double>(load[e]) - static_cast<double>(total) / 4) <=
          2.0 * static_cast<double>(last))
        continue;
      EXPECT_EQ(kept.first[layer][e],
                static_cast<double>(load[e]) * 4 > static_cast<double>(total) ? -1 : 1)
          << layer << " " << e;
      ++checked;
    }
    EXPECT_GT(checked, 1) << layer;
  }
  forget_choices();
  const auto own = second_update(1);
  EXPECT_NE(own.first, kept.first);
  EXPECT_NE(own.second, kept.second);
}

// The indexers' loss does not change the policy's step, whatever it weighs.
TEST_F(KeepRoutingTest, TheIndexLossLeavesThePolicyAlone) {
  std::vector<std::vector<uint32_t>> policy, indexers;
  for (const double coefficient : {0.0, 1.0, 100.0}) {
    Policy p(config_, initial_.weights, optim_, file("state"));
    index_loss_coefficient_ = coefficient;
    accumulate(p);
    EXPECT_GT(p.trainer.step(1e-2).grad_norm, 0.1);  // clipped
    struct Split {
      std::vector<float> policy, indexers;
      void operator()(const std::string& name, const kernels::Tensor& t, model::Role) {
        auto& to = name.find(".indexer.") != std::string::npos ? indexers : policy;
        to.insert(to.end(), t.data, t.data + t.size());
      }
      void operator()(const std::string&, const kernels::IntTensor&) {}
    } split;
    visit(p.trainer.weights(), split);
    policy.push_back(bits(split.policy)), indexers.push_back(bits(split.indexers));
  }
  for (const size_t i : {1, 2}) {
    EXPECT_EQ(policy[i], policy[0]);
    EXPECT_NE(indexers[i], indexers[i - 1]);
  }
}

// Weights whose routers (or indexers) moved: with the sampled choices made again the policy is
// nearer to the one that sampled.
TEST_F(KeepRoutingTest, AMovedRouterDiffersLess) {
  for (const char* part : {"ffn.gate.weight", ".indexer."}) {
    const OwnedWeights weights = moved(part, part[0] == '.' ? 2.0f : 0.4f);
    set_version(-1);
    Policy kept(config_, weights.weights, optim_, file("kept"));
    const double with = accumulate(kept).probs_diff_max.value();
    set_version(0);
    Policy own(config_, weights.weights, optim_, file("own"));
    const double without = accumulate(own).probs_diff_max.value();
    EXPECT_LT(with, 0.7 * without) << part;
    // Nothing else reads the indexer: the same choices are the same policy.
    EXPECT_EQ(with == 0, part[0] == '.') << part;
  }
}

// The policy's loss with the sampled experts under moved weights against its gradient: along the
// gradient, with respect to the routers and to the whole model.
TEST_F(KeepRoutingTest, GradientThroughTheGateByDifferences) {
  set_version(-1);
  const OwnedWeights weights = moved("ffn.gate.weight", 0.4f);
  Policy p(config_, weights.weights, optim_, file("state"));
  accumulate(p);
  for (const std::string part : {"layers.1.ffn.gate.weight", "layers.2.ffn.gate.weight", ""}) {
    struct Pick {
      const std::string& part;
      std::vector<float> gradient;  // 0 elsewhere
      void operator()(const std::string& name, const kernels::Tensor& t, model::Role) {
        const bool in =
            name.find(part) != std::string::npos && name.find(".indexer.") == std::string::npos;
        for (int64_t i = 0; i < t.size(); ++i) gradient.push_back(in ? t.data[i] : 0.0f);
      }
      void operator()(const std::string&, const kernels::IntTensor&) {}
    } pick{part, {}};
    visit(p.trainer.gradients().weights(), pick);
    double square = 0;
    for (const float g : pick.gradient) square += static_cast<double>(g) * static_cast<double>(g);
    ASSERT_GT(square, 0) << part;
    const double norm = std::sqrt(square);
    const auto loss_at = [&](double distance) {
      OwnedWeights w = moved("ffn.gate.weight", 0.4f);
      for (size_t i = 0; i < pick.gradient.size(); ++i)
        w.floats[i] += static_cast<float>(distance / norm * static_cast<double>(pick.gradient[i]));
      Policy q(config_, w.weights, optim_, file("moved"));
      return accumulate(q).pg_loss.value().value();
    };
    const double step = part.empty() ? 3e-3 : 2e-2;
    EXPECT_NEAR((loss_at(step) - loss_at(-step)) / (2 * step), norm, 0.01 * norm) << part;
  }
}

}  // namespace
}  // namespace amalgam::learner
