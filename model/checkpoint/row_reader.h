// Reads rows of a stored model's tensors by place in their files, not through the mapping: a file
// that is cut short meanwhile is an Error then, where a mapped page that is gone ends the process.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "model/checkpoint/stored_model.h"

namespace amalgam::model {

// Any number of threads may read at once.
class RowReader {
 public:
  // `stored` outlives it. A file is opened when the first of its rows is read.
  explicit RowReader(const StoredModel& stored) : stored_(stored) {}
  ~RowReader();
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;

  // Rows [begin, end) as f32, the bits of load_model; begin is a multiple of kRowsAtATime. Throws
  // Error where the file has less than it had, cannot be read, or holds a number that is not
  // finite.
  void read(const FloatSource& s, int64_t begin, int64_t end, float* out) const;
  void read(const IntSource& s, int32_t* out) const;
  // Rows of a tensor that are best read at once: about 4 MiB in f32.
  static int64_t piece_rows(int64_t cols);

  static constexpr int64_t kRowsAtATime = 128;  // tiles of scales

 private:
  // A part of a stored tensor, in memory of its own.
  StoredTensor part(const StoredTensor& t, int64_t first_byte, int64_t num_bytes,
                    std::vector<std::byte>* memory) const;

  int file(const std::string& path) const;

  const StoredModel& stored_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, int> files_;  // open, by path
};

}  // namespace amalgam::model
