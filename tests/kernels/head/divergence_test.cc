#include "kernels/head/divergence.h"

#include <gtest/gtest.h>

#include "tests/kernels/head/head_kl_case.h"

namespace amalgam::kernels {
namespace {

constexpr double kTemperatures[] = {1, 0.5, 1.3};
constexpr float kNever = -std::numeric_limits<float>::infinity();

// Each with the parameters that make a difference, by a name for messages.
std::vector<std::pair<std::string, Divergence>> all_divergences() {
  using D = Divergence;
  using K = DivergenceKind;
  return {
      {"forward", D{.kind = K::kForward}},
      {"jsd 0.1", D{.kind = K::kJsd, .beta = 0.1}},
      {"jsd 0.5", D{.kind = K::kJsd, .beta = 0.5}},
      {"jsd 0.9", D{.kind = K::kJsd, .beta = 0.9}},
      {"top k forward", D{.kind = K::kTopK, .k = 5, .forward = 1}},
      {"top k reverse", D{.kind = K::kTopK, .k = 5, .forward = 0}},
      {"top k mixed", D{.kind = K::kTopK, .k = 5, .forward = 0.3}},
      {"zero forward", D{.kind = K::kTopK, .k = 5, .forward = 1, .outside = Outside::kZero}},
      {"zero reverse", D{.kind = K::kTopK, .k = 5, .forward = 0, .outside = Outside::kZero}},
      {"zero mixed", D{.kind = K::kTopK, .k = 5, .forward = 0.3, .outside = Outside::kZero}},
      {"tail", D{.kind = K::kTopKTail, .k = 5}},
      {"clamped", D{.kind = K::kTopKClamped, .k = 5, .log_prob_min = -10}},
      {"clamped at -5", D{.kind = K::kTopKClamped, .k = 5, .log_prob_min = -5}},
  };
}

// Few, as logits that lie apart.
KlCase apart(int64_t t, int64_t v, const std::vector<int64_t>& dims) {
  KlCase k(t, v, 6, dims);
  for (float& x : k.h) x *= 2;
  return k;
}

TEST(DivergenceTest, CloseToDouble) {
  KlCase k(7, 2100, 20, {12, 30});
  for (const auto& [name, divergence] : all_divergences())
    for (const double temperature : kTemperatures) {
      k.divergence = divergence, k.temperature = temperature;
      std::vector<double> want;
      k.loss(to_double(k.h), to_double(k.w), &want);
      const KlResult r = run(k, 2, 3);
      for (size_t t = 0; t < want.size(); ++t)
        EXPECT_NEAR(r.kl[t], want[t], 1e-5 * (1 + want[t])) << name;
    }
}

TEST(DivergenceTest, FiniteDifferences) {
  for (const auto& [name, divergence] : all_divergences())
    for (const int64_t v : {6, 16, 37})
      for (const auto& [dims, temperature] :
           {std::pair{std::vector<int64_t>{4}, 1.0}, std::pair{std::vector<int64_t>{4}, 0.5},
            std::pair{std::vector<int64_t>{3, 5, 7}, 1.3}}) {
        KlCase k = apart(5, v, dims);
        k.divergence = divergence, k.temperature = temperature;
        k.teachers[0].weights[1] = 0;
        const KlResult r = run(k, 2, 2);
        EXPECT_LT(gradient_error(to_double(k.h), r.dh,
                                 [&](const auto& x) { return k.loss(x, to_double(k.w)); }),
                  1e-4)
            << name << ", V = " << v;
        EXPECT_LT(gradient_error(to_double(k.w), r.dw,
                                 [&](const auto& x) { return k.loss(to_double(k.h), x); }),
                  1e-4)
            << name << ", V = " << v;
      }
}

TEST(DivergenceTest, TileAndThreadsDoNotChangeBits) {
  KlCase k(31, 300, 24, {24, 40});
  for (size_t t = 0; t < 31; ++t) {
    if (t % 3 == 0) k.teachers[0].weights[t] = 0;
    if (t % 5 == 0) k.teachers[1].weights[t] = 0;
  }
  for (const auto& [name, divergence] : all_divergences()) {
    k.divergence = divergence, k.temperature = 1.3;
    const KlResult want = run(k, 1, 31);
    for (const int threads : {1, 3})
      for (const int64_t tile : {0, 1, 4, 30})
        EXPECT_TRUE(run(k, threads, tile) == want) << name << " " << threads << " " << tile;
  }
}

TEST(DivergenceTest, TeachersAddUp) {
  for (const auto& [name, divergence] : all_divergences()) {
    KlCase both(6, 50, 8, {8, 12});
    both.divergence = divergence;
    KlCase first = both, second = both;
    first.teachers.pop_back();
    second.teachers.erase(second.teachers.begin());
    const KlResult a = run(first), b = run(second), sum = run(both);
    for (size_t t = 0; t < 6; ++t)
      EXPECT_NEAR(sum.kl[t], a.kl[t] + b.kl[t], 1e-6 * (1 + sum.kl[t])) << name;
    float largest = 0;
    for (const float x : sum.dh) largest = std::max(largest, std::abs(x));
    for (size_t i = 0; i < sum.dh.size(); ++i)
      EXPECT_NEAR(sum.dh[i], a.dh[i] + b.dh[i], 1e-6 * (1 + largest)) << name;
  }
}

TEST(DivergenceTest, WithoutGradientsTheSameValues) {
  for (const auto& [name, divergence] : all_divergences()) {
    KlCase k(9, 64, 8, {8, 5});
    k.divergence = divergence;
    const KlResult want = run(k);
    k.wants_gradient = false;
    EXPECT_TRUE(same_bits(run(k).kl, want.kl)) << name;
  }
}

// A student and a teacher that are given by their logits: a row of hidden states under the
// identity.
KlCase of_logits(const std::vector<float>& student, const std::vector<float>& teacher) {
  const auto V = static_cast<int64_t>(student.size());
  KlCase k(1, V, V, {V});
  k.h = student, k.c = {1};
  std::fill(k.w.begin(), k.w.end(), 0.0f);
  for (size_t v = 0; v < student.size(); ++v) k.w[v * student.size() + v] = 1;
  k.teachers[0].h = teacher, k.teachers[0].w = k.w, k.teachers[0].weights = {1};
  return k;
}

TEST(DivergenceTest, HandComputed) {
  // p = (1/2, 1/4, 1/4), q = (1/4, 1/4, 1/2).
  KlCase k = of_logits({std::log(2.0f), 0, 0}, {0, 0, std::log(2.0f)});
  const double log2 = std::log(2.0);
  const auto expect = [&](const Divergence& divergence, double value,
                          const std::vector<double>& gradient) {
    k.divergence = divergence;
    const KlResult r = run(k);
    EXPECT_NEAR(r.kl[0], value, 1e-6);
    for (size_t v = 0; v < 3; ++v) EXPECT_NEAR(r.dh[v], gradient[v], 1e-6) << v;
  };
  expect({.kind = DivergenceKind::kForward}, log2 / 4, {0.25, 0, -0.25});
  // M = (3/8, 1/4, 3/8)
  const double near = std::log(4.0 / 3), far = std::log(2.0 / 3);
  const double to_m = near / 2 + far / 4;
  expect({.kind = DivergenceKind::kJsd, .beta = 0.5}, to_m,
         {0.25 * (near - to_m), 0.125 * (0 - to_m), 0.125 * (far - to_m)});
  // Of the teacher's two, the third and, of equal ones, the first: p̃ = (2/3, 1/3), q̃ = (1/3, 2/3).
  expect({.kind = DivergenceKind::kTopK, .k = 2, .forward = 1}, log2 / 3, {1.0 / 3, 0, -1.0 / 3});
  expect({.kind = DivergenceKind::kTopK, .k = 2, .forward = 0}, log2 / 3,
         {2.0 / 3 * (log2 - log2 / 3), 0, 1.0 / 3 * (-log2 - log2 / 3)});
  // The first of the teacher's, and a tail of 3/4 and 1/2.
  const double tail = 0.75 * std::log(1.5) + 0.25 * std::log(0.5);
  expect(
      {.kind = DivergenceKind::kTopKTail, .k = 1}, tail,
      {0.5 * (std::log(1.5) - tail), 0.25 * (std::log(1.5) - tail), 0.25 * (std::log(0.5) - tail)});
  // ½ (log ½ - log ¼), not renormalised; ½ p off everywhere.
  expect({.kind = DivergenceKind::kTopKClamped, .k = 1}, log2 / 2, {0.25, 0.125, 0.125 - 0.5});
  // A sum above the bound has no gradient.
  expect({.kind = DivergenceKind::kTopKClamped, .k = 1, .max = 0.25}, 0.25, {0, 0, 0});
  // Neither has a sum below 0: the student is surer of what the teacher likes best.
  k = of_logits({3, 0, 0}, {1, 0, 0});
  expect({.kind = DivergenceKind::kTopKClamped, .k = 1}, 0, {0, 0, 0});
}

// Of equal logits the lowest ids are the teacher's k.
TEST(DivergenceTest, TiesByTheLowestId) {
  KlCase k = of_logits({1, 2, 3, 4}, {0, 0, 0, 0});
  k.divergence = {.kind = DivergenceKind::kTopK, .k = 2, .forward = 1};
  const KlResult r = run(k);
  EXPECT_NE(r.dh[0], 0);
  EXPECT_NE(r.dh[1], 0);
  EXPECT_EQ(r.dh[2], 0);
  EXPECT_EQ(r.dh[3], 0);
}

// More than there are ids is all of them: the whole vocabulary's own KL.
TEST(DivergenceTest, AllIdsAreTheWholeVocabulary) {
  KlCase k = apart(4, 12, {5});
  const KlResult reverse = run(k);
  k.divergence = {.kind = DivergenceKind::kForward};
  const KlResult forward = run(k);
  const auto expect_as = [&](const KlResult& want, Divergence divergence) {
    for (const int64_t all : {12, 90}) {
      divergence.k = all;
      k.divergence = divergence;
      const KlResult r = run(k);
      for (size_t t = 0; t < 4; ++t) EXPECT_NEAR(r.kl[t], want.kl[t], 1e-5);
      for (size_t i = 0; i < r.dh.size(); ++i) EXPECT_NEAR(r.dh[i], want.dh[i], 1e-5);
    }
  };
  for (const Outside outside : {Outside::kRenormalised, Outside::kZero}) {
    expect_as(forward, {.kind = DivergenceKind::kTopK, .forward = 1, .outside = outside});
    expect_as(reverse, {.kind = DivergenceKind::kTopK, .forward = 0, .outside = outside});
  }
  expect_as(reverse, {.kind = DivergenceKind::kTopKTail});
  expect_as(forward, {.kind = DivergenceKind::kTopKClamped, .log_prob_min = -100, .max = 100});
}

// A tail of 1e-9: 1 - Σ p in f32 would be 0 or 6e-8.
TEST(DivergenceTest, ATailThatIsHardlyThere) {
  KlCase k = of_logits({20, 19, -1, 0}, {20, 19, 0, -2});
  k.divergence = {.kind = DivergenceKind::kTopKTail, .k = 2};
  std::vector<double> want;
  k.loss(to_double(k.h), to_double(k.w), &want);
  const KlResult r = run(k);
  EXPECT_NEAR(r.kl[0], want[0], 1e-6);
  const double head = std::exp(20.0) + std::exp(19.0), student = 1 + std::exp(-1.0),
               teacher = 1 + std::exp(-2.0);
  // The heads are all but one policy: D is of 1e-10.
  const double ratio = std::log(student / teacher);
  EXPECT_NEAR(r.dh[2], std::exp(-1.0) / head * ratio, 1e-4 * r.dh[2]);
  EXPECT_NEAR(r.dh[3], 1 / head * ratio, 1e-4 * r.dh[3]);
}

// Logits of -inf: what neither can choose adds nothing, and what only one of them can is no NaN
// where the divergence is finite.
TEST(DivergenceTest, TokensWithoutChance) {
  for (const auto& [name, divergence] : all_divergences()) {
    KlCase k = of_logits({2, 1, 0, 1, 0.5f, 0.25f, -1, 0}, {1, 2, 1, 0, 0.25f, 0.5f, -2, 0});
    // A head whose last logit is -inf: 0 · -inf of the identity would be a NaN.
    DivergenceRow row{};
    std::vector<float> z = k.h, ze = k.teachers[0].h, g(8), top_z(9), top_ze(9);
    z[7] = ze[7] = kNever;
    std::vector<int32_t> ids(9);
    const auto lse_of = [](const std::vector<float>& x) {
      double sum = 0;
      for (const float v : x) sum += std::exp(static_cast<double>(v));
      return static_cast<float>(std::log(sum));
    };
    row = {.z = z.data(),
           .ze = ze.data(),
           .g = g.data(),
           .n = 8,
           .lse = lse_of(z),
           .lse_teacher = lse_of(ze),
           .w = 1,
           .c = 1,
           .is_first = true,
           .is_last = true,
           .wants_gradient = true,
           .ids = ids.data(),
           .top_z = top_z.data(),
           .top_ze = top_ze.data()};
    EXPECT_TRUE(std::isfinite(divergence_row(divergence, row))) << name;
    for (const float x : z) EXPECT_TRUE(std::isfinite(x)) << name;
    EXPECT_EQ(z[7], 0) << name;
  }
}

// A teacher's number that is none is seen in the value, whichever ids it is among.
TEST(DivergenceTest, ANumberThatIsNoneIsSeen) {
  for (const auto& [name, divergence] : all_divergences())
    for (const size_t at : {0, 7}) {
      KlCase k = of_logits({2, 1, 0, 1, 0.5f, 0.25f, -1, 0}, {1, 2, 1, 0, 0.25f, 0.5f, -2, -3});
      k.teachers[0].h[at] = std::numeric_limits<float>::quiet_NaN();
      k.divergence = divergence;
      EXPECT_TRUE(std::isnan(run(k).kl[0])) << name;
    }
}

}  // namespace
}  // namespace amalgam::kernels
