#include "kernels/head/softmax.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/device/rng.h"

namespace amalgam::kernels {
namespace {

constexpr int64_t kSizes[] = {1, 7, 8, 15, 16, 17, 31, 33, 2047, 2048, 2049, 4099, 129280};

std::vector<float> logits(int64_t n, uint64_t stream, double scale = 20) {
  std::vector<float> z(static_cast<size_t>(n));
  const RngKey key{.seed = 3, .stream = stream};
  for (size_t i = 0; i < z.size(); ++i) z[i] = static_cast<float>(scale * (uniform(key, i) - 0.5));
  return z;
}

struct Oracle {
  double lse = 0, entropy = 0;
};
Oracle oracle(const std::vector<float>& z) {
  double max = -std::numeric_limits<double>::infinity(), sum = 0;
  for (const float x : z) max = std::max(max, static_cast<double>(x));
  for (const float x : z) sum += std::exp(x - max);
  Oracle o{.lse = max + std::log(sum)};
  for (const float x : z) {
    const double p = std::exp(x - o.lse);
    if (p > 0) o.entropy -= p * (x - o.lse);
  }
  return o;
}

TEST(SoftmaxTest, HandComputed) {
  const float z[] = {0, std::log(3.0f)};  // probabilities 1/4, 3/4
  EXPECT_NEAR(log_sum_exp(z, 2), std::log(4.0), 1e-6);
  EXPECT_NEAR(log_softmax_at(z, 2, 0), std::log(0.25), 1e-6);
  EXPECT_NEAR(log_softmax_at(z, 2, 1), std::log(0.75), 1e-6);
  EXPECT_NEAR(softmax_entropy(z, 2, log_sum_exp(z, 2)),
              -0.25 * std::log(0.25) - 0.75 * std::log(0.75), 1e-6);
}

TEST(SoftmaxTest, CloseToDouble) {
  for (const int64_t n : kSizes) {
    for (const double scale : {0.1, 5.0, 60.0}) {
      const auto z = logits(n, static_cast<uint64_t>(n), scale);
      const Oracle o = oracle(z);
      const float lse = log_sum_exp(z.data(), n);
      EXPECT_NEAR(lse, o.lse, 4e-7 * (1 + std::abs(o.lse))) << n << " " << scale;
      EXPECT_NEAR(softmax_entropy(z.data(), n, lse), o.entropy, 4e-6 * (1 + o.entropy))
          << n << " " << scale;
    }
  }
}

TEST(SoftmaxTest, LargeLogitsDoNotOverflow) {
  const std::vector<float> z = {1000, 999, -1000};
  EXPECT_NEAR(log_sum_exp(z.data(), 3), 1000 + std::log1p(std::exp(-1.0)), 1e-4);
}

TEST(SoftmaxTest, MaskedTokens) {
  constexpr float kMasked = -std::numeric_limits<float>::infinity();
  const std::vector<float> z = {kMasked, 2, kMasked, 2};
  const float lse = log_sum_exp(z.data(), 4);
  EXPECT_NEAR(lse, 2 + std::log(2.0), 1e-6);
  EXPECT_EQ(log_softmax_at(z.data(), 4, 0), kMasked);
  EXPECT_NEAR(softmax_entropy(z.data(), 4, lse), std::log(2.0), 1e-6);
}

// One broken logit is enough, wherever it stands.
TEST(SoftmaxTest, NotANumberIsNotHidden) {
  for (const int64_t n : {7, 16, 33, 2049})
    for (const size_t at : {size_t{0}, size_t{4}, static_cast<size_t>(n - 1)})
      for (const float bad :
           {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        auto z = logits(n, 1);
        z[at] = bad;
        EXPECT_FALSE(std::isfinite(log_sum_exp(z.data(), n))) << n << " " << at;
        EXPECT_FALSE(std::isfinite(log_softmax_at(z.data(), n, 2))) << n << " " << at;
      }
}

TEST(SoftmaxTest, TemperedHandComputed) {
  const float z[] = {0, std::log(3.0f)};  // at T = 1/2 the weights 1 and 3 are squared
  float t[2];
  temper(z, 2, 0.5, t);
  EXPECT_NEAR(log_softmax_at(t, 2, 0), std::log(0.1), 1e-6);
  EXPECT_NEAR(log_softmax_at(t, 2, 1), std::log(0.9), 1e-6);
  EXPECT_NEAR(softmax_entropy(t, 2, log_sum_exp(t, 2)), -0.1 * std::log(0.1) - 0.9 * std::log(0.9),
              1e-6);
}

// Also in place, on every instruction set and at every place of a row; a masked token stays so.
TEST(SoftmaxTest, TemperedIsTheQuotient) {
  constexpr float kMasked = -std::numeric_limits<float>::infinity();
  int differs_from_product = 0;
  for (const int64_t n : kSizes) {
    auto z = logits(n, static_cast<uint64_t>(n));
    if (n > 7) z[5] = kMasked;
    for (const double temperature : {0.01, 0.5, 0.7, 1.3, 100.0}) {
      std::vector<float> apart(z.size()), in_place = z;
      temper(z.data(), n, temperature, apart.data());
      temper(in_place.data(), n, temperature, in_place.data());
      const auto t = static_cast<float>(temperature);
      for (size_t i = 0; i < z.size(); ++i) {
        ASSERT_EQ(apart[i], z[i] / t) << n << " " << i;
        ASSERT_EQ(in_place[i], z[i] / t) << n << " " << i;
        differs_from_product += apart[i] != z[i] * (1 / t);
      }
    }
  }
  EXPECT_GT(differs_from_product, 1000);  // the two are told apart
}

TEST(SoftmaxTest, TemperatureOneKeepsEveryBit) {
  const std::vector<float> z = {-0.0f, 1e-42f, 3, -std::numeric_limits<float>::infinity(),
                                std::numeric_limits<float>::quiet_NaN()};
  std::vector<float> copy(5, 7.0f), in_place = z;
  temper(z.data(), 5, 1, copy.data());
  temper(in_place.data(), 5, 1, in_place.data());
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(std::bit_cast<uint32_t>(copy[i]), std::bit_cast<uint32_t>(z[i]));
    EXPECT_EQ(std::bit_cast<uint32_t>(in_place[i]), std::bit_cast<uint32_t>(z[i]));
  }
}

TEST(SoftmaxTest, BitsDependOnTheRowOnly) {
  for (const int64_t n : kSizes) {
    constexpr int64_t kRows = 5;
    std::vector<float> z(static_cast<size_t>(kRows * n));
    for (int64_t r = 0; r < kRows; ++r) {
      const auto row = logits(n, static_cast<uint64_t>(r));
      std::copy(row.begin(), row.end(), z.begin() + r * n);
    }
    std::vector<float> one(kRows), two(kRows);
    ThreadPool pool1(1), pool2(2);
    log_sum_exp_rows(pool1, z.data(), kRows, n, one.data());
    log_sum_exp_rows(pool2, z.data(), kRows, n, two.data());
    for (int64_t r = 0; r < kRows; ++r) {
      // Another address, hence another alignment.
      std::vector<float> copy(static_cast<size_t>(n + 1));
      std::copy_n(z.data() + r * n, n, copy.data() + 1);
      const auto bits = std::bit_cast<uint32_t>(one[static_cast<size_t>(r)]);
      EXPECT_EQ(bits, std::bit_cast<uint32_t>(two[static_cast<size_t>(r)]));
      EXPECT_EQ(bits, std::bit_cast<uint32_t>(log_sum_exp(copy.data() + 1, n)));
    }
  }
}

}  // namespace
}  // namespace amalgam::kernels
