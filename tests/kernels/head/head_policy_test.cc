#include "kernels/head/head_policy.h"

#include <gtest/gtest.h>

#include "kernels/gemm/gemm.h"
#include "kernels/head/softmax.h"
#include "tests/kernels/head/head_case.h"

namespace amalgam::kernels {
namespace {

struct Case {
  Case(int64_t t, int64_t v, int64_t d)
      : T(t), V(v), D(d), h(random_floats(t * d, 1)), w(random_floats(v * d, 2)) {
    for (int64_t i = 0; i < T; ++i) targets.push_back(static_cast<int32_t>((i * 7 + 3) % V));
    c = random_floats(T, 3);
  }
  HeadPolicy op() const {
    return {.head = {w.data(), V, D},
            .hidden = h.data(),
            .targets = targets.data(),
            .tokens = T,
            .temperature = temperature};
  }
  // Σ_t c_t · logprob_t in double.
  double loss(const std::vector<double>& hd, const std::vector<double>& wd) const {
    double sum = 0;
    for (size_t t = 0; t < targets.size(); ++t) {
      if (targets[t] < 0) continue;
      const auto logp = log_softmax_row(hd, wd, static_cast<int64_t>(t), V, D, temperature);
      sum += static_cast<double>(c[t]) * logp[static_cast<size_t>(targets[t])];
    }
    return sum;
  }

