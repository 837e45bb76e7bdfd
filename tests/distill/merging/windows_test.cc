// Thresholds by counting against sorting, where many magnitudes are equal and where none are.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "distill/merging/thresholds.h"

namespace amalgam::distill {
namespace {

struct Case {
  std::vector<std::vector<double>> tensors;
  int64_t size() const {
    int64_t n = 0;
    for (const auto& t : tensors) n += static_cast<int64_t>(t.size());
    return n;
  }
};

Case random_case(const std::vector<size_t>& sizes, int distinct, unsigned seed) {
  std::mt19937 random(seed);
  Case c;
  for (const size_t size : sizes) {
    c.tensors.emplace_back(size);
    for (double& x : c.tensors.back()) {
      const auto bits = random();
      x = (distinct ? static_cast<double>(bits % static_cast<unsigned>(distinct))
                    : static_cast<double>(bits)) *
          (random() & 1 ? -1e-3 : 1e-3);
    }
  }
  return c;
}

// In order of magnitude, of equal ones the lower index first.
std::vector<int64_t> sorted(const std::vector<double>& x) {
  std::vector<int64_t> order(x.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return magnitude_key(x[static_cast<size_t>(a)]) < magnitude_key(x[static_cast<size_t>(b)]);
  });
  return order;
}

// The definitions of recipe.h, on all elements in a row.
std::vector<uint8_t> kept_by_sorting(const SparsifyStep& step, const std::vector<double>& x) {
  const auto n = static_cast<int64_t>(x.size());
  const auto share = [&](double s) { return static_cast<int64_t>(s * static_cast<double>(n)); };
  std::vector<uint8_t> keep(x.size());
  const std::vector<int64_t> up = sorted(x);
  const auto at = [&](int64_t i) { return magnitude_key(x[static_cast<size_t>(i)]); };
  if (step.method == SparsifyStep::Method::kOutliers) {
    const int64_t k = share(step.density[0]);
    const int64_t first = std::max<int64_t>(0, n - k - share(step.gamma));
    for (int64_t i = first; i < first + k; ++i)
      keep[static_cast<size_t>(up[static_cast<size_t>(i)])] = 1;
    return keep;
  }
  if (step.rule == TrimRule::kFromTop || step.rule == TrimRule::kFromBottom) {
    const int64_t kth =
        step.rule == TrimRule::kFromTop ? n - share(step.density[0]) : share(step.drop_rate);
    const uint32_t threshold = kth < 1 ? 0 : at(up[static_cast<size_t>(kth - 1)]);
    for (int64_t i = 0; i < n; ++i) keep[static_cast<size_t>(i)] = at(i) >= threshold;
    return keep;
  }
  std::vector<int64_t> down(x.size());
  std::iota(down.begin(), down.end(), int64_t{0});
  std::stable_sort(down.begin(), down.end(), [&](int64_t a, int64_t b) { return at(a) > at(b); });
  int64_t k = share(step.density[0]);
  if (step.rule == TrimRule::kAtLeastOne) k = std::max<int64_t>(1, k);
  for (int64_t i = 0; i < std::min(k, n); ++i)
    keep[static_cast<size_t>(down[static_cast<size_t>(i)])] = 1;
  return keep;
}

std::vector<uint8_t> kept_by_counting(const SparsifyStep& step, const Case& c) {
  static kernels::ThreadPool pool(3);
  Field field{{}, {0}};
  for (size_t t = 0; t < c.tensors.size(); ++t) {
    field.tensors.push_back(t);
    field.first.push_back(field.first.back() + static_cast<int64_t>(c.tensors[t].size()));
  }
  const Window w =
      find_windows(step, 1, num_workers(pool), field, [&](size_t t, const OnValues& f) {
        const std::vector<double>& x = c.tensors[t];
        for_blocks(pool, 0, static_cast<int64_t>(x.size()), 1,
                   [&](const Block& b, int64_t worker) { f(b, worker, 0, x.data() + b.begin); });
      })[0];
  std::vector<uint8_t> keep;
  for (size_t t = 0; t < c.tensors.size(); ++t) {
    const Window local = w.from(field.first[t]);
    for (size_t i = 0; i < c.tensors[t].size(); ++i)
      keep.push_back(local.keeps(magnitude_key(c.tensors[t][i]), static_cast<int64_t>(i)));
  }
  return keep;
}

std::vector<SparsifyStep> steps_of(double density) {
  std::vector<SparsifyStep> steps;
  for (const TrimRule rule : {TrimRule::kLargest, TrimRule::kAtLeastOne, TrimRule::kFromTop})
    steps.push_back({.density = {density}, .rule = rule});
  steps.push_back({.rule = TrimRule::kFromBottom, .drop_rate = 1 - density});
  for (const double gamma : {0.0, 0.01, 0.6})
    steps.push_back(
        {.method = SparsifyStep::Method::kOutliers, .density = {density}, .gamma = gamma});
  return steps;
}

TEST(MergeWindows, CountingIsSorting) {
  constexpr size_t kBlock = kBlockElements;
  const std::vector<std::vector<size_t>> shapes = {
      {1},          {2},          {7},
      {100},        {kBlock - 1}, {kBlock},
      {kBlock + 1}, {5, 1, 3},    {kBlock + 3, 2, 40000}};
  for (const auto& sizes : shapes)
    for (const int distinct : {0, 1, 3, 50})
      for (const double density : {0.001, 0.2, 0.29, 0.5, 0.999, 1.0}) {
        const Case c = random_case(sizes, distinct, 1);
        std::vector<double> all;
        for (const auto& t : c.tensors) all.insert(all.end(), t.begin(), t.end());
        const std::vector<SparsifyStep> steps = steps_of(density);
        for (size_t s = 0; s < steps.size(); ++s)
          ASSERT_EQ(kept_by_counting(steps[s], c), kept_by_sorting(steps[s], all))
              << "step " << s << ", " << all.size() << " elements, " << distinct
              << " distinct, density " << density;
      }
}

TEST(MergeWindows, ManyElementsTakeTheLongDigits) {
  const Case c = random_case({(size_t{1} << 20) + 5, 1000}, 0, 2);
  std::vector<double> all;
  for (const auto& t : c.tensors) all.insert(all.end(), t.begin(), t.end());
  for (const SparsifyStep& step : {steps_of(0.2).front(), steps_of(0.2).back()})
    ASSERT_EQ(kept_by_counting(step, c), kept_by_sorting(step, all));
}

}  // namespace
}  // namespace amalgam::distill
