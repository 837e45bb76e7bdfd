#include "learner/step/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/learner/small_model.h"

namespace amalgam::learner {
namespace {

using testing::bits, testing::OwnedWeights, testing::random_weights, testing::small_config;

// One sequence of the small model, which has an MTP block, learned by heart.
class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() {
    for (int32_t i = 0; i < 24; ++i) ids_.push_back(i * 7 % 37);
  }

  // One step; the mean loss before it.
  double train(Trainer& trainer) {
    const double loss = accumulate(trainer);
    EXPECT_EQ(trainer.step(1e-2).outcome, StepOutcome::kDone);
    return loss;
  }
  double accumulate(Trainer& trainer, double index_loss_coefficient = 0) {
    const TrainSequence sequence{ids_, std::vector<bool>(ids_.size(), true)};
    double loss = 0;
    const auto loss_of = [&](const MicroBatch& micro, const model::Var& hidden) {
      const auto n = static_cast<float>(ids_.size() - 1);
      for (const float l : trainer.cross_entropy(micro, hidden, 1 / n)) loss -= l / n;
    };
    trainer.accumulate({&sequence, 1}, index_loss_coefficient, loss_of);
    return loss;
  }

  model::ModelConfig config_ = small_config();
  kernels::ThreadPool pool_{2};
  model::Network network_{config_, pool_};
  TempDir directory_;
  TrainingState state_ = TrainingState::create(directory_ / "state", config_,
                                               random_weights(config_, 1).weights, pool_);
  std::vector<int32_t> ids_;
};

TEST_F(TrainerTest, LossFalls) {
  Trainer trainer(network_, state_, {.kind = configs::OptimKind::kAdamW}, 64);
  const double first = train(trainer);
  double last = first;
  for (int i = 0; i < 30; ++i) last = train(trainer);
  EXPECT_NEAR(first, std::log(37.0), 0.5);
  EXPECT_LT(last, 0.5 * first);
}

// The indexer's warm-up moves every indexer tensor and not one bit of anything else, and its KL
// falls.
TEST_F(TrainerTest, WarmUpTrainsOnlyTheIndexers) {
  OwnedWeights large = random_weights(config_, 1);  // attention and scores that are far from even
  for (float& w : large.floats) w *= 8;
  TrainingState state = TrainingState::create(directory_ / "large", config_, large.weights, pool_);
  Trainer trainer(network_, state, {.kind = configs::OptimKind::kAdamW}, 64,
                  {.trained = Trained::kIndexer});
  struct Collect {
    std::map<std::string, std::vector<float>> tensors;
    void operator()(const std::string& name, const kernels::Tensor& t, model::Role) {
      tensors[name].assign(t.data, t.data + t.size());
    }
    void operator()(const std::string&, const kernels::IntTensor&) {}
  } before, after;
  visit(trainer.weights(), before);
  const TrainSequence sequence{ids_, std::vector<bool>(ids_.size(), true)};
  std::vector<double> kl;
  for (int i = 0; i < 60; ++i) {
    trainer.accumulate({&sequence, 1}, 1, [](const MicroBatch&, const model::Var&) {});
    kl.push_back(trainer.index_loss().value());
    EXPECT_EQ(trainer.step(0.01).outcome, StepOutcome::kDone);
  }
  EXPECT_GT(kl.front(), 0.01);
  EXPECT_LT(kl.back(), 0.8 * kl.front());
  visit(trainer.weights(), after);
  int moved = 0;
  for (const auto& [name, was] : before.tensors) {
    const bool is_indexer = name.find(".indexer.") != std::string::npos;
    EXPECT_EQ(bits(after.tensors[name]) != bits(was), is_indexer) << name;
    moved += is_indexer;
  }
  EXPECT_EQ(moved, 6);
}

// The indexers are clipped by themselves: whatever their loss weighs, everything else keeps its
// step, to the bit; without one they stay as they are.
TEST_F(TrainerTest, TheIndexLossMovesTheIndexersAlone) {
  config_.mtp_attention = model::AttentionKind::kCsa;  // its indexer is one of them
  OwnedWeights initial = random_weights(config_, 1);
  for (float& w : initial.floats) w *= 8;
  const auto parts = [&](const model::Weights& weights) {
    struct Split {
      std::vector<float> rest, indexers;
      void operator()(const std::string& name, const kernels::Tensor& t, model::Role) {
        auto& to = name.find(".indexer.") != std::string::npos ? indexers : rest;
        to.insert(to.end(), t.data, t.data + t.size());
      }
      void operator()(const std::string&, const kernels::IntTensor&) {}
    } split;
    visit(weights, split);
    return std::pair(bits(split.rest), bits(split.indexers));
  };
  for (const auto kind : {configs::OptimKind::kMuon, configs::OptimKind::kAdamW}) {
    std::vector<std::vector<uint32_t>> rest, indexers;
    for (const double coefficient : {0.0, 1.0, 100.0}) {
      TempDir directory;
      TrainingState state =
          TrainingState::create(directory / "state", config_, initial.weights, pool_);
      model::Network network(config_, pool_);
      Trainer trainer(network, state, {.kind = kind, .grad_clip = 0.01}, 64);
      trainer.set_mtp_loss(0.3, model::MtpGradient::kAll);
      accumulate(trainer, coefficient);
      EXPECT_EQ(trainer.index_loss().has_value(), coefficient > 0);
      const StepReport report = trainer.step(1e-2);
      EXPECT_GT(report.grad_norm, 0.01);  // clipped
      EXPECT_GT(report.mtp_grad_norm, 0.01);
      EXPECT_EQ(report.index_grad_norm > 0.01, coefficient > 0) << report.index_grad_norm;
      const auto [others, own] = parts(trainer.weights());
      rest.push_back(others), indexers.push_back(own);
    }
    EXPECT_EQ(rest[1], rest[0]);
    EXPECT_EQ(rest[2], rest[0]);
    EXPECT_EQ(indexers[0], parts(initial.weights).second);
    EXPECT_NE(indexers[1], indexers[0]);
    EXPECT_NE(indexers[2], indexers[1]);
  }
}

// The balance loss alone moves the router, by its mean over the sequences: copies of one change
// nothing.
TEST_F(TrainerTest, BalanceLossIsAMeanOverSequences) {
  const auto gate = [&](double coefficient, size_t copies) {
    Trainer trainer(network_, state_, {.kind = configs::OptimKind::kAdamW}, 64,
                    {.balance_loss_coefficient = coefficient});
    const std::vector<TrainSequence> batch(copies, {ids_, std::vector<bool>(ids_.size(), true)});
    trainer.accumulate(batch, 0, [](const MicroBatch&, const model::Var&) {});
    const model::Matrix& g = trainer.gradients().weights().blocks[1].moe.gate;
    return std::vector<float>(g.data, g.data + g.size());
  };
  const std::vector<float> none = gate(0, 1), one = gate(1, 1), two = gate(1, 2);
  float largest = 0;
  for (const float g : one) largest = std::max(largest, std::abs(g));
  EXPECT_GT(largest, 1e-4f);
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(none[i], 0);
    EXPECT_NEAR(two[i], one[i], 1e-5f * largest);
  }
}

