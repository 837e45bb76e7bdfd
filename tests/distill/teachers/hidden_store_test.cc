#include "distill/teachers/hidden_store.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "configs/error.h"
#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::distill {
namespace {

std::vector<float> numbers(size_t n, float first) {
  std::vector<float> x(n);
  std::iota(x.begin(), x.end(), first);
  return x;
}

class HiddenStoreTest : public ::testing::Test {
 protected:
  TempDir directory_;
  kernels::ThreadPool pool_{2};
  const std::vector<size_t> sizes_ = {1, 15, 16, 17, 5000, 300000, 0};
};

// With memory for all of them, for some and for none.
TEST_F(HiddenStoreTest, GivesBackWhatWasPut) {
  for (const int64_t memory : {int64_t{1} << 30, int64_t{25000}, int64_t{0}}) {
    HiddenStore store(directory_.path(), memory, pool_);
    for (int step = 0; step < 2; ++step) {
      std::vector<size_t> blocks;
      for (const size_t n : sizes_)
        blocks.push_back(store.put(numbers(n, static_cast<float>(n)).data(), n));
      EXPECT_LE(store.peak_bytes(), memory);
      EXPECT_EQ(store.file_bytes() == 0, memory == int64_t{1} << 30);
      for (const size_t i : {6, 2, 5, 0, 4, 1, 3}) {
        store.read_ahead(blocks[i]);
        const HiddenStore::Block block = store.take(blocks[i]);
        EXPECT_EQ(std::vector<float>(block.data(), block.data() + sizes_[i]),
                  numbers(sizes_[i], static_cast<float>(sizes_[i])));
      }
      store.clear();
      EXPECT_EQ(store.file_bytes(), 0);
    }
  }
}

TEST_F(HiddenStoreTest, MemoryIsFreeOnceItIsTaken) {
  HiddenStore store(directory_.path(), 2 * 64, pool_);
  const auto x = numbers(16, 1);
  const size_t a = store.put(x.data(), 16), b = store.put(x.data(), 16);
  EXPECT_EQ(store.file_bytes(), 0);
  (void)store.take(a);
  (void)store.put(x.data(), 16);
  EXPECT_EQ(store.file_bytes(), 0);
  (void)store.put(x.data(), 16);
  EXPECT_EQ(store.file_bytes(), 64);
  (void)store.take(b);
}

// Nothing has a name in the directory, also while it is used; and what has one is of a process that
// was killed.
TEST_F(HiddenStoreTest, LeavesNoFile) {
  std::ofstream(directory_ / "hidden-states") << "old";
  HiddenStore store(directory_.path(), 0, pool_);
  const auto x = numbers(100, 1);
  (void)store.put(x.data(), x.size());
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(HiddenStoreTest, WhatChangedOnTheDiskIsSeen) {
  HiddenStore store(directory_.path(), 0, pool_);
  for (const size_t n : {size_t{5}, size_t{16}, size_t{1000}}) {
    const auto x = numbers(n, 1);
    const size_t block = store.put(x.data(), n);
    // The file has no name: found among the process's own.
    for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      const std::string target = std::filesystem::read_symlink(fd, gone).string();
      if (!target.starts_with(directory_.path())) continue;
      std::fstream file(fd.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(store.file_bytes() - 3));
      file.put('!');
    }
    EXPECT_NE(tests::error_of([&] { (void)store.take(block); }).find("not what was written"),
              std::string::npos);
  }
}

TEST_F(HiddenStoreTest, AFullDiskIsOneLine) {
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1 << 20, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  HiddenStore store(directory_.path(), 0, pool_);
  const auto x = numbers(200000, 1);
  const size_t first = store.put(x.data(), x.size());
  const std::string line = tests::error_of([&] { (void)store.put(x.data(), x.size()); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(line.starts_with("cannot write teachers' hidden states to " + directory_.path()));
  EXPECT_NE(line.find("distill.hidden_memory"), std::string::npos) << line;
  EXPECT_EQ(store.take(first)[0], 1);
}

}  // namespace
}  // namespace amalgam::distill
