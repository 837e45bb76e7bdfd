#include "kernels/moe/balance_loss.h"

#include "tests/kernels/kernel_case.h"

namespace amalgam::kernels {
namespace {

using Doubles = std::vector<double>;

struct Case {
  Case(int64_t E, int64_t K, const std::vector<int64_t>& lengths)
      : op{.num_experts = E, .topk = K, .sequences = {}} {
    for (const int64_t n : lengths) sequences.push_back({T, n}), T += n;
    scores = random_floats(T * E, 1);
    for (float& s : scores) s = std::abs(s) + 0.05f;
    for (int64_t t = 0; t < T; ++t)  // uneven: expert 0 always, the others by turns
      for (int64_t k = 0; k < K; ++k)
        experts.push_back(k == 0 ? 0 : static_cast<int32_t>(1 + (t + k) % (E - 1)));
  }
  BalanceLoss bound() const {
    BalanceLoss o = op;
    o.sequences = sequences;
    return o;
  }
  double oracle(const Doubles& s) const {
    double loss = 0;
    const int64_t E = op.num_experts, K = op.topk;
    for (const RowRange& r : sequences)
      for (int64_t e = 0; e < E; ++e) {
        double f = 0, P = 0;
        for (int64_t t = r.row; t < r.row + r.num_rows; ++t) {
          double sum = 0;
          for (int64_t i = 0; i < E; ++i) sum += s[t * E + i];
          P += s[t * E + e] / sum;
          for (int64_t k = 0; k < K; ++k) f += experts[t * K + k] == e;
        }
        const auto n = static_cast<double>(r.num_rows);
        loss += f * static_cast<double>(E) / (static_cast<double>(K) * n) * P / n;
      }
    return loss;
  }

  BalanceLoss op;
  int64_t T = 0;
  std::vector<RowRange> sequences;
  std::vector<float> scores;
  std::vector<int32_t> experts;
};

TEST(BalanceLossTest, HandCase) {
  // Two tokens, three experts, one each: f = 3/2 (1, 1, 0), P = (1/4 + 1/2, 1/4 + 0, 1/2 + 1/2)
  // / 2.
  const float scores[] = {1, 1, 2, 3, 0, 3};
  const int32_t experts[] = {0, 1};
  const RowRange all{0, 2};
  float ds[6];
  ThreadPool pool(1);
  const double loss = balance_loss(pool, {.num_experts = 3, .topk = 1, .sequences = {&all, 1}},
                                   scores, experts, 2, ds);
  EXPECT_NEAR(loss, 1.5 * (0.375 + 0.125), 1e-7);
  // Token 0: Σ = 4, Σ f p = 3/4: 2/(2·4) (3/2 - 3/4), the same, 2/(2·4) (0 - 3/4).
  EXPECT_NEAR(ds[0], 0.1875, 1e-7);
  EXPECT_NEAR(ds[1], 0.1875, 1e-7);
  EXPECT_NEAR(ds[2], -0.1875, 1e-7);
}

TEST(BalanceLossTest, EvenLoadIsOne) {
  const std::vector<float> scores = random_floats(8 * 4, 3, 0.1);
  std::vector<float> s(scores), ds(s.size());
  for (float& x : s) x += 1;
  std::vector<int32_t> experts;
  for (int32_t t = 0; t < 8; ++t) experts.push_back(t % 4);
  const RowRange all{0, 8};
  ThreadPool pool(1);
  EXPECT_NEAR(balance_loss(pool, {.num_experts = 4, .topk = 1, .sequences = {&all, 1}}, s.data(),
                           experts.data(), 1, ds.data()),
              1, 1e-6);
  for (const float g : ds) EXPECT_NEAR(g, 0, 1e-7);
}

TEST(BalanceLossTest, CloseToDoubleAndFiniteDifferences) {
  ThreadPool pool(2);
  for (const auto& [E, K] : {std::pair<int64_t, int64_t>{2, 1}, {5, 2}, {17, 6}, {64, 3}}) {
    const Case k(E, K, {7, 1, 12});
    std::vector<float> ds(k.scores.size());
    const double loss =
        balance_loss(pool, k.bound(), k.scores.data(), k.experts.data(), 1, ds.data());
    const auto s = to_double(k.scores);
    EXPECT_NEAR(loss, k.oracle(s), 1e-6 * loss);
    EXPECT_LT(gradient_error(s, ds, [&](const auto& v) { return k.oracle(v); }), 3e-6) << E;
  }
}

// A sequence's rows are the same bits alone, and its load does not count for others.
TEST(BalanceLossTest, EverySequenceAlone) {
  ThreadPool pool(1);
  const Case k(6, 2, {9, 4, 15});
  std::vector<float> all(k.scores.size());
  const double loss =
      balance_loss(pool, k.bound(), k.scores.data(), k.experts.data(), 0.5f, all.data());
  double sum = 0;
  for (const RowRange& r : k.sequences) {
    const RowRange one{0, r.num_rows};
    std::vector<float> ds(r.num_rows * 6);
    sum += balance_loss(pool, {.num_experts = 6, .topk = 2, .sequences = {&one, 1}},
                        k.scores.data() + r.row * 6, k.experts.data() + r.row * 2, 0.5f, ds.data());
    EXPECT_TRUE(same_bits(ds, slice(all, r.row * 6, r.num_rows * 6)));
  }
  EXPECT_EQ(sum, loss);
}

TEST(BalanceLossTest, ScoresThatUnderflowedGiveNoNaN) {
  const float scores[] = {0, 0, 1, 1};
  const int32_t experts[] = {0, 1};
  const RowRange all{0, 2};
  float ds[4] = {7, 7, 7, 7};
  ThreadPool pool(1);
  EXPECT_TRUE(std::isfinite(balance_loss(
      pool, {.num_experts = 2, .topk = 1, .sequences = {&all, 1}}, scores, experts, 1, ds)));
  EXPECT_EQ(ds[0], 0);
  EXPECT_EQ(ds[1], 0);
}

TEST(BalanceLossTest, SameBitsOnAnyNumberOfThreads) {
  const Case k(22, 4, {100, 3, 57, 1, 80});
  expect_same_bits_everywhere([&](ThreadPool& pool) {
    std::vector<float> ds(k.scores.size());
    const double loss =
        balance_loss(pool, k.bound(), k.scores.data(), k.experts.data(), 0.3f, ds.data());
    ds.push_back(static_cast<float>(loss));
    return ds;
  });
}

}  // namespace
}  // namespace amalgam::kernels
