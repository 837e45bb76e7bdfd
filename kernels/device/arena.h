// Arena: memory that one step plans once and then reuses. peak_bytes() says how much it planned.
// Allocation is a pointer bump; reset() keeps the memory. Grows in chunks the first time a step
// needs more, never in a steady state. Not thread-safe: one owner allocates, tasks only use what
// they were given.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "kernels/device/tensor.h"

namespace amalgam::kernels {

// Asks for 2 MiB pages, which fewer address translations reach and which are given out faster than
// 4 KiB ones. Only advice: where the kernel does not take it, the memory works as it is.
inline void advise_huge_pages(void* memory, size_t bytes) {
  constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
  const auto begin = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t first = (begin + kHugePage - 1) / kHugePage * kHugePage;
  const uintptr_t end = (begin + bytes) / kHugePage * kHugePage;
  if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
}

// Owner of 64-byte aligned memory; the content is uninitialised.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t n) { resize(n); }
  void resize(size_t n) {  // drops the content
    if (n > capacity_) {
      data_.reset(static_cast<T*>(std::aligned_alloc(64, (n * sizeof(T) + 63) / 64 * 64)));
      if (!data_) throw std::bad_alloc();
      advise_huge_pages(data_.get(), n * sizeof(T));
      capacity_ = n;
    }
    size_ = n;
  }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data_.get()[i]; }
  const T& operator[](size_t i) const { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T, Free> data_;
  size_t size_ = 0, capacity_ = 0;
};

class Arena {
 public:
  struct Mark {
    size_t chunk, used, below;
  };

  template <class T>
  T* alloc(size_t n) {
    return static_cast<T*>(alloc_bytes(n * sizeof(T)));
  }
  template <class T>
  T* alloc_zero(size_t n) {
    T* p = alloc<T>(n);
    if (n) std::memset(static_cast<void*>(p), 0, n * sizeof(T));
    return p;
  }
  Tensor matrix(int64_t rows, int64_t cols) {
    return {alloc<float>(static_cast<size_t>(rows * cols)), rows, cols, 2};
  }
  Tensor matrix_zero(int64_t rows, int64_t cols) {
    return {alloc_zero<float>(static_cast<size_t>(rows * cols)), rows, cols, 2};
  }

  Mark mark() const { return {chunk_, used_, below_}; }
  void reset(Mark m = {0, 0, 0}) { chunk_ = m.chunk, used_ = m.used, below_ = m.below; }
  // The most that was in use at once, rounded to what allocations are aligned to; chunks that are
  // held are larger.
  size_t peak_bytes() const { return peak_; }

 private:
  void* alloc_bytes(size_t bytes) {
    bytes = (bytes + 63) / 64 * 64;
    while (chunk_ < chunks_.size() && used_ + bytes > chunks_[chunk_].size())
      below_ += used_, ++chunk_, used_ = 0;
    if (chunk_ == chunks_.size()) {
      constexpr size_t kChunkBytes = size_t{16} << 20;
      chunks_.emplace_back(bytes > kChunkBytes ? bytes : kChunkBytes);
      used_ = 0;
    }
    void* p = chunks_[chunk_].data() + used_;
    used_ += bytes;
    if (below_ + used_ > peak_) peak_ = below_ + used_;
    return p;
  }

  std::vector<Buffer<std::byte>> chunks_;
  size_t chunk_ = 0, used_ = 0;
  size_t below_ = 0, peak_ = 0;  // used in the chunks before this one; most ever in use
};

}  // namespace amalgam::kernels
