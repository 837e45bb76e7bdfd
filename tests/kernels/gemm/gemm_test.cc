#include "kernels/gemm/gemm.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <bit>
#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "kernels/device/rng.h"

namespace amalgam::kernels {
namespace {

constexpr RngKey kKey{.seed = 7};
constexpr float kUntouched = -12345.0f;

enum class ALayout { kRows, kColumns, kStrided };

struct Case {
  int64_t m, n, k;
  BLayout b = BLayout::kRowMajor;
  ALayout a = ALayout::kRows;
  Write write = Write::kStore;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << "m=" << c.m << " n=" << c.n << " k=" << c.k << " b=" << static_cast<int>(c.b)
             << " a=" << static_cast<int>(c.a) << " write=" << static_cast<int>(c.write);
}

// The logical matrices of a case, and the same numbers laid out as the case asks, in buffers of
// exactly the size they need (so ASan sees a read past an edge).
struct Problem {
  explicit Problem(const Case& c, uint64_t stream = 1) : shape(c) {
    RngKey key = kKey;
    key.stream = stream;
    uint64_t at = 0;
    const auto draw = [&](std::vector<float>* v, int64_t size) {
      v->resize(static_cast<size_t>(size));
      for (float& x : *v) x = static_cast<float>(2 * uniform(key, at++) - 1);
    };
    draw(&a, c.m * c.k), draw(&b, c.k * c.n);
    ldc = c.n + 3;
    std::vector<float> start;
    draw(&start, c.m * c.n);
    c0.assign(static_cast<size_t>(c.m * ldc), kUntouched);
    for (int64_t m = 0; m < c.m; ++m) {
      for (int64_t n = 0; n < c.n; ++n) c0[index(m * ldc + n)] = start[index(m * c.n + n)];
    }
    out = c0;
    lay_out();
  }

  static size_t index(int64_t i) { return static_cast<size_t>(i); }
  float a_at(int64_t m, int64_t k) const { return a[index(m * shape.k + k)]; }
  float b_at(int64_t k, int64_t n) const { return b[index(k * shape.n + n)]; }
  float start_at(int64_t m, int64_t n) const {
    return shape.write == Write::kAccumulate ? c0[index(m * ldc + n)] : 0.0f;
  }

  void lay_out() {
    const auto [m, n, k, b_layout, a_layout, write] = shape;
    g = {.m = m, .n = n, .k = k, .write = write};
    g.a_row_stride = a_layout == ALayout::kRows ? k + 5 : a_layout == ALayout::kColumns ? 1 : 2;
    g.a_col_stride = a_layout == ALayout::kRows ? 1 : g.a_row_stride * m + 2;
    if (m > 0 && k > 0)
      a_data.resize(index((m - 1) * g.a_row_stride + (k - 1) * g.a_col_stride + 1));
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < k; ++j) {
        a_data[index(i * g.a_row_stride + j * g.a_col_stride)] = a_at(i, j);
      }
    }
    if (b_layout == BLayout::kRowMajor) {
      g.ldb = n + 1;
      if (n > 0 && k > 0) b_data.resize(index((k - 1) * g.ldb + n));
      for (int64_t i = 0; i < k; ++i) {
        for (int64_t j = 0; j < n; ++j) b_data[index(i * g.ldb + j)] = b_at(i, j);
      }
    } else {
      const bool is_packed = b_layout == BLayout::kPacked;
      g.ldb = is_packed ? k : k + 2;
      if (n > 0 && k > 0) b_data.resize(index((n - 1) * g.ldb + k));
      for (int64_t i = 0; i < k; ++i) {
        for (int64_t j = 0; j < n; ++j) b_data[index(j * g.ldb + i)] = b_at(i, j);
      }
      if (is_packed) {
        std::vector<float> packed(index(packed_size(n, k)), kUntouched);
        pack_transposed(b_data.data(), n, k, packed.data());
        b_data = std::move(packed);
      }
    }
    g.a = a_data.data(), g.b = b_data.data(), g.c = out.data(), g.ldc = ldc, g.layout = b_layout;
  }

  // The definition, as one scalar chain.
  float chain(int64_t m, int64_t n) const {
    float sum = start_at(m, n);
    for (int64_t k = 0; k < shape.k; ++k) sum = std::fma(a_at(m, k), b_at(k, n), sum);
    return sum;
  }

  void expect_chain_bits() const {
    for (int64_t m = 0; m < shape.m; ++m) {
      for (int64_t n = 0; n < ldc; ++n) {
        const float got = out[index(m * ldc + n)];
        const float want = n < shape.n ? chain(m, n) : kUntouched;
        ASSERT_EQ(std::bit_cast<uint32_t>(got), std::bit_cast<uint32_t>(want))
            << shape << " at (" << m << ", " << n << "): " << got << " vs " << want;
      }
    }
  }

  Case shape;
  int64_t ldc = 0;
  std::vector<float> a, b, c0, a_data, b_data, out;
  Gemm g;
};

constexpr BLayout kBLayouts[] = {BLayout::kRowMajor, BLayout::kTransposed, BLayout::kPacked};
constexpr ALayout kALayouts[] = {ALayout::kRows, ALayout::kColumns, ALayout::kStrided};
constexpr Write kWrites[] = {Write::kStore, Write::kAccumulate};

TEST(GemmTest, HandComputed) {
  // [1 2; 3 4] · [5 6; 7 8] = [19 22; 43 50]; B given transposed as [5 7; 6 8].
  const float a[] = {1, 2, 3, 4}, b[] = {5, 7, 6, 8};
  float c[4] = {};
  ThreadPool pool(1);
  gemm(pool, Gemm{.m = 2,
                  .n = 2,
                  .k = 2,
                  .a = a,
                  .a_row_stride = 2,
                  .b = b,
                  .layout = BLayout::kTransposed,
                  .ldb = 2,
                  .c = c,
                  .ldc = 2});
  EXPECT_EQ(c[0], 19);
  EXPECT_EQ(c[1], 22);
  EXPECT_EQ(c[2], 43);
  EXPECT_EQ(c[3], 50);
}

