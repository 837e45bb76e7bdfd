// A token that the engine forced into an assistant turn is read and not learned: to the last bit it
// is a token of a tool.
#include <gtest/gtest.h>

#include "tests/learner/policy_case.h"

namespace amalgam::learner {
namespace {

using testing::bits, testing::flatten, testing::Policy, testing::random_weights,
    testing::small_config;

TEST(ForcedToken, IsNotLearned) {
  const model::ModelConfig config = small_config();
  const auto initial = random_weights(config, 1);
  const TempDir directory;
  const auto learn = [&](proto::Writer writer) {
    Policy p(config, initial.weights, {}, directory / proto::Writer_Name(writer));
    std::vector<proto::Trajectory> trajectories = {testing::conversation(23, 1),
                                                   testing::conversation(14, 2)};
    p.sample(trajectories);
    for (auto& t : trajectories) (*t.mutable_writer())[10] = static_cast<char>(writer);
    if (writer == proto::WRITER_POLICY)
      for (auto& t : trajectories) {
        std::vector<float> logprobs(t.logprobs().begin(), t.logprobs().end());
        logprobs.insert(logprobs.begin() + 5, -1);
        t.mutable_logprobs()->Assign(logprobs.begin(), logprobs.end());
      }
    const std::vector<PolicySample> samples = {{&trajectories[0], 1}, {&trajectories[1], -0.5}};
    const PolicyFigures f = accumulate_policy_loss(
        p.trainer, samples, {.algorithm = {.clip_ratio_low = 1, .clip_ratio_high = 99}}, 100, 0.5);
    if (writer != proto::WRITER_POLICY) {
      EXPECT_EQ(f.probs_diff_max, 0);
    }
    return bits(flatten(p.trainer.gradients().weights()));
  };
  const auto forced = learn(proto::WRITER_FORCED);
  EXPECT_EQ(forced, learn(proto::WRITER_TOOL));
  EXPECT_NE(forced, learn(proto::WRITER_POLICY));
}

}  // namespace
}  // namespace amalgam::learner
