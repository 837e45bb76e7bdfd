#include "pipeline/workers/policy_cache.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "model/checkpoint/checkpoint.h"
#include "tests/error_of.h"
#include "tests/learner/small_model.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

class PolicyCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a", "b"}) model::save_model(dir_ / name, config_, weights_.weights);
    state_.emplace(
        learner::TrainingState::create(dir_ / "state", config_, weights_.weights, pool_));
  }
  proto::WeightsRef model(const std::string& name) const {
    proto::WeightsRef ref;
    ref.set_model_dir(dir_ / name);
    return ref;
  }
  proto::WeightsRef policy() const {
    proto::WeightsRef ref = model("a");
    ref.set_state_path(dir_ / "state");
    ref.set_state_step(state_->step());
    return ref;
  }
  void learn() { state_->commit(pool_); }

  const TempDir dir_;
  const model::ModelConfig config_ = learner::testing::small_config();
  const learner::testing::OwnedWeights weights_ = learner::testing::random_weights(config_, 1);
  kernels::ThreadPool pool_{1};
  const configs::NumericsConfig numerics_;
  std::optional<learner::TrainingState> state_;
  PolicyCache cache_{pool_, numerics_};
};

TEST_F(PolicyCacheTest, KeepsWhatIsAnnounced) {
  EXPECT_FALSE(cache_.has(policy()));
  const Policy* first = &cache_.get(policy(), /*keep=*/true);
  EXPECT_TRUE(cache_.has(policy()));
  EXPECT_EQ(&cache_.get(policy(), /*keep=*/false), first);
  EXPECT_FALSE(cache_.has(policy()));  // the last request with it was served
}

TEST_F(PolicyCacheTest, KeepsThePolicyAndItsJudge) {
  const Policy* policies = &cache_.get(policy(), true);
  const Policy* judge = &cache_.get(model("b"), true);
  EXPECT_NE(policies, judge);
  EXPECT_TRUE(cache_.has(policy()));
  EXPECT_EQ(&cache_.get(policy(), true), policies);
  EXPECT_EQ(&cache_.get(model("b"), true), judge);
}

// Neither the weights of an earlier step nor what stood under the same name.
TEST_F(PolicyCacheTest, OtherWeightsAreLoaded) {
  const proto::WeightsRef before = policy();
  cache_.get(before, true);
  cache_.get(model("b"), true);
  learn();
  EXPECT_FALSE(cache_.has(policy()));
  EXPECT_EQ(cache_.get(policy(), true).state->step(), before.state_step() + 1);
  EXPECT_FALSE(cache_.has(before));  // never wanted again, it takes no memory
  EXPECT_TRUE(cache_.has(model("b")));
  EXPECT_NE(tests::error_of([&] { cache_.get(before, true); }).find("not the step"),
            std::string::npos);

  std::filesystem::remove_all(dir_ / "b");
  EXPECT_FALSE(cache_.has(model("b")));
  const auto others = learner::testing::random_weights(config_, 2);
  model::save_model(dir_ / "b", config_, others.weights);
  EXPECT_FALSE(cache_.has(model("b")));
}

}  // namespace
}  // namespace amalgam::pipeline