TEST_F(TrainerTest, BalanceLossIsReportedPerSequenceAndLayer) {
  Trainer trainer(network_, state_, {.kind = configs::OptimKind::kAdamW}, 64,
                  {.balance_loss_coefficient = 1e-4});
  train(trainer);
  EXPECT_GT(trainer.balance_loss(), 0.9);  // about 1: the load of a new router is nearly even
  EXPECT_LT(trainer.balance_loss(), 2);    // E/K
}

// Blocks that run move their routing bias by the balance rule; an MTP block that is not trained has
// no load and stays.
TEST_F(TrainerTest, OnlyBlocksThatRunMoveTheirRoutingBias) {
  Trainer trainer(network_, state_, {.kind = configs::OptimKind::kAdamW}, 64);
  const auto copy = [](const kernels::Tensor& t) {
    return std::vector<float>(t.data, t.data + t.size());
  };
  ASSERT_GT(trainer.weights().mtp[0].block.moe.bias.size(), 0);
  const auto mtp = copy(trainer.weights().mtp[0].block.moe.bias);
  const auto block = copy(trainer.weights().blocks[1].moe.bias);
  train(trainer);
  EXPECT_EQ(copy(trainer.weights().mtp[0].block.moe.bias), mtp);
  EXPECT_NE(copy(trainer.weights().blocks[1].moe.bias), block);
  EXPECT_FALSE(trainer.mtp_loss());
  trainer.set_mtp_loss(0.3, model::MtpGradient::kAll);
  train(trainer);
  EXPECT_NE(copy(trainer.weights().mtp[0].block.moe.bias), mtp);
}

