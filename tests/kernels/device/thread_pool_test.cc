#include "kernels/device/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "configs/clock.h"

namespace amalgam::kernels {
namespace {

TEST(ThreadPoolTest, EveryTaskOnce) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.num_threads(), threads);
    for (const int64_t n : {0, 1, 2, 3, 100, 1000}) {
      std::vector<std::atomic<int>> count(static_cast<size_t>(n) + 1);
      pool.run(n, [&](int64_t i) { ++count[static_cast<size_t>(i)]; });
      for (int64_t i = 0; i < n; ++i) EXPECT_EQ(count[static_cast<size_t>(i)], 1);
      EXPECT_EQ(count[static_cast<size_t>(n)], 0);
    }
  }
}

TEST(ThreadPoolTest, RangesCoverWithoutOverlap) {
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    for (const int64_t n : {0, 1, 7, 8, 9, 97, 1000}) {
      for (const int64_t grain : {1, 8, 96, 5000}) {
        std::vector<std::atomic<int>> count(static_cast<size_t>(n));
        std::atomic<int64_t> small{0};
        pool.ranges(n, grain, [&](int64_t begin, int64_t end) {
          ASSERT_LT(begin, end);
          if (end - begin < grain && end != n) ++small;
          for (int64_t i = begin; i < end; ++i) ++count[static_cast<size_t>(i)];
        });
        EXPECT_EQ(small, 0) << "a range below the grain that is not the last";
        for (const auto& c : count) ASSERT_EQ(c, 1) << n << " " << grain;
      }
    }
  }
}

// What tasks wrote is visible after run(), and a region never sees the tasks of another one.
TEST(ThreadPoolTest, ManyShortRegions) {
  ThreadPool pool(3);
  std::vector<int64_t> cells(8);
  for (int64_t round = 0; round < 3000; ++round) {
    const int64_t n = 1 + round % 8;
    pool.run(n, [&](int64_t i) { cells[static_cast<size_t>(i)] = round * 10 + i; });
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(cells[static_cast<size_t>(i)], round * 10 + i);
  }
}

TEST(ThreadPoolTest, SleepingWorkersWakeUp) {
  ThreadPool pool(2);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // far past the spinning
    std::atomic<int> done{0};
    pool.run(10, [&](int64_t) { ++done; });
    EXPECT_EQ(done, 10);
  }
}

TEST(ThreadPoolTest, WorkersTakePart) {
  ThreadPool pool(2);
  // Two tasks that wait for each other finish only if two threads run them at the same time.
  std::atomic<int> arrived{0};
  const auto deadline = Clock::now() + std::chrono::seconds(60);
  pool.run(2, [&](int64_t) {
    ++arrived;
    while (arrived < 2 && Clock::now() < deadline) std::this_thread::yield();
  });
  EXPECT_LT(Clock::now(), deadline);
}

TEST(ThreadPoolTest, EndsWithoutWork) {
  for (int i = 0; i < 20; ++i) ThreadPool pool(4);
}

}  // namespace
}  // namespace amalgam::kernels