TEST(GemmTest, Edges) {
  ThreadPool pool(1);
  for (const BLayout b : kBLayouts) {
    for (const ALayout a : kALayouts) {
      for (const Write write : kWrites) {
        for (const int64_t m : {0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 13}) {
          for (const int64_t n : {0, 1, 15, 16, 17, 31, 48, 67, 97}) {
            for (const int64_t k : {0, 1, 3, 4, 7, 31}) {
              Problem p({m, n, k, b, a, write});
              gemm(pool, p.g);
              p.expect_chain_bits();
              if (HasFatalFailure()) return;
            }
          }
        }
      }
    }
  }
}

// Sizes around every blocking boundary (K blocks of 320, M blocks of 144, N blocks of 512; distant
// rows of A, which are copied).
TEST(GemmTest, BlockBoundaries) {
  ThreadPool pool(2);
  for (const BLayout b : kBLayouts) {
    for (const ALayout a : kALayouts) {
      for (const Write write : kWrites) {
        for (const Case& c :
             {Case{3, 20, 319}, Case{14, 33, 320}, Case{7, 17, 321}, Case{6, 40, 641},
              Case{143, 18, 31}, Case{145, 18, 330}, Case{5, 511, 30}, Case{13, 513, 31},
              Case{300, 1040, 17}, Case{20, 150, 1100}}) {
          Problem p({c.m, c.n, c.k, b, a, write});
          gemm(pool, p.g);
          p.expect_chain_bits();
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST(GemmTest, AccumulateContinuesTheChain) {
  // With C = 2^24 each +1 is lost, one at a time; summing the products first would keep them.
  ThreadPool pool(1);
  std::vector<float> ones(600, 1.0f);
  float c = 0x1p24f;
  gemm(pool, Gemm{.m = 1,
                  .n = 1,
                  .k = 600,
                  .a = ones.data(),
                  .a_row_stride = 600,
                  .b = ones.data(),
                  .layout = BLayout::kRowMajor,
                  .ldb = 1,
                  .c = &c,
                  .ldc = 1,
                  .write = Write::kAccumulate});
  EXPECT_EQ(c, 0x1p24f);
}

TEST(GemmTest, RowBitsDoNotDependOnM) {
  ThreadPool pool(2);
  for (const BLayout b : kBLayouts) {
    Problem all({200, 130, 300, b});
    gemm(pool, all.g);
    for (const int64_t row : {0, 1, 57, 199}) {
      std::vector<float> c(130);
      Gemm one = all.g;
      one.m = 1, one.a += row * one.a_row_stride, one.c = c.data(), one.ldc = 130;
      gemm(pool, one);
      for (int64_t n = 0; n < 130; ++n) {
        ASSERT_EQ(c[Problem::index(n)], all.out[Problem::index(row * all.ldc + n)]);
      }
    }
  }
}

TEST(GemmTest, ZeroTimesInfinityIsNotSkipped) {
  const float a[] = {0.0f}, b[] = {INFINITY};
  float c = 1;
  ThreadPool pool(1);
  gemm(
      pool,
      Gemm{.m = 1, .n = 1, .k = 1, .a = a, .a_row_stride = 1, .b = b, .ldb = 1, .c = &c, .ldc = 1});
  EXPECT_TRUE(std::isnan(c));
}

TEST(GemmTest, BatchOfProblemsAndThreads) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    std::vector<Problem> problems;
    for (int64_t i = 0; i < 24; ++i) {
      problems.emplace_back(Case{(i * 37) % 150, 64 + i % 5, i == 3 ? 0 : 128 + i, kBLayouts[i % 3],
                                 kALayouts[i / 3 % 3], kWrites[i % 2]},
                            static_cast<uint64_t>(i));
    }
    std::vector<Gemm> batch;
    for (Problem& p : problems) p.g.c = p.out.data(), batch.push_back(p.g);
    gemm(pool, batch);
    for (const Problem& p : problems) {
      p.expect_chain_bits();
      if (HasFatalFailure()) return;
    }
  }
}

TEST(GemmTest, CloseToDouble) {
  ThreadPool pool(2);
  Problem p({100, 90, 1000, BLayout::kTransposed});
  gemm(pool, p.g);
  for (int64_t m = 0; m < 100; ++m) {
    for (int64_t n = 0; n < 90; ++n) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < 1000; ++k) {
        const double product = static_cast<double>(p.a_at(m, k)) * p.b_at(k, n);
        sum += product, size += std::abs(product);
      }
      // |error| ≤ K·u·Σ|a·b| for a chain of K roundings, u = 2^-24.
      ASSERT_NEAR(p.out[Problem::index(m * p.ldc + n)], sum, 1000 * 0x1p-24 * size);
    }
  }
}

TEST(GemmTest, EveryInstructionSetOfThisMachine) {
  // Each target the binary holds and the machine runs must give the chain's bits.
  ThreadPool pool(1);
  std::string names;
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    names += std::string(hwy::TargetName(target)) + " ";
    hwy::SetSupportedTargetsForTest(target);
    for (const BLayout b : kBLayouts) {
      Problem p({29, 83, 270, b, ALayout::kColumns, Write::kAccumulate});
      gemm(pool, p.g);
      p.expect_chain_bits();
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  RecordProperty("targets", names);
  std::cout << "ran: " << names << std::endl;
}

}  // namespace
}  // namespace amalgam::kernels
