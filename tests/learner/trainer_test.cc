#include "learner/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/learner/small_model.h"

namespace amalgam::learner {
namespace {

using testing::bits, testing::OwnedWeights, testing::random_weights, testing::small_config,
    testing::TempDir;

// One sequence of the small model, which has an MTP block, learned by heart.
class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() {
    for (int32_t i = 0; i < 24; ++i) ids_.push_back(i * 7 % 37);
  }

  // One step; the mean loss before it.
  double train(Trainer& trainer) {
    const TrainSequence sequence{ids_, std::vector<bool>(ids_.size(), true)};
    double loss = 0;
    trainer.accumulate({&sequence, 1}, 0, [&](const MicroBatch& micro, const model::Var& hidden) {
      const auto n = static_cast<float>(ids_.size() - 1);
      std::vector<float> weight(ids_.size(), 1 / n), logprob(ids_.size()), lse(ids_.size());
      kernels::head_cross_entropy(pool_, network_.scratch(),
                                  {.head = trainer.head(),
                                   .hidden = hidden.v.data,
                                   .targets = micro.targets.data(),
                                   .tokens = micro.tokens()},
                                  weight.data(), {logprob.data(), lse.data()},
                                  trainer.head_gradients(hidden));
      for (const float l : logprob) loss -= l / n;
    });
    EXPECT_EQ(trainer.step(1e-2).outcome, StepOutcome::kDone);
    return loss;
  }

  model::ModelConfig config_ = small_config();
  kernels::ThreadPool pool_{2};
  model::Network network_{config_, pool_};
  TempDir directory_;
  TrainingState state_ = TrainingState::create(directory_.file("state"), config_,
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
  TrainingState state =
      TrainingState::create(directory_.file("large"), config_, large.weights, pool_);
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
    kl.push_back(trainer.index_loss());
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

// Without the options nothing of a step changes; with a coefficient the step is another one.
TEST_F(TrainerTest, BalanceLossIsReportedPerSequenceAndLayer) {
  Trainer trainer(network_, state_, {.kind = configs::OptimKind::kAdamW}, 64,
                  {.balance_loss_coefficient = 1e-4});
  train(trainer);
  EXPECT_GT(trainer.balance_loss(), 0.9);  // about 1: the load of a new router is nearly even
  EXPECT_LT(trainer.balance_loss(), 2);    // E/K
}

// Blocks that run move their routing bias by the balance rule; the MTP block has no load and stays.
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
}

}  // namespace
}  // namespace amalgam::learner
