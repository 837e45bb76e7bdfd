#include "pipeline/data/row_store.h"

#include <gtest/gtest.h>

#include "configs/error.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

std::string row(int i) {
  return std::to_string(i) + std::string(static_cast<size_t>(i % 3000), 'x');
}

TEST(RowStore, GivesBackManyRows) {
  RowStore rows;
  EXPECT_TRUE(rows.empty());
  constexpr int kRows = 50000;  // 75 MB: more than is kept in memory
  for (int i = 0; i < kRows; ++i) rows.add(row(i));
  const RowStore copy = rows;
  rows.add("");
  rows.add("of one alone");
  ASSERT_EQ(rows.size(), size_t{kRows} + 2);
  for (int i = 0; i < kRows; ++i) ASSERT_EQ(rows.json(static_cast<size_t>(i)), row(i));
  EXPECT_EQ(rows.json(kRows), "");
  EXPECT_EQ(rows.json(kRows + 1), "of one alone");
  EXPECT_EQ(copy.size(), size_t{kRows});
  EXPECT_EQ(copy.json(kRows - 1), row(kRows - 1));
}

TEST(RowStore, OneLargeRow) {
  RowStore rows;
  const std::string large(100 << 20, 'y');
  rows.add("a");
  rows.add(large);
  rows.add("b");
  EXPECT_EQ(rows.json(0) + rows.json(2), "ab");
  EXPECT_EQ(rows.json(1), large);
}

TEST(RowStore, SaysWhereItCannotWrite) {
  ::setenv("TMPDIR", "/no/such/folder", 1);
  RowStore rows;
  const std::string large(40 << 20, 'y');
  try {
    rows.add(large), rows.add(large);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("/no/such/folder"), std::string::npos);
  }
  ::unsetenv("TMPDIR");
}

// A row that no longer fits into memory may be followed by one that would.
TEST(RowStore, ASmallRowAfterTheOneThatLeftMemoryIsWhereItBelongs) {
  RowStore store;
  const std::string large(31 << 20, 'a'), middle(2 << 20, 'b');
  store.add(large);
  store.add(middle.substr(0, (1 << 20) - 10));
  store.add("a hundred bytes more than there is room for: " + std::string(100, 'c'));
  store.add("small");
  store.add(middle);
  store.add("last");
  EXPECT_EQ(store.json(0), large);
  EXPECT_EQ(store.json(1).size(), (1u << 20) - 10);
  EXPECT_EQ(store.json(2).substr(0, 9), "a hundred");
  EXPECT_EQ(store.json(3), "small");
  EXPECT_EQ(store.json(4), middle);
  EXPECT_EQ(store.json(5), "last");
}

}  // namespace
}  // namespace amalgam::pipeline
