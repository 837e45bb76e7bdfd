#include "rollout/engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace amalgam::rollout {
namespace {

TEST(SamplerTest, TemperatureZeroTakesTheLargestAndTheSmallerIdOnATie) {
  const float z[] = {1, 3, -2, 3, 0};
  for (uint64_t position = 0; position < 20; ++position)
    EXPECT_EQ(sample_token(z, 5, 0, {.seed = 1}, position).id, 1);
  const float negative[] = {-5, -4, -4};
  EXPECT_EQ(sample_token(negative, 3, 0, {}, 0).id, 1);
}

// At temperature 0 the policy's own would be 0 for every token.
TEST(SamplerTest, LogprobsAreOfThePolicyAndUntempered) {
  const float z[] = {0.5f, -1, 2, 1.25f};
  const auto logprob = [&](int32_t token, double temperature) {
    double sum = 0;
    for (const float x : z) sum += std::exp(static_cast<double>(x) / temperature);
    return static_cast<double>(z[token]) / temperature - std::log(sum);
  };
  for (const double temperature : {0.0, 0.3, 1.0, 5.0})
    for (uint64_t position = 0; position < 30; ++position) {
      const SampledToken t = sample_token(z, 4, temperature, {.seed = 2}, position);
      EXPECT_NEAR(t.logprob, logprob(t.id, temperature == 0 ? 1 : temperature), 1e-6);
      EXPECT_NEAR(t.untempered_logprob, logprob(t.id, 1), 1e-6);
    }
}

TEST(SamplerTest, IsAFunctionOfKeyAndPosition) {
  std::vector<float> z(50);  // all alike
  const kernels::RngKey key{.seed = 3, .stream = 4, .request = 5};
  const auto tokens = [&](const kernels::RngKey& k) {
    std::vector<int32_t> ids;
    for (uint64_t position = 0; position < 40; ++position)
      ids.push_back(sample_token(z.data(), 50, 1, k, position).id);
    return ids;
  };
  const auto want = tokens(key);
  EXPECT_EQ(tokens(key), want);
  for (const kernels::RngKey& other :
       {kernels::RngKey{4, 4, 5}, kernels::RngKey{3, 5, 5}, kernels::RngKey{3, 4, 6}})
    EXPECT_NE(tokens(other), want);
  // The uniform number of the position, through the inverse CDF of 50 equal tokens.
  for (uint64_t position = 0; position < 40; ++position)
    EXPECT_EQ(want[position], static_cast<int32_t>(50 * kernels::uniform(key, position)));
}

TEST(SamplerTest, TemperatureSharpensAndFlattens) {
  const float z[] = {0, 1};
  const auto share_of_1 = [&](double temperature) {
    int ones = 0;
    for (uint64_t position = 0; position < 4000; ++position)
      ones += sample_token(z, 2, temperature, {.seed = 6}, position).id;
    return ones / 4000.0;
  };
  // sigmoid(1 / temperature), five standard deviations of 4000 draws
  EXPECT_NEAR(share_of_1(0.5), 1 / (1 + std::exp(-2.0)), 0.027);
  EXPECT_NEAR(share_of_1(1), 1 / (1 + std::exp(-1.0)), 0.036);
  EXPECT_NEAR(share_of_1(4), 1 / (1 + std::exp(-0.25)), 0.04);
}

}  // namespace
}  // namespace amalgam::rollout
