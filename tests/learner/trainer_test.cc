#include "learner/trainer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/learner/small_model.h"

namespace amalgam::learner {
namespace {

using testing::random_weights, testing::small_config, testing::TempDir;

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
