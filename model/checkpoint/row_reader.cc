#include "model/checkpoint/row_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "configs/check.h"
#include "configs/error.h"
#include "kernels/quantize/quantize.h"

namespace amalgam::model {

RowReader::~RowReader() {
  for (const auto& [path, fd] : files_) close(fd);
}

int RowReader::file(const std::string& path) const {
  const std::scoped_lock lock(mutex_);
  if (const auto it = files_.find(path); it != files_.end()) return it->second;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw Error(path + ": cannot be opened: " + std::strerror(errno));
  return files_[path] = fd;
}

StoredTensor RowReader::part(const StoredTensor& t, int64_t first_byte, int64_t num_bytes,
                             std::vector<std::byte>* memory) const {
  const std::string& path = stored_.file_of(t);
  const int fd = file(path);
  memory->resize(static_cast<size_t>(num_bytes));
  for (int64_t done = 0; done < num_bytes;) {
    const ssize_t n = pread(fd, memory->data() + done, static_cast<size_t>(num_bytes - done),
                            t.file_offset + first_byte + done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(path + ": cannot be read: " + std::strerror(errno));
    if (n == 0) throw Error(path + ": is shorter than it was; it was changed while in use");
    done += n;
  }
  StoredTensor part = t;
  part.data = memory->data();
  part.num_elements = num_bytes / size_of(t.dtype);
  return part;
}

void RowReader::read(const FloatSource& s, int64_t begin, int64_t end, float* out) const {
  CHECK_EQ(begin % kRowsAtATime, 0);
  std::vector<std::byte> values, scales;
  FloatSource rows = s;
  rows.first = 0, rows.rows = end - begin;
  const int64_t values_per_element = s.stored->dtype == DType::kI8 ? 2 : 1;  // packed FP4
  const int64_t row_bytes = s.cols * size_of(s.stored->dtype) / values_per_element;
  const StoredTensor stored =
      part(*s.stored, s.first * size_of(s.stored->dtype) + begin * row_bytes,
           (end - begin) * row_bytes, &values);
  rows.stored = &stored;
  StoredTensor scale;
  if (s.scale) {
    const kernels::Tile tile =
        s.stored->dtype == DType::kI8 ? kernels::kFp4Tile : kernels::kFp8WeightTile;
    const int64_t scale_cols = kernels::num_tiles(s.cols, tile.cols);
    const int64_t first = begin / tile.rows, last = kernels::num_tiles(end, tile.rows);
    scale = part(*s.scale, first * scale_cols, (last - first) * scale_cols, &scales);
    rows.scale = &scale;
  }
  if (!read_rows(rows, 0, end - begin, out))
    throw Error(stored_.directory() + ": tensor " + s.stored->name +
                " holds a number that is not finite");
}

void RowReader::read(const IntSource& s, int32_t* out) const {
  std::vector<std::byte> values;
  const StoredTensor stored = part(*s.stored, 0, s.stored->num_bytes(), &values);
  IntSource rows = s;
  rows.stored = &stored;
  read_table(rows, stored_.config().n_routed_experts, stored_.directory(), out);
}

int64_t RowReader::piece_rows(int64_t cols) {
  constexpr int64_t kPieceFloats = int64_t{1} << 20;
  return std::max<int64_t>(1, kPieceFloats / cols / kRowsAtATime) * kRowsAtATime;
}

}  // namespace amalgam::model