  int64_t T, V, D;
  double temperature = 1;
  std::vector<float> h, w, c;
  std::vector<int32_t> targets;
};

struct Result {
  explicit Result(const Case& k)
      : logprob(k.targets.size()),
        lse(k.targets.size()),
        entropy(k.targets.size()),
        dh(k.h.size()),
        dw(k.w.size()) {}
  HeadLogprobs out() { return {logprob.data(), lse.data(), entropy.data()}; }
  HeadGradients grads() { return {dh.data(), dw.data()}; }
  bool operator==(const Result& o) const {
    return same_bits(logprob, o.logprob) && same_bits(lse, o.lse) &&
           same_bits(entropy, o.entropy) && same_bits(dh, o.dh) && same_bits(dw, o.dw);
  }
  std::vector<float> logprob, lse, entropy, dh, dw;
};

Result two_passes(const Case& k, int threads, int64_t tile_rows) {
  ThreadPool pool(threads);
  Arena arena;
  Result r(k);
  HeadPolicy op = k.op();
  op.tile_rows = tile_rows;
  head_logprobs(pool, arena, op, r.out());
  head_policy_backward(pool, arena, op, r.lse.data(), k.c.data(), r.grads());
  return r;
}

constexpr double kTemperatures[] = {1, 0.5, 1.3};

TEST(HeadPolicyTest, CloseToDouble) {
  Case k(9, 2100, 24);
  for (const double temperature : kTemperatures) {
    k.temperature = temperature;
    const Result r = two_passes(k, 1, 0);
    for (size_t t = 0; t < k.targets.size(); ++t) {
      const auto logp = log_softmax_row(to_double(k.h), to_double(k.w), static_cast<int64_t>(t),
                                        k.V, k.D, temperature);
      double entropy = 0;
      for (const double x : logp) entropy -= std::exp(x) * x;
      EXPECT_NEAR(r.logprob[t], logp[static_cast<size_t>(k.targets[t])], 1e-5);
      EXPECT_NEAR(r.entropy[t], entropy, 1e-5);
    }
  }
}

TEST(HeadPolicyTest, FiniteDifferences) {
  for (const int64_t v : {5, 16, 37}) {
    for (const double temperature : kTemperatures) {
      Case k(6, v, 5);
      k.temperature = temperature;
      k.targets[2] = -100;
      const Result r = two_passes(k, 2, 4);
      EXPECT_LT(gradient_error(to_double(k.h), r.dh,
                               [&](const auto& x) { return k.loss(x, to_double(k.w)); }),
                2e-5);
      EXPECT_LT(gradient_error(to_double(k.w), r.dw,
                               [&](const auto& x) { return k.loss(to_double(k.h), x); }),
                2e-5);
    }
  }
}

TEST(HeadPolicyTest, TileAndThreadsDoNotChangeBits) {
  Case k(29, 333, 40);
  k.targets[4] = -1, k.targets[5] = -1;
  for (const double temperature : kTemperatures) {
    k.temperature = temperature;
    const Result want = two_passes(k, 1, 29);
    for (const int threads : {1, 2, 3}) {
      for (const int64_t tile : {0, 1, 7, 28}) {
        EXPECT_TRUE(two_passes(k, threads, tile) == want) << threads << " " << tile;
      }
    }
  }
}

// A power of two is exact in every operation: softmax(h Wᵀ / T) of W is softmax(h Wᵀ) of W / T, and
// both gradients have the factor 1/T.
TEST(HeadPolicyTest, HalfTheTemperatureIsTwiceTheHead) {
  Case k(23, 150, 33), twice = k;
  k.temperature = 0.5;
  for (float& x : twice.w) x *= 2;
  Result want = two_passes(twice, 1, 0);
  for (float& x : want.dw) x *= 2;
  EXPECT_TRUE(two_passes(k, 1, 0) == want);
}

TEST(HeadPolicyTest, OnePassEqualsTwo) {
  Case k(23, 150, 33);
  k.targets[7] = -100, k.c[9] = 0;
  std::vector<float> weight(k.c);
  for (float& x : weight) x = -x;
  for (const double temperature : kTemperatures) {
    k.temperature = temperature;
    ThreadPool pool(2);
    Arena arena;
    Result got(k);
    head_cross_entropy(pool, arena, k.op(), weight.data(), got.out(), got.grads());
    EXPECT_TRUE(got == two_passes(k, 1, 0));
  }
}

TEST(HeadPolicyTest, TheSamplersLogprob) {
  Case k(8, 500, 48);
  std::vector<Result> results;
  for (const double temperature : kTemperatures) {
    k.temperature = temperature;
    results.push_back(two_passes(k, 2, 3));
  }
  std::vector<float> packed(static_cast<size_t>(packed_size(k.V, k.D)));
  pack_transposed(k.w.data(), k.V, k.D, packed.data());
  ThreadPool pool(1);
  std::vector<float> z(static_cast<size_t>(k.V));
  for (size_t t = 0; t < k.targets.size(); ++t) {
    gemm(pool, Gemm{.m = 1,
                    .n = k.V,
                    .k = k.D,
                    .a = k.h.data() + static_cast<int64_t>(t) * k.D,
                    .a_row_stride = k.D,
                    .b = packed.data(),
                    .layout = BLayout::kPacked,
                    .c = z.data(),
                    .ldc = k.V});
    for (size_t i = 0; i < results.size(); ++i) {
      std::vector<float> tempered(z.size());
      temper(z.data(), k.V, kTemperatures[i], tempered.data());
      EXPECT_EQ(results[i].logprob[t], log_softmax_at(tempered.data(), k.V, k.targets[t]));
    }
    EXPECT_EQ(results[0].logprob[t], log_softmax_at(z.data(), k.V, k.targets[t]));
  }
}

TEST(HeadPolicyTest, GradientsAccumulateAndMaskedTokensAreLeftOut) {
  Case k(5, 40, 6);
  k.targets[1] = -100;
  ThreadPool pool(1);
  Arena arena;
  Result r(k);
  std::fill(r.logprob.begin(), r.logprob.end(), 9.0f);
  std::fill(r.dh.begin(), r.dh.end(), 2.0f);
  head_logprobs(pool, arena, k.op(), r.out());
  head_policy_backward(pool, arena, k.op(), r.lse.data(), k.c.data(), {.hidden = r.dh.data()});
  EXPECT_EQ(r.logprob[1], 0);
  const Result fresh = two_passes(k, 1, 0);
  for (size_t i = 0; i < r.dh.size(); ++i) EXPECT_NEAR(r.dh[i], 2.0f + fresh.dh[i], 1e-5);
  for (size_t d = 6; d < 12; ++d) EXPECT_EQ(r.dh[d], 2.0f);
  EXPECT_TRUE(same_bits(r.dw, std::vector<float>(r.dw.size())));
}

TEST(HeadPolicyTest, TilesStayWithinMemory) {
  for (const int64_t v : {1, 17, 512, 4096, 32768, 129280, 100'000'000}) {
    for (const int64_t buffers : {1, 2, 3}) {
      const int64_t rows = head_tile_rows(v, buffers);
      EXPECT_GE(rows, 1);
      if (rows > 1) {
        EXPECT_LE(rows * v * buffers * 4, int64_t{128} << 20);
      }
    }
  }
  EXPECT_GE(head_tile_rows(129280, 2), 96);
}

}  // namespace
}  // namespace amalgam::kernels
