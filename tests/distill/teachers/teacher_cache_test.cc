#include "distill/teachers/teacher_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "configs/error.h"
#include "tests/error_of.h"

namespace amalgam::distill {
namespace {

constexpr int64_t kBytes = 100;

// Models of one float, their number, whose loads are counted.
class TeacherCacheTest : public ::testing::Test {
 protected:
  std::unique_ptr<TeacherCache> cache(int64_t budget_bytes) {
    return std::make_unique<TeacherCache>(
        std::vector<int64_t>(6, kBytes), [this](size_t teacher) { return load(teacher); },
        budget_bytes);
  }
  model::ForwardModel load(size_t teacher) {
    if (delay_.count() > 0) std::this_thread::sleep_for(delay_);
    if (static_cast<int>(teacher) == broken_)
      throw Error("teacher " + std::to_string(teacher) + " is broken");
    ++loads_[teacher];
    model::ForwardModel m;
    m.floats.resize(1);
    m.floats[0] = static_cast<float>(teacher);
    return m;
  }
  // Uses all of them; returns how many were loaded for it.
  int use(TeacherCache& cache, const std::vector<size_t>& teachers) {
    const int before = loads();
    for (const size_t teacher : cache.begin(teachers))
      EXPECT_EQ(cache.next().floats[0], static_cast<float>(teacher));
    return loads() - before;
  }
  int loads() const {
    int sum = 0;
    for (const auto& n : loads_) sum += n;
    return sum;
  }

  std::atomic<int> loads_[6] = {};
  std::atomic<int> broken_ = -1;
  std::chrono::milliseconds delay_{0};
};

TEST_F(TeacherCacheTest, KeepsWhatFits) {
  // Budget: teachers loaded again when the same six are used a second and a third time.
  for (const auto& [budget, again] : {std::pair{int64_t{0}, 5},
                                      {2 * kBytes - 1, 5},
                                      {2 * kBytes, 4},
                                      {3 * kBytes, 3},
                                      {6 * kBytes, 0}}) {
    SCOPED_TRACE(budget);
    const auto c = cache(budget);
    EXPECT_EQ(use(*c, {0, 1, 2, 3, 4, 5}), 6);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(use(*c, {0, 1, 2, 3, 4, 5}), again);
      // One more than the budget is being read, and the one in use has its place.
      EXPECT_LE(c->peak_bytes(), std::max(budget, kBytes) + kBytes);
    }
    int kept = 0;
    for (size_t t = 0; t < 6; ++t) kept += c->find(t) != nullptr;
    EXPECT_EQ(kept, 6 - again);
  }
}

TEST_F(TeacherCacheTest, WhatWasUsedLongestAgoGoes) {
  const auto c = cache(3 * kBytes);
  use(*c, {0, 1, 2});
  use(*c, {0});
  EXPECT_EQ(use(*c, {3}), 1);  // instead of 1
  EXPECT_EQ(c->find(1), nullptr);
  for (const size_t t : {0, 2, 3}) EXPECT_NE(c->find(t), nullptr);
}

// What is in memory is used first, whatever the order asked for.
TEST_F(TeacherCacheTest, WhatIsThereComesFirst) {
  const auto c = cache(2 * kBytes);
  use(*c, {3, 4});
  const std::vector<size_t> order = c->begin({0, 1, 3, 4});
  EXPECT_EQ(order, (std::vector<size_t>{3, 4, 0, 1}));
}

TEST_F(TeacherCacheTest, TheNextOneIsReadWhileThePresentOneIsUsed) {
  const auto c = cache(0);
  c->begin({0, 1, 2});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(c->next().floats[0], static_cast<float>(i));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    const int wanted = std::min(i + 2, 3);
    while (loads() < wanted && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(loads(), wanted);  // and no more than one
  }
}

TEST_F(TeacherCacheTest, WaitingIsMeasured) {
  delay_ = std::chrono::milliseconds(30);
  const auto c = cache(kBytes);
  use(*c, {0, 1});
  EXPECT_GE(c->waited_seconds(), 0.05);
  const double before = c->waited_seconds();
  use(*c, {1});
  EXPECT_EQ(c->waited_seconds(), before);
}

TEST_F(TeacherCacheTest, AFailureIsToldInItsTurn) {
  broken_ = 1;
  const auto c = cache(0);
  c->begin({0, 1, 2});
  EXPECT_EQ(c->next().floats[0], 0);
  EXPECT_EQ(tests::error_of([&] { (void)c->next(); }), "teacher 1 is broken");
  // Where it is not used, it is none.
  EXPECT_EQ(use(*c, {0, 2}), 1);
  broken_ = -1;
  EXPECT_EQ(use(*c, {1}), 1);
}

TEST_F(TeacherCacheTest, EndsWhileItReads) {
  delay_ = std::chrono::milliseconds(20);
  for (int i = 0; i < 5; ++i) {
    const auto c = cache(0);
    c->begin({0, 1, 2});
    if (i % 2) (void)c->next();
  }
}

// Another plan, while what the first one asked for is on its way.
TEST_F(TeacherCacheTest, APlanReplacesTheOneBefore) {
  delay_ = std::chrono::milliseconds(2);
  const auto c = cache(2 * kBytes);
  for (size_t i = 0; i < 50; ++i) {
    c->begin({i % 6, (i + 1) % 6});
    if (i % 3 == 0) (void)c->next();
    use(*c, {(i + 3) % 6, (i + 4) % 6});
  }
}

}  // namespace
}  // namespace amalgam::distill
