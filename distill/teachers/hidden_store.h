// Final hidden states of a step's teachers, from their forward passes to the KL. What does not fit
// into the memory given goes to a file and is read back when its turn comes, with its checksum.
//
// The file has no name while it is used, so that nothing is left of it however the process ends.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/device/arena.h"
#include "kernels/device/thread_pool.h"

namespace amalgam::distill {

class HiddenStore {
 public:
  using Block = kernels::Buffer<float>;

  // Files are made in `directory`, when the first is needed.
  HiddenStore(std::string directory, int64_t memory_bytes, kernels::ThreadPool& pool);
  ~HiddenStore() { clear(); }
  HiddenStore(const HiddenStore&) = delete;
  HiddenStore& operator=(const HiddenStore&) = delete;

  // Copies n floats; returns the block's number. Throws Error when the disk does not take them.
  size_t put(const float* data, size_t n);
  // A hint that these are the next ones.
  void read_ahead(size_t block) const;
  // The block, which is then the caller's; once each. Throws Error when what is read back is not
  // what was written.
  Block take(size_t block);
  // Forgets all blocks; numbers begin at 0 again.
  void clear();

  int64_t peak_bytes() const { return peak_bytes_; }  // in memory, since clear()
  int64_t file_bytes() const { return file_bytes_; }  // written, since clear()

 private:
  struct Entry {
    Block memory;
    size_t floats = 0;
    int64_t offset = -1;  // in the file; -1: in memory
    uint64_t checksum = 0;
  };
  void write(const float* data, size_t n, Entry* entry);
  uint64_t checksum(const float* data, size_t n) const;

  const std::string directory_, path_;
  const int64_t memory_bytes_;
  kernels::ThreadPool& pool_;
  std::vector<Entry> entries_;
  int fd_ = -1;
  int64_t bytes_ = 0, peak_bytes_ = 0, file_bytes_ = 0;
};

}  // namespace amalgam::distill
