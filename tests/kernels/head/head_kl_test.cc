#include "kernels/head/head_kl.h"

#include <gtest/gtest.h>

#include "tests/kernels/head/head_kl_case.h"

namespace amalgam::kernels {
namespace {

TEST(HeadKlTest, HandComputed) {
  // D = 1, h = 1: logits are the weights. π = (1/4, 3/4), π_E = (1/2, 1/2).
  KlCase k(1, 2, 1, {1});
  k.h = {1}, k.w = {0, std::log(3.0f)}, k.c = {2};
  k.teachers[0].h = {1}, k.teachers[0].w = {0, 0}, k.teachers[0].weights = {0.5f};
  const KlResult r = run(k);
  const double kl = 0.25 * std::log(0.5) + 0.75 * std::log(1.5);
  EXPECT_NEAR(r.kl[0], 0.5 * kl, 1e-6);
  EXPECT_NEAR(r.dw[0], 2 * 0.5 * 0.25 * (std::log(0.5) - kl), 1e-6);
  EXPECT_NEAR(r.dw[1], 2 * 0.5 * 0.75 * (std::log(1.5) - kl), 1e-6);
  EXPECT_NEAR(r.dh[0], std::log(3.0) * 0.75 * (std::log(1.5) - kl), 1e-6);
}

constexpr double kTemperatures[] = {1, 0.5, 1.3};

TEST(HeadKlTest, CloseToDouble) {
  KlCase k(7, 2100, 20, {12, 30});
  for (const double temperature : kTemperatures) {
    k.temperature = temperature;
    std::vector<double> kl;
    k.loss(to_double(k.h), to_double(k.w), &kl);
    const KlResult r = run(k, 2, 3);
    for (size_t t = 0; t < kl.size(); ++t) EXPECT_NEAR(r.kl[t], kl[t], 1e-5 * (1 + kl[t]));
  }
}

// A teacher's own KL has no weight in it; without a weight for the token it is 0.
TEST(HeadKlTest, EachTeachersKlIsUnweighted) {
  KlCase k(7, 90, 20, {12, 30});
  k.temperature = 0.5;
  k.teachers[0].weights[3] = 0;
  const KlResult r = run(k, 1, 3);
  for (size_t i = 0; i < 2; ++i) {
    KlCase alone = k;
    alone.teachers = {k.teachers[i]};
    std::fill(alone.teachers[0].weights.begin(), alone.teachers[0].weights.end(), 1.0f);
    std::vector<double> kl;
    alone.loss(to_double(k.h), to_double(k.w), &kl);
    for (size_t t = 0; t < kl.size(); ++t)
      EXPECT_NEAR(r.teacher_kl[i][t], i == 0 && t == 3 ? 0 : kl[t], 1e-5 * (1 + kl[t]));
  }
}

TEST(HeadKlTest, FiniteDifferences) {
  for (const int64_t v : {3, 16, 37}) {
    for (const auto& [dims, temperature] :
         {std::pair{std::vector<int64_t>{4}, 1.0}, std::pair{std::vector<int64_t>{4}, 0.5},
          std::pair{std::vector<int64_t>{3, 5, 7}, 1.0},
          std::pair{std::vector<int64_t>{3, 5, 7}, 1.3}}) {
      KlCase k(5, v, 4, dims);
      k.temperature = temperature;
      k.teachers[0].weights[1] = 0;
      const KlResult r = run(k, 2, 2);
      EXPECT_LT(gradient_error(to_double(k.h), r.dh,
                               [&](const auto& x) { return k.loss(x, to_double(k.w)); }),
                3e-5);
      EXPECT_LT(gradient_error(to_double(k.w), r.dw,
                               [&](const auto& x) { return k.loss(to_double(k.h), x); }),
                3e-5);
    }
  }
}

TEST(HeadKlTest, TileAndThreadsDoNotChangeBits) {
  KlCase k(31, 300, 24, {24, 40});
  for (size_t t = 0; t < 31; ++t) {
    if (t % 3 == 0) k.teachers[0].weights[t] = 0;
    if (t % 5 == 0) k.teachers[1].weights[t] = 0;
  }
  for (const double temperature : kTemperatures) {
    k.temperature = temperature;
    const KlResult want = run(k, 1, 31);
    for (const int threads : {1, 2, 3}) {
      for (const int64_t tile : {0, 1, 4, 30}) {
        EXPECT_TRUE(run(k, threads, tile) == want) << threads << " " << tile;
      }
    }
  }
}

TEST(HeadKlTest, ATeacherOfOtherTokensChangesNothing) {
  const KlCase one(12, 100, 16, {16});
  KlCase two(12, 100, 16, {16, 8});
  two.teachers[0] = one.teachers[0];
  for (size_t t = 0; t < 12; ++t) {
    if (t != 5) two.teachers[1].weights[t] = 0;
  }
  const KlResult a = run(one), b = run(two);
  for (size_t t = 0; t < 12; ++t) {
    EXPECT_EQ(a.kl[t] == b.kl[t], t != 5);
    for (size_t d = 0; d < 16; ++d) EXPECT_EQ(a.dh[t * 16 + d] == b.dh[t * 16 + d], t != 5);
  }
}

TEST(HeadKlTest, TeachersAddUp) {
  KlCase both(6, 50, 8, {8, 12}), first = both, second = both;
  first.teachers.pop_back();
  second.teachers.erase(second.teachers.begin());
  const KlResult a = run(first), b = run(second), sum = run(both);
  for (size_t t = 0; t < 6; ++t) EXPECT_NEAR(sum.kl[t], a.kl[t] + b.kl[t], 1e-6);
  for (size_t i = 0; i < sum.dh.size(); ++i) EXPECT_NEAR(sum.dh[i], a.dh[i] + b.dh[i], 1e-6);
}

TEST(HeadKlTest, ItsOwnTeacherGivesZero) {
  KlCase k(6, 70, 8, {8});
  k.teachers[0].h = k.h, k.teachers[0].w = k.w;
  const KlResult r = run(k);
  EXPECT_TRUE(same_bits(r.kl, std::vector<float>(6)));
  for (const float x : r.dh) EXPECT_EQ(x, 0);
}

TEST(HeadKlTest, TokensWithoutATeacherAreLeftOut) {
  KlCase k(4, 20, 4, {4});
  k.teachers[0].weights = {0, 1, 0, 1};
  const KlResult r = run(k);
  EXPECT_EQ(r.kl[0], 0);
  EXPECT_GT(r.kl[1], 0);
  for (size_t d = 0; d < 4; ++d) EXPECT_EQ(r.dh[d], 0);
  KlCase none = k;
  none.teachers[0].weights = {0, 0, 0, 0};
  EXPECT_TRUE(same_bits(run(none).kl, std::vector<float>(4)));
}

TEST(HeadKlTest, WithoutGradients) {
  const KlCase k(9, 64, 8, {8});
  ThreadPool pool(1);
  Arena arena;
  const KlTeacher teacher{.head = {k.teachers[0].w.data(), k.V, 8},
                          .hidden = k.teachers[0].h.data(),
                          .weights = k.teachers[0].weights.data()};
  std::vector<float> kl(9);
  head_kl(pool, arena,
          {.student = {k.w.data(), k.V, k.D},
           .hidden = k.h.data(),
           .tokens = k.T,
           .teachers = {&teacher, 1},
           .c = k.c.data()},
          kl.data(), {});
  EXPECT_TRUE(same_bits(kl, run(k).kl));
}

}  // namespace
}  // namespace amalgam::kernels
