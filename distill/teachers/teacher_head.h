// A teacher's head as rows of its files, for where the teacher itself is not in memory.
#pragma once
#include <vector>

#include "kernels/head/head_tiles.h"
#include "model/checkpoint/row_reader.h"

namespace amalgam::distill {

class TeacherHead : public kernels::StreamedHead {
 public:
  // `reader` and the source's tensors outlive it.
  TeacherHead(const model::RowReader& reader, const model::FloatSource& source)
      : reader_(reader), source_(source) {}

  int64_t tile_rows() const override { return model::RowReader::piece_rows(source_.cols); }
  const float* rows(kernels::ThreadPool& pool, int64_t begin, int64_t end) override;
  // All of it, [V, D].
  kernels::Buffer<float> load(kernels::ThreadPool& pool) const;

  double seconds() const { return seconds_; }  // that reading took, in all

 private:
  void read(kernels::ThreadPool& pool, int64_t begin, int64_t end, float* out) const;

  const model::RowReader& reader_;
  const model::FloatSource source_;
  kernels::Buffer<float> tile_;
  mutable double seconds_ = 0;
};

}  // namespace amalgam::distill
