#include "learner/step/supervised_step.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/learner/small_model.h"

namespace amalgam::learner {
namespace {

using testing::random_weights, testing::small_config;

class SupervisedStepTest : public ::testing::Test {
 protected:
  SupervisedStepTest() {
    for (int32_t i = 0; i < 24; ++i) ids_.push_back(i * 7 % 37);
  }
  TrainSequence sequence(size_t first_learned) const {
    std::vector<bool> learned(ids_.size());
    for (size_t i = first_learned; i < ids_.size(); ++i) learned[i] = true;
    return {ids_, learned};
  }
  // Loss before a step of this rate, and after it.
  std::pair<double, double> step(const SupervisedObjective& objective, double lr) {
    Trainer trainer(network_, state_, {.kind = configs::OptimKind::kAdamW, .weight_decay = 0}, 64);
    const std::vector<TrainSequence> batch = {sequence(9)};
    const double before = accumulate_supervised_loss(trainer, batch, objective, 0).loss.value();
    trainer.step(lr);
    return {before, accumulate_supervised_loss(trainer, batch, objective, 0).loss.value()};
  }

  model::ModelConfig config_ = small_config();
  kernels::ThreadPool pool_{2};
  model::Network network_{config_, pool_};
  TempDir directory_;
  TrainingState state_ = TrainingState::create(directory_ / "state", config_,
                                               random_weights(config_, 1).weights, pool_);
  std::vector<int32_t> ids_;
};

TEST_F(SupervisedStepTest, IsTheMeanOverLearnedTokens) {
  Trainer trainer(network_, state_, {.kind = configs::OptimKind::kAdamW}, 64);
  const std::vector<TrainSequence> one = {sequence(9)}, other = {sequence(20)},
                                   both = {sequence(9), sequence(20)};
  const auto a = accumulate_supervised_loss(trainer, one, {}, 0);
  const auto b = accumulate_supervised_loss(trainer, other, {}, 0);
  const auto all = accumulate_supervised_loss(trainer, both, {}, 0);
  EXPECT_EQ(a.num_tokens, 15);
  EXPECT_EQ(all.num_tokens, 19);
  EXPECT_NEAR(*all.loss, (15 * *a.loss + 4 * *b.loss) / 19, 1e-6);
  EXPECT_FALSE(all.broken);
}

// Of softmax(z / T): a hotter model is nearer to the uniform one, whose loss is log V.
TEST_F(SupervisedStepTest, ImitatesAtTheTemperature) {
  const auto [plain, plain_after] = step({}, 1e-3);
  EXPECT_LT(plain_after, plain);
  const double hot = step({.temperature = 1e3}, 0).first;
  EXPECT_NEAR(hot, std::log(37.0), 1e-3);
  EXPECT_GT(std::abs(plain - hot), 3e-3);
}

TEST_F(SupervisedStepTest, WeightZeroMeasuresAlone) {
  const auto [before, after] = step({.weight = 0}, 1e-2);
  EXPECT_EQ(before, after);
}

}  // namespace
}  // namespace amalgam::learner
