#include "kernels/norm/rms_norm.h"

#include "tests/kernels/kernel_case.h"

namespace amalgam::kernels {
namespace {

struct Case {
  Case(int64_t rows_, int64_t cols_, bool weighted, int64_t rope_dims,
       int64_t rows_per_position = 1)
      : rows(rows_),
        cols(cols_),
        x(random_floats(rows * cols, 1)),
        w(weighted ? random_floats(cols, 2) : std::vector<float>()),
        c(random_floats(rows * cols, 3)) {
    op = {.rows = rows, .cols = cols, .eps = 0.1f, .rows_per_position = rows_per_position};
    for (int64_t r = 0; r < rows; ++r) positions.push_back(static_cast<int32_t>(3 * r + 1));
    if (rope_dims) {
      table = RopeTable(rope_dims, 50, {});
      table.reserve(3 * rows + 2);
    }
  }
  RmsNorm bound() const {
    RmsNorm o = op;
    o.weight = w.empty() ? nullptr : w.data();
    if (table.dims()) o.rope = &table, o.positions = positions.data();
    return o;
  }
  std::vector<float> forward(ThreadPool& pool) const {
    std::vector<float> y(x.size());
    rms_norm(pool, bound(), x.data(), y.data());
    return y;
  }
  struct Gradients {
    std::vector<float> dx, dw;
  };
  Gradients backward(ThreadPool& pool) const {
    Arena arena;
    Gradients g{std::vector<float>(x.size()), std::vector<float>(w.size())};
    rms_norm_backward(pool, arena, bound(), x.data(), c.data(), g.dx.data(),
                      w.empty() ? nullptr : g.dw.data());
    return g;
  }
  // The formula of the header in double.
  std::vector<double> oracle(const std::vector<double>& xd, const std::vector<double>& wd) const {
    std::vector<double> y(xd.size());
    for (int64_t r = 0; r < rows; ++r) {
      const double* in = xd.data() + r * cols;
      double* out = y.data() + r * cols;
      double mean = 0;
      for (int64_t i = 0; i < cols; ++i) mean += in[i] * in[i] / static_cast<double>(cols);
      for (int64_t i = 0; i < cols; ++i)
        out[i] = in[i] / std::sqrt(mean + static_cast<double>(op.eps)) * (w.empty() ? 1 : wd[i]);
      const int64_t half = table.dims() / 2;
      double* tail = out + cols - table.dims();
      for (int64_t i = 0; i < half; ++i) {
        const double angle =
            positions[r / op.rows_per_position] * table.frequencies()[static_cast<size_t>(i)];
        const double a = tail[2 * i], b = tail[2 * i + 1];
        tail[2 * i] = a * std::cos(angle) - b * std::sin(angle);
        tail[2 * i + 1] = a * std::sin(angle) + b * std::cos(angle);
      }
    }
    return y;
  }

