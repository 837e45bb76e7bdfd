#include "distill/merging/merged_tensor.h"

#include <atomic>

#include "configs/error.h"
#include "configs/printable.h"
#include "distill/merging/narrow.h"
#include "kernels/quantize/quantize.h"

namespace amalgam::distill {
namespace {

using kernels::kFp4Tile, kernels::kFp8WeightTile, kernels::num_tiles;
using model::DType, model::StoredTensor;

constexpr int64_t kTileElements = 1 << 22;

void check_fits(bool fits, const StoredTensor& t) {
  if (!fits)
    throw Error("the merged " + printable(t.name) + " holds a number too large for " +
                name_of(t.dtype) + "; make the base another type with `amalgam convert`");
}

// Rows [begin, end) of f32 as codes and scales; begin is a multiple of a tile's rows.
class Quantiser {
 public:
  Quantiser(const MergeInputs::Stored& stored, int64_t cols)
      : fp4_(stored.weight->dtype == DType::kI8),
        cols_(cols),
        scale_cols_(num_tiles(cols, fp4_ ? kFp4Tile.cols : kFp8WeightTile.cols)),
        stored_(stored) {}

  void write(const float* x, int64_t begin, int64_t end, kernels::ThreadPool& pool,
             MergedFile& file) {
    const int64_t rows = end - begin, row_bytes = fp4_ ? cols_ / 2 : cols_;
    const auto scale_row = [&](int64_t row) {
      return fp4_ ? row : num_tiles(row, kFp8WeightTile.rows);
    };
    codes_.resize(static_cast<size_t>(rows * row_bytes));
    scales_.resize(static_cast<size_t>(scale_row(rows) * scale_cols_));
    pool.run(num_tiles(rows, kFp8WeightTile.rows), [&](int64_t tile) {
      const int64_t first = tile * kFp8WeightTile.rows,
                    last = std::min(rows, first + kFp8WeightTile.rows);
      if (fp4_)
        kernels::quantize_e2m1(x, cols_, first, last, codes_.data(), scales_.data());
      else
        kernels::quantize_e4m3(x, cols_, kFp8WeightTile, first, last, codes_.data(),
                               scales_.data());
    });
    file.write_at(stored_.weight->name, begin * row_bytes, codes_.data(), codes_.size());
    file.write_at(stored_.scale->name, scale_row(begin) * scale_cols_, scales_.data(),
                  scales_.size());
  }

 private:
  const bool fp4_;
  const int64_t cols_, scale_cols_;
  const MergeInputs::Stored& stored_;
  std::vector<uint8_t> codes_, scales_;
};

}  // namespace

MergedFile::MergedFile(const std::string& path, std::vector<StoredTensor> tensors)
    : file_(path, std::move(tensors)) {
  for (size_t i = 0; i < file_.tensors().size(); ++i) index_.emplace(file_.tensors()[i].name, i);
}

void MergedFile::write_at(const std::string& tensor, int64_t first_byte, const void* data,
                          size_t num_bytes) {
  file_.write_at(index_.at(tensor), first_byte, data, num_bytes);
}

void MergedFile::copy(const StoredTensor& t) {
  write_at(t.name, 0, t.data, static_cast<size_t>(t.num_bytes()));
}

void write_merged(Merger& merger, const MergeInputs& inputs, size_t i, kernels::ThreadPool& pool,
                  MergedFile& file, std::vector<int64_t>& kept) {
  const MergeTensor& t = inputs.tensors[i];
  const MergeInputs::Stored& stored = inputs.stored[i];
  // Whole rows of tiles where there are scales, else any whole number of blocks.
  const int64_t rows = stored.scale ? kFp8WeightTile.rows : 1;
  const int64_t least = std::max<int64_t>(1, rows * t.cols);  // cols may be 0
  const int64_t step = least * std::max<int64_t>(1, kTileElements / least);
  const int64_t width =
      stored.scale ? static_cast<int64_t>(sizeof(float)) : size_of(stored.weight->dtype);
  std::vector<std::byte> tile(static_cast<size_t>(std::min(step, t.size()) * width));
  Quantiser quantiser(stored, t.cols);
  std::atomic<bool> fits{true};
  for (int64_t begin = 0; begin < t.size(); begin += step) {
    const int64_t end = std::min(begin + step, t.size());
    merger.merge(i, begin, end, [&](int64_t first, int64_t last, const double* result) {
      std::byte* out = tile.data() + (first - begin) * width;
      if (!stored.scale) {
        if (!narrow(result, last - first, stored.weight->dtype, out)) fits = false;
        return;
      }
      auto* x = reinterpret_cast<float*>(out);
      for (int64_t k = 0; k < last - first; ++k) {
        x[k] = round_to_odd(result[k]);
        if (x[k] - x[k] != 0) fits = false;
      }
    });
    check_fits(fits, *stored.weight);
    for (size_t m = 0; m < merger.kept().size(); ++m) kept[m] += merger.kept()[m];
    if (stored.scale)
      quantiser.write(reinterpret_cast<const float*>(tile.data()), begin / t.cols, end / t.cols,
                      pool, file);
    else
      file.write_at(stored.weight->name, begin * width, tile.data(),
                    static_cast<size_t>((end - begin) * width));
  }
}

}  // namespace amalgam::distill