TEST_F(TrainerTest, MtpLossFalls) {
  for (const auto gradient : {model::MtpGradient::kAll, model::MtpGradient::kBlockOnly}) {
    TempDir directory;
    TrainingState state = TrainingState::create(directory / "state", config_,
                                                random_weights(config_, 1).weights, pool_);
    Trainer trainer(network_, state, {.kind = configs::OptimKind::kAdamW}, 64);
    trainer.set_mtp_loss(0.3, gradient);
    train(trainer);
    const double first = trainer.mtp_loss().value();
    for (int i = 0; i < 30; ++i) train(trainer);
    EXPECT_NEAR(first, std::log(37.0), 0.5);
    EXPECT_LT(trainer.mtp_loss().value(), 0.6 * first);
  }
}

// Beside another loss the block alone may learn: everything else keeps that loss's step, to the
// bit.
TEST_F(TrainerTest, BlockOnlyLeavesTheRestOfTheModelAlone) {
  std::vector<std::vector<float>> rest, block;
  for (const double weight : {0.0, 0.1}) {
    TempDir directory;
    TrainingState state = TrainingState::create(directory / "state", config_,
                                                random_weights(config_, 1).weights, pool_);
    Trainer trainer(network_, state, {.kind = configs::OptimKind::kMuon}, 64);
    trainer.set_mtp_loss(weight, model::MtpGradient::kBlockOnly);
    for (int i = 0; i < 2; ++i) train(trainer);
    struct Split {
      std::vector<float> rest, block;
      void operator()(const std::string& name, const kernels::Tensor& t, model::Role) {
        auto& to = name.starts_with("mtp.") ? block : rest;
        to.insert(to.end(), t.data, t.data + t.size());
      }
      void operator()(const std::string&, const kernels::IntTensor&) {}
    } split;
    visit(trainer.weights(), split);
    rest.push_back(split.rest), block.push_back(split.block);
  }
  EXPECT_EQ(testing::bits(rest[0]), testing::bits(rest[1]));
  EXPECT_NE(block[0], block[1]);
}

// The mean is over learned tokens that have two before them, in all micro-batches together.
TEST_F(TrainerTest, MtpLossCountsLearnedTokensOnly) {
  const std::vector<int32_t> shorter(ids_.begin(), ids_.begin() + 9),
      two(ids_.begin(), ids_.begin() + 2);
  std::vector<bool> some(ids_.size(), false), none(shorter.size(), false);
  some[1] = some[5] = some[23] = true;  // 1 has one before it only
  const auto mean = [&](const std::vector<TrainSequence>& batch, int64_t max_tokens) {
    Trainer trainer(network_, state_, {}, max_tokens);
    trainer.set_mtp_loss(0.3, model::MtpGradient::kAll);
    trainer.accumulate(batch, 0, [](const MicroBatch&, const model::Var&) {});
    return trainer.mtp_loss();
  };
  const auto alone = [&](size_t token) {
    std::vector<bool> one(ids_.size(), false);
    one[token] = true;
    return mean({{ids_, one}}, 64).value();
  };
  const double want = (alone(5) + alone(23)) / 2;
  EXPECT_NE(alone(5), alone(23));
  EXPECT_NEAR(mean({{ids_, some}}, 64).value(), want, 1e-6);
  for (const int64_t max_tokens : {64, 20})
    EXPECT_NEAR(mean({{shorter, none}, {ids_, some}, {two, {true, true}}}, max_tokens).value(),
                want, 1e-6);
  EXPECT_FALSE(mean({{shorter, none}, {two, {true, true}}}, 64));
}

TEST_F(TrainerTest, MtpBitsDoNotDependOnTheNumberOfThreads) {
  std::vector<std::vector<uint32_t>> bits;
  for (const int threads : {1, 3}) {
    kernels::ThreadPool pool(threads);
    model::Network network(config_, pool);
    TempDir directory;
    TrainingState state = TrainingState::create(directory / "state", config_,
                                                random_weights(config_, 1).weights, pool);
    Trainer trainer(network, state, {.kind = configs::OptimKind::kMuon}, 64);
    trainer.set_mtp_loss(0.3, model::MtpGradient::kAll);
    for (int i = 0; i < 2; ++i) train(trainer);
    bits.push_back(testing::bits(testing::flatten(trainer.weights())));
  }
  EXPECT_EQ(bits[0], bits[1]);
}

}  // namespace
}  // namespace amalgam::learner