  int64_t rows, cols;
  std::vector<float> x, w, c;
  RmsNorm op;
  RopeTable table;
  std::vector<int32_t> positions;
};

TEST(RmsNormTest, HandCase) {
  // mean(x²) = 12.5, with eps inside: 1/sqrt(13)
  const float x[] = {3, 4}, w[] = {2, -1};
  float y[2];
  ThreadPool pool(1);
  rms_norm(pool, {.rows = 1, .cols = 2, .eps = 0.5f, .weight = w}, x, y);
  EXPECT_NEAR(y[0], 6 / std::sqrt(13.0), 1e-6);
  EXPECT_NEAR(y[1], -4 / std::sqrt(13.0), 1e-6);
}

TEST(RmsNormTest, CloseToDoubleAndFiniteDifferences) {
  ThreadPool pool(1);
  for (const int64_t cols : {1, 2, 7, 8, 9, 15, 16, 17, 22, 31, 33, 48}) {
    for (const int64_t rows : {1, 3}) {
      for (const bool weighted : {false, true}) {
        for (const int64_t rope : {int64_t{0}, cols / 4 * 2}) {
          const Case k(rows, cols, weighted, rope);
          const auto xd = to_double(k.x), wd = to_double(k.w);
          EXPECT_LT(relative_error(k.oracle(xd, wd), k.forward(pool)), 1e-6) << cols;
          const auto g = k.backward(pool);
          EXPECT_LT(
              gradient_error(xd, g.dx, [&](const auto& v) { return dot(k.oracle(v, wd), k.c); }),
              3e-6)
              << cols << " " << weighted << " " << rope;
          if (weighted) {
            EXPECT_LT(
                gradient_error(wd, g.dw, [&](const auto& v) { return dot(k.oracle(xd, v), k.c); }),
                3e-6)
                << cols;
          }
        }
      }
    }
  }
}

// The weight's gradient runs over blocks of 128 rows.
TEST(RmsNormTest, WeightGradientOverManyRows) {
  ThreadPool pool(2);
  for (const int64_t rows : {127, 128, 129, 257}) {
    const Case k(rows, 22, true, 6);
    const auto xd = to_double(k.x);
    EXPECT_LT(gradient_error(to_double(k.w), k.backward(pool).dw,
                             [&](const auto& v) { return dot(k.oracle(xd, v), k.c); }),
              3e-6)
        << rows;
  }
}

// The order of row_blocks.h: each block of 128 rows is a sum of its own, however many threads share
// the work.
TEST(RmsNormTest, WeightGradientIsASumOfBlocks) {
  ThreadPool pool(1);
  const Case k(300, 22, true, 0);
  const auto part = [&](int64_t begin, int64_t end) {
    Arena arena;
    RmsNorm op = k.bound();
    op.rows = end - begin;
    std::vector<float> dx(k.x.size()), dw(22);
    rms_norm_backward(pool, arena, op, k.x.data() + begin * 22, k.c.data() + begin * 22, dx.data(),
                      dw.data());
    return dw;
  };
  const auto whole = part(0, 300), a = part(0, 128), b = part(128, 256), c = part(256, 300);
  for (size_t i = 0; i < 22; ++i) EXPECT_EQ(whole[i], (a[i] + b[i]) + c[i]);
}

TEST(RmsNormTest, HeadsShareTheirTokensPosition) {
  ThreadPool pool(1);
  const Case k(12, 10, false, 4, 3);
  const auto xd = to_double(k.x);
  EXPECT_LT(relative_error(k.oracle(xd, {}), k.forward(pool)), 1e-6);
  EXPECT_LT(gradient_error(xd, k.backward(pool).dx,
                           [&](const auto& v) { return dot(k.oracle(v, {}), k.c); }),
            3e-6);
}

TEST(RmsNormTest, InPlaceAndAloneGiveTheSameBits) {
  ThreadPool pool(2);
  const Case k(40, 37, true, 0);
  const auto y = k.forward(pool);
  auto in_place = k.x;
  rms_norm(pool, k.bound(), in_place.data(), in_place.data());
  EXPECT_TRUE(same_bits(in_place, y));
  RmsNorm one = k.bound();
  one.rows = 1;
  for (const int64_t r : {0, 17, 39}) {
    std::vector<float> alone(37);
    rms_norm(pool, one, k.x.data() + r * 37, alone.data());
    EXPECT_TRUE(same_bits(alone, slice(y, r * 37, 37))) << r;
  }
}

TEST(RmsNormTest, GradientsAccumulate) {
  ThreadPool pool(1);
  Arena arena;
  const Case k(5, 9, true, 0);
  const auto fresh = k.backward(pool);
  std::vector<float> dx(k.x.size(), 2.0f), dw(k.w.size(), -3.0f);
  rms_norm_backward(pool, arena, k.bound(), k.x.data(), k.c.data(), dx.data(), dw.data());
  for (size_t i = 0; i < dx.size(); ++i) EXPECT_NEAR(dx[i], 2 + fresh.dx[i], 1e-5);
  for (size_t i = 0; i < dw.size(); ++i) EXPECT_NEAR(dw[i], -3 + fresh.dw[i], 1e-5);
}

TEST(RmsNormTest, SameBitsOnAnyNumberOfThreads) {
  const Case k(1300, 22, true, 6);
  expect_same_bits_everywhere([&](ThreadPool& pool) {
    auto all = k.forward(pool);
    const auto g = k.backward(pool);
    append(&all, g.dx);
    append(&all, g.dw);
    return all;
  });
}

}  // namespace
}  // namespace amalgam::kernels
