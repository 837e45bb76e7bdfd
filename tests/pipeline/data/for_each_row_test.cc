#include "pipeline/data/for_each_row.h"

#include <gtest/gtest.h>

#include <vector>

#include "configs/error.h"

namespace amalgam::pipeline {
namespace {

TEST(ForEachRow, EveryRowIsVisitedOnce) {
  for (const int threads : {1, 3}) {
    kernels::ThreadPool pool(threads);
    std::vector<int> visits(1000);
    for_each_row(pool, "rows", 1000, [&](int64_t i) { ++visits[static_cast<size_t>(i)]; });
    EXPECT_EQ(visits, std::vector<int>(1000, 1));
    for_each_row(pool, "rows", 0, [](int64_t) { FAIL(); });
  }
}

TEST(ForEachRow, TheFirstRowsErrorIsThrownForEveryNumberOfThreads) {
  for (const int threads : {1, 2, 5}) {
    kernels::ThreadPool pool(threads);
    try {
      for_each_row(pool, "rows", 1000, [](int64_t i) {
        if (i % 7 == 3 && i > 100) throw Error("row " + std::to_string(i));
      });
      FAIL();
    } catch (const Error& e) {
      EXPECT_STREQ(e.what(), "row 101");
    }
  }
}

}  // namespace
}  // namespace amalgam::pipeline
