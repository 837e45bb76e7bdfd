#include "kernels/device/arena.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace amalgam::kernels {
namespace {

bool aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 64 == 0; }

TEST(ArenaTest, EveryAllocationIsAlignedAndItsOwn) {
  Arena arena;
  char* a = arena.alloc<char>(1);
  char* b = arena.alloc<char>(65);
  float* c = arena.alloc<float>(3);
  for (const void* p : {static_cast<void*>(a), static_cast<void*>(b), static_cast<void*>(c)})
    EXPECT_TRUE(aligned(p));
  *a = 1, std::memset(b, 2, 65), c[0] = c[2] = 3;
  EXPECT_EQ(*a, 1);
  EXPECT_EQ(b[64], 2);
}

TEST(ArenaTest, ResetReusesTheMemory) {
  Arena arena;
  float* first = arena.alloc<float>(100);
  const auto mark = arena.mark();
  float* second = arena.alloc<float>(100);
  arena.reset(mark);
  EXPECT_EQ(arena.alloc<float>(100), second);
  arena.reset();
  EXPECT_EQ(arena.alloc<float>(100), first);
}

TEST(ArenaTest, SteadyStateAllocatesNothing) {
  Arena arena;
  constexpr size_t kBytes = size_t{9} << 20;  // two do not fit into one chunk of 16 MiB
  const auto step = [&] {
    char* a = arena.alloc<char>(kBytes);
    char* b = arena.alloc<char>(kBytes);
    char* big = arena.alloc<char>(3 * kBytes);  // more than a chunk
    a[0] = b[0] = 1, big[3 * kBytes - 1] = 1;
    EXPECT_TRUE(b >= a + kBytes || b + kBytes <= a);
  };
  step();
  const size_t peak = arena.peak_bytes();
  EXPECT_GE(peak, 5 * kBytes);
  for (int i = 0; i < 3; ++i) {
    arena.reset();
    step();
  }
  EXPECT_EQ(arena.peak_bytes(), peak);
}

TEST(ArenaTest, PeakIsWhatWasInUseAtOnce) {
  Arena arena;
  arena.alloc<char>(1);  // 64 with its alignment
  const auto mark = arena.mark();
  arena.alloc<char>(1000);  // 1024
  EXPECT_EQ(arena.peak_bytes(), 64u + 1024u);
  arena.reset(mark);
  arena.alloc<char>(500);
  EXPECT_EQ(arena.peak_bytes(), 64u + 1024u);
  constexpr size_t kBytes = size_t{9} << 20;  // the rest of a chunk that is left is not in use
  arena.reset();
  arena.alloc<char>(kBytes);
  arena.alloc<char>(kBytes);
  EXPECT_EQ(arena.peak_bytes(), 2 * kBytes);
}

TEST(ArenaTest, ResetAcrossChunksReturnsToTheMark) {
  Arena arena;
  arena.alloc<char>(100);
  const auto mark = arena.mark();
  char* after = arena.alloc<char>(1);
  arena.alloc<char>(size_t{16} << 20);  // a second chunk
  arena.reset(mark);
  EXPECT_EQ(arena.alloc<char>(1), after);
}

TEST(ArenaTest, ZeroedMemoryIsZeroAfterReuse) {
  Arena arena;
  std::memset(arena.alloc<float>(50), 0x7f, 200);
  arena.reset();
  const Tensor t = arena.matrix_zero(5, 10);
  EXPECT_EQ(t.rank, 2);
  for (int64_t i = 0; i < t.size(); ++i) EXPECT_EQ(t.data[i], 0);
  EXPECT_EQ(t.row(3), t.data + 30);
}

TEST(ArenaTest, BufferGrowsAndShrinksInPlace) {
  Buffer<float> b(10);
  EXPECT_TRUE(aligned(b.data()));
  const float* p = b.data();
  b.resize(4);
  EXPECT_EQ(b.size(), 4u);
  EXPECT_EQ(b.data(), p);
  b.resize(1000);
  EXPECT_EQ(b.size(), 1000u);
  b[999] = 1;
  EXPECT_TRUE(aligned(b.data()));
}

}  // namespace
}  // namespace amalgam::kernels
