#include "kernels/head/categorical.h"

#include "kernels/device/rng.h"
#include "kernels/head/softmax.h"
#include "tests/kernels/kernel_case.h"

namespace amalgam::kernels {
namespace {

constexpr float kNever = -INFINITY;

int64_t sample_at(double temperature, const float* z, int64_t V, double u) {
  std::vector<float> tempered(static_cast<size_t>(V));
  temper(z, V, temperature, tempered.data());
  return sample_categorical(tempered.data(), V, u);
}

TEST(CategoricalTest, HandCase) {
  // Probabilities 0.2, 0.3, 0.5: cumulative 0.2, 0.5, 1.
  const float z[] = {std::log(2.0f), std::log(3.0f), std::log(5.0f)};
  EXPECT_EQ(sample_categorical(z, 3, 0), 0);
  EXPECT_EQ(sample_categorical(z, 3, 0.199), 0);
  EXPECT_EQ(sample_categorical(z, 3, 0.201), 1);
  EXPECT_EQ(sample_categorical(z, 3, 0.499), 1);
  EXPECT_EQ(sample_categorical(z, 3, 0.501), 2);
  EXPECT_EQ(sample_categorical(z, 3, 0.999999), 2);
  // Temperature 0.5 squares them: 4, 9, 25 of 38.
  EXPECT_EQ(sample_at(0.5, z, 3, 4.1 / 38), 1);
  EXPECT_EQ(sample_at(0.5, z, 3, 12.9 / 38), 1);
  EXPECT_EQ(sample_at(0.5, z, 3, 13.1 / 38), 2);
}

TEST(CategoricalTest, NeverAnImpossibleToken) {
  constexpr double kAlmostOne = 1 - 0x1p-53;
  // The first sum to exceed 0 belongs to the first possible token; the last possible one ends the
  // range, also where the rest of its chunk of 256, or whole chunks, cannot occur.
  for (const int64_t V : {5, 256, 257, 700, 1024}) {
    for (const int64_t only : {int64_t{0}, int64_t{3}, V / 2, V - 1}) {
      std::vector<float> z(static_cast<size_t>(V), kNever);
      z[static_cast<size_t>(only)] = -3;
      for (const double u : {0.0, 0.5, kAlmostOne})
        EXPECT_EQ(sample_categorical(z.data(), V, u), only) << V;
    }
  }
  // A threshold of 0 at the end of an impossible chunk belongs to the next possible token.
  std::vector<float> two(700, kNever);
  two[300] = two[500] = 1;
  EXPECT_EQ(sample_categorical(two.data(), 700, 0), 300);
  EXPECT_EQ(sample_categorical(two.data(), 700, kAlmostOne), 500);
  // Terms of very different size: the running sum may end below the threshold by rounding.
  for (uint64_t stream = 0; stream < 300; ++stream) {
    auto z = random_floats(1000, stream, 25);
    std::fill(z.end() - 40, z.end(), kNever);
    EXPECT_LT(sample_categorical(z.data(), 1000, kAlmostOne), 960);
  }
  // Underflow to probability 0 counts as impossible too.
  const std::vector<float> far = {-200, 0, -200, 0, -200};
  for (int i = 0; i <= 1000; ++i) {
    const double u = std::min(i / 1000.0, kAlmostOne);
    const int64_t v = sample_categorical(far.data(), 5, u);
    EXPECT_TRUE(v == 1 || v == 3) << u;
  }
}

// Against the inverse CDF in double, for thresholds in the middle of each token's interval.
TEST(CategoricalTest, EveryTokenAtItsPlace) {
  for (const int64_t V : {1, 2, 255, 256, 257, 511, 513, 1000}) {
    const auto z = random_floats(V, 5, 2);
    double total = 0, before = 0;
    for (const float x : z) total += std::exp(static_cast<double>(x) / 1.3);
    for (int64_t v = 0; v < V; ++v) {
      const double p = std::exp(static_cast<double>(z[static_cast<size_t>(v)]) / 1.3);
      EXPECT_EQ(sample_at(1.3, z.data(), V, (before + p / 2) / total), v);
      before += p;
    }
  }
}

TEST(CategoricalTest, FrequenciesAreTheProbabilities) {
  const std::vector<float> z = {0.5f, -1, 2, 0, 1.5f};
  double total = 0;
  for (const float x : z) total += std::exp(static_cast<double>(x));
  constexpr int kDraws = 20000;
  std::vector<int> counts(5);
  for (int i = 0; i < kDraws; ++i)
    ++counts[static_cast<size_t>(
        sample_categorical(z.data(), 5, uniform({.seed = 4}, static_cast<uint64_t>(i))))];
  double chi_square = 0;
  for (size_t v = 0; v < 5; ++v) {
    const double want = kDraws * std::exp(static_cast<double>(z[v])) / total;
    chi_square += (counts[v] - want) * (counts[v] - want) / want;
  }
  EXPECT_LT(chi_square, 23.5);  // 4 degrees of freedom: p = 10^-4
}

TEST(CategoricalTest, LargeLogitsDoNotOverflow) {
  const float z[] = {1e30f, 1e30f, -1e30f};
  EXPECT_EQ(sample_categorical(z, 3, 0.4), 0);
  EXPECT_EQ(sample_categorical(z, 3, 0.6), 1);
  const float cold[] = {1, 2, 1.5f};
  for (const double u : {0.0, 0.3, 0.999}) EXPECT_EQ(sample_at(1e-4, cold, 3, u), 1);
}

TEST(CategoricalTest, SameTokenOnEveryInstructionSet) {
  const auto z = random_floats(1003, 6, 3);
  expect_same_bits_everywhere([&](ThreadPool&) {
    std::vector<float> tokens;
    for (int i = 0; i < 300; ++i)
      tokens.push_back(static_cast<float>(
          sample_at(0.7, z.data(), 1003, uniform({.seed = 9}, static_cast<uint64_t>(i)))));
    return tokens;
  });
}

}  // namespace
}  // namespace amalgam::kernels
