#include "kernels/moe/router.h"

#include <set>

#include "tests/kernels/kernel_case.h"

namespace amalgam::kernels {
namespace {

using Doubles = std::vector<double>;

double score(double z) { return std::sqrt(std::log1p(std::exp(z))); }

struct Case {
  Case(int64_t T, int64_t E, int64_t K, bool hash_ = false)
      : hash(hash_),
        op{.tokens = T, .num_experts = E, .topk = K, .scaling = 1.5f},
        logits(random_floats(T * E, 1, 3)),
        bias(random_floats(E, 2, 0.5)),
        dweights(random_floats(T * K, 3)) {
    for (int64_t v = 0; v < 11; ++v)
      for (int64_t i = 0; i < K; ++i) table.push_back(static_cast<int32_t>((v * 3 + i) % E));
    for (int64_t t = 0; t < T; ++t) ids.push_back(static_cast<int32_t>(t * 7 % 11));
  }
  Router bound() const {
    Router o = op;
    o.bias = bias.data();
    if (hash) o.tid2eid = table.data(), o.ids = ids.data();
    return o;
  }
  struct Result {
    std::vector<float> scores, weights, dlogits;
    std::vector<int32_t> experts;
  };
  Result run(ThreadPool& pool) const {
    Result r{std::vector<float>(logits.size()), std::vector<float>(dweights.size()),
             std::vector<float>(logits.size()), std::vector<int32_t>(dweights.size())};
    route(pool, bound(), logits.data(), r.scores.data(), r.experts.data(), r.weights.data());
    route_backward(pool, bound(), logits.data(), r.scores.data(), r.experts.data(), dweights.data(),
                   nullptr, r.dlogits.data());
    return r;
  }
  // Weights of the given experts.
  Doubles oracle(const std::vector<int32_t>& experts, const Doubles& z) const {
    Doubles w;
    for (int64_t t = 0; t < op.tokens; ++t) {
      double sum = 0;
      for (int64_t k = 0; k < op.topk; ++k)
        sum += score(z[t * op.num_experts + experts[t * op.topk + k]]);
      for (int64_t k = 0; k < op.topk; ++k)
        w.push_back(1.5 * score(z[t * op.num_experts + experts[t * op.topk + k]]) / sum);
    }
    return w;
  }

  bool hash;
  Router op;
  std::vector<float> logits, bias, dweights;
  std::vector<int32_t> table, ids;
};

TEST(RouterTest, HandCase) {
  // softplus(log(e^x - 1)) = x: scores 1, 2, 3, 0.5.
  const auto logit = [](double s) { return static_cast<float>(std::log(std::expm1(s * s))); };
  const float z[] = {logit(1), logit(2), logit(3), logit(0.5)}, bias[4] = {};
  float s[4], w[2];
  int32_t e[2];
  ThreadPool pool(1);
  route(pool, {.tokens = 1, .num_experts = 4, .topk = 2, .scaling = 2.5f, .bias = bias}, z, s, e,
        w);
  EXPECT_NEAR(s[0], 1, 1e-6);
  EXPECT_NEAR(s[2], 3, 1e-6);
  EXPECT_EQ(e[0], 1);
  EXPECT_EQ(e[1], 2);
  EXPECT_NEAR(w[0], 2.5 * 2 / 5, 1e-6);
  EXPECT_NEAR(w[1], 2.5 * 3 / 5, 1e-6);
}

TEST(RouterTest, BiasOnlySelects) {
  const float z[] = {2, 1, 0}, bias[] = {-10, 5, 1};
  float s[3], w[2];
  int32_t e[2];
  ThreadPool pool(1);
  route(pool, {.tokens = 1, .num_experts = 3, .topk = 2, .bias = bias}, z, s, e, w);
  EXPECT_EQ(e[0], 1);
  EXPECT_EQ(e[1], 2);
  EXPECT_NEAR(w[0], score(1) / (score(1) + score(0)), 1e-6);
  EXPECT_NEAR(w[0] + w[1], 1, 1e-6);
}

TEST(RouterTest, TiesGoToTheSmallerExpert) {
  const std::vector<float> z(9, 0.7f), bias(9);
  std::vector<float> s(9), w(4);
  std::vector<int32_t> e(4);
  ThreadPool pool(1);
  route(pool, {.tokens = 1, .num_experts = 9, .topk = 4, .bias = bias.data()}, z.data(), s.data(),
        e.data(), w.data());
  EXPECT_EQ(e, (std::vector<int32_t>{0, 1, 2, 3}));
  const std::vector<float> mixed = {1, 3, 2, 3, 2, 2, 3, 2, 0};
  route(pool, {.tokens = 1, .num_experts = 9, .topk = 4, .bias = bias.data()}, mixed.data(),
        s.data(), e.data(), w.data());
  EXPECT_EQ(e, (std::vector<int32_t>{1, 2, 3, 6}));
}

TEST(RouterTest, HashLayersTakeTheTable) {
  ThreadPool pool(1);
  const Case k(30, 9, 3, true);
  const auto r = k.run(pool);
  for (int64_t t = 0; t < 30; ++t) {
    const auto row = k.table.begin() + k.ids[t] * 3;
    EXPECT_EQ(std::set<int32_t>(row, row + 3),
              std::set<int32_t>(r.experts.begin() + t * 3, r.experts.begin() + t * 3 + 3));
    EXPECT_TRUE(std::is_sorted(r.experts.begin() + t * 3, r.experts.begin() + t * 3 + 3));
  }
  EXPECT_LT(relative_error(k.oracle(r.experts, to_double(k.logits)), r.weights), 2e-6);
}

TEST(RouterTest, CloseToDoubleAndFiniteDifferences) {
  ThreadPool pool(1);
  for (const bool hash : {false, true}) {
    for (const auto& [E, K] :
         {std::pair<int64_t, int64_t>{1, 1}, {5, 2}, {8, 8}, {17, 6}, {64, 3}}) {
      const Case k(13, E, K, hash);
      const auto r = k.run(pool);
      const auto z = to_double(k.logits);
      for (int64_t t = 0; t < 13 && !hash; ++t) {  // by sorting all experts
        std::vector<std::pair<float, int32_t>> order;
        for (int32_t e = 0; e < E; ++e) order.push_back({-(r.scores[t * E + e] + k.bias[e]), e});
        std::sort(order.begin(), order.end());
        std::set<int32_t> want;
        for (int64_t i = 0; i < K; ++i) want.insert(order[i].second);
        EXPECT_TRUE(std::equal(want.begin(), want.end(), r.experts.begin() + t * K));
      }
      EXPECT_LT(relative_error(k.oracle(r.experts, z), r.weights), 2e-6);
      if (K == 1) {  // the only weight is the constant `scaling`
        for (const float g : r.dlogits) EXPECT_NEAR(g, 0, 1e-6);
        continue;
      }
      EXPECT_LT(
          gradient_error(z, r.dlogits,
                         [&](const auto& v) { return dot(k.oracle(r.experts, v), k.dweights); }),
          3e-6)
          << E << " " << K;
    }
  }
}

// Experts given from outside are weighted by the scores, like chosen ones; given what it would have
// chosen, the router gives the same bits.
TEST(RouterTest, GivenExpertsReplaceTheChoice) {
  ThreadPool pool(1);
  const Case k(30, 9, 3);
  const auto chosen = k.run(pool);
  Router op = k.bound();
  std::vector<int32_t> given;
  for (int64_t t = 0; t < 30; ++t)
    for (const int32_t e : {7, 0, 4}) given.push_back(static_cast<int32_t>((e + t) % 9));
  std::vector<float> scores(30 * 9), weights(30 * 3);
  std::vector<int32_t> experts(30 * 3);
  const auto route_given = [&](const std::vector<int32_t>& g) {
    op.given = g.data();
    route(pool, op, k.logits.data(), scores.data(), experts.data(), weights.data());
  };
  route_given(given);
  for (int64_t t = 0; t < 30; ++t) {
    EXPECT_TRUE(std::is_sorted(experts.begin() + t * 3, experts.begin() + t * 3 + 3));
    EXPECT_TRUE(std::is_permutation(experts.begin() + t * 3, experts.begin() + t * 3 + 3,
                                    given.begin() + t * 3));
  }
  EXPECT_LT(relative_error(k.oracle(experts, to_double(k.logits)), weights), 2e-6);
  route_given(chosen.experts);
  EXPECT_EQ(experts, chosen.experts);
  EXPECT_TRUE(same_bits(weights, chosen.weights));
  // A token without given ones chooses itself.
  auto mixed = given;
  std::fill(mixed.begin() + 7 * 3, mixed.begin() + 8 * 3, -1);
  route_given(mixed);
  auto want = given;
  std::copy(chosen.experts.begin() + 7 * 3, chosen.experts.begin() + 8 * 3, want.begin() + 7 * 3);
  for (int64_t t = 0; t < 30; ++t) std::sort(want.begin() + t * 3, want.begin() + t * 3 + 3);
  EXPECT_EQ(experts, want);
}

TEST(RouterTest, GradientOfTheScoresIsAdded) {
  ThreadPool pool(1);
  const Case k(9, 5, 2);
  const auto r = k.run(pool);
  const auto dscores = random_floats(9 * 5, 4);
  std::vector<float> dlogits(9 * 5);
  route_backward(pool, k.bound(), k.logits.data(), r.scores.data(), r.experts.data(),
                 k.dweights.data(), dscores.data(), dlogits.data());
  const auto loss = [&](const Doubles& z) {
    double sum = dot(k.oracle(r.experts, z), k.dweights);
    for (size_t i = 0; i < z.size(); ++i) sum += score(z[i]) * static_cast<double>(dscores[i]);
    return sum;
  };
  EXPECT_LT(gradient_error(to_double(k.logits), dlogits, loss), 3e-6);
}

TEST(RouterTest, VeryNegativeLogitsGiveNoNaN) {
  const std::vector<float> z = {-80, -500, 3, 90}, bias = {9, 9, 0, 0}, dw = {1, 2};
  std::vector<float> s(4), w(2), dz(4);
  std::vector<int32_t> e(2);
  ThreadPool pool(1);
  Router op{.tokens = 1, .num_experts = 4, .topk = 2, .bias = bias.data()};
  route(pool, op, z.data(), s.data(), e.data(), w.data());
  EXPECT_EQ(e, (std::vector<int32_t>{0, 3}));
  route_backward(pool, op, z.data(), s.data(), e.data(), dw.data(), nullptr, dz.data());
  for (const auto* v : {&s, &w, &dz})
    for (const float x : *v) EXPECT_TRUE(std::isfinite(x));
  EXPECT_NEAR(s[0] / std::exp(-40.0), 1, 1e-5);
}

TEST(RouterTest, DispatchSortsByExpertThenToken) {
  const int32_t experts[] = {0, 3, 1, 3, 0, 1};  // three tokens, two each, four experts
  int32_t begin[5], row_of[6], token_of[6];
  plan_dispatch(experts, 3, 2, 4, begin, row_of, token_of);
  EXPECT_EQ(std::vector<int32_t>(begin, begin + 5), (std::vector<int32_t>{0, 2, 4, 4, 6}));
  EXPECT_EQ(std::vector<int32_t>(row_of, row_of + 6), (std::vector<int32_t>{0, 4, 2, 5, 1, 3}));
  EXPECT_EQ(std::vector<int32_t>(token_of, token_of + 6), (std::vector<int32_t>{0, 2, 1, 2, 0, 1}));
}

TEST(RouterTest, GatherAndCombine) {
  ThreadPool pool(2);
  constexpr int64_t T = 21, K = 3, E = 7;
  for (const int64_t D : {1, 8, 17, 22}) {
    std::vector<int32_t> experts;
    for (int64_t t = 0; t < T; ++t)
      for (int64_t k = 0; k < K; ++k) experts.push_back(static_cast<int32_t>((t % 3 + 2 * k) % E));
    std::vector<int32_t> begin(E + 1), row_of(T * K), token_of(T * K);
    plan_dispatch(experts.data(), T, K, E, begin.data(), row_of.data(), token_of.data());
    const auto x = random_floats(T * D, 1), shared = random_floats(T * D, 2);
    std::vector<float> rows(T * K * D), y(T * D, 100);
    gather_rows(pool, x.data(), token_of.data(), T * K, D, rows.data());
    for (int64_t r = 0; r < T * K; ++r)
      EXPECT_TRUE(same_bits(slice(rows, r * D, D), slice(x, token_of[r] * D, D)));
    for (int64_t r = 0; r < T * K; ++r)  // tell the rows apart
      for (int64_t c = 0; c < D; ++c) rows[r * D + c] *= static_cast<float>(r + 1);
    for (const bool accumulate : {false, true}) {
      combine_rows(pool, rows.data(), row_of.data(), T, K, D, accumulate ? nullptr : shared.data(),
                   accumulate, y.data());
      for (int64_t t = 0; t < T; ++t)
        for (int64_t c = 0; c < D; ++c) {
          double want = static_cast<double>(shared[t * D + c]);
          for (int64_t k = 0; k < K; ++k)
            want += (accumulate ? 2 : 1) * static_cast<double>(rows[row_of[t * K + k] * D + c]);
          EXPECT_NEAR(y[t * D + c], want, 1e-4);
        }
    }
  }
}

TEST(RouterTest, TokensAloneAndThreadsGiveTheSameBits) {
  const Case k(400, 22, 4);
  const auto as_floats = [&](ThreadPool& pool) {
    const auto r = k.run(pool);
    auto all = r.scores;
    append(&all, r.weights), append(&all, r.dlogits);
    append(&all, {r.experts.begin(), r.experts.end()});
    return all;
  };
  expect_same_bits_everywhere(as_floats);
  ThreadPool pool(1);
  const auto r = k.run(pool);
  for (const int64_t t : {0, 64, 399}) {
    Router one = k.bound();
    one.tokens = 1;
    std::vector<float> s(22), w(4);
    std::vector<int32_t> e(4);
    route(pool, one, k.logits.data() + t * 22, s.data(), e.data(), w.data());
    EXPECT_TRUE(same_bits(s, slice(r.scores, t * 22, 22)));
    EXPECT_TRUE(same_bits(w, slice(r.weights, t * 4, 4)));
  }
}

}  // namespace
}  // namespace amalgam::kernels
