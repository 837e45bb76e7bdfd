#include "model/checkpoint/convert.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "configs/error.h"
#include "kernels/quantize/quantize.h"
#include "model/checkpoint/model_directory.h"
#include "model/checkpoint/stored_model.h"

namespace amalgam::model {
namespace {

using kernels::kFp4Tile;
using kernels::kFp8WeightTile;
using kernels::num_tiles;

DType target_dtype(Storage storage, Precision to) {
  if (to == Precision::kF32 || storage == Storage::kFloat32) return DType::kF32;
  if (to == Precision::kBF16 || storage == Storage::kBFloat16) return DType::kBF16;
  return to == Precision::kFp4 && storage == Storage::kExpert ? DType::kI8 : DType::kF8E4M3;
}

std::string scale_name(const std::string& weight_name) {
  return weight_name.substr(0, weight_name.size() - std::string(".weight").size()) + ".scale";
}

enum class Problem { kNone, kTooLarge, kNotFinite };  // the worst last

class Converter {
 public:
  Converter(const StoredModel& stored, kernels::ThreadPool& pool, const ConvertOptions& options)
      : stored_(stored), pool_(pool), options_(options) {
    const Weights shapes(stored.config());
    sources_ = stored.find(shapes);
    for (const FloatSource& s : sources_.floats) plan(s);
    for (const IntSource& s : sources_.ints) {
      tables_[s.name] = &s;
      add(s.name, DType::kI32, {s.rows, s.cols});
      count_read(*s.stored, s.rows * s.cols);
    }
  }

  std::vector<StoredTensor> tensors() const { return tensors_; }

  void write(const StoredTensor& t, SafetensorsWriter& file) {
    if (const auto it = tables_.find(t.name); it != tables_.end()) {
      std::vector<int32_t> table(static_cast<size_t>(t.num_elements));
      read_table(*it->second, stored_.config().n_routed_experts, stored_.directory(), table.data());
      file.write(table.data(), table.size() * sizeof(int32_t));
    } else if (t.dtype == DType::kF32 || t.dtype == DType::kBF16) {
      write_rows(*weights_.at(t.name), t.dtype, file);
    } else {
      const FloatSource& source = *weights_.at(t.name);
      if (quantized_ != &source) quantize(source);
      if (t.dtype == DType::kF8E8M0) count_tiles(source);
      const std::vector<uint8_t>& bytes = t.dtype == DType::kF8E8M0 ? scales_ : codes_;
      file.write(bytes.data(), bytes.size());
    }
    if (t.dtype != DType::kF8E8M0) done_ += t.num_elements * (t.dtype == DType::kI8 ? 2 : 1);
    if (options_.progress) options_.progress(done_, report.num_weights);
  }

  ConvertReport report;

 private:
  static constexpr int64_t kPieceFloats = int64_t{1} << 20;  // of f32 at a time

  void add(const std::string& name, DType dtype, std::vector<int64_t> shape) {
    int64_t n = 1;
    for (const int64_t dim : shape) n *= dim;
    tensors_.push_back({name, dtype, std::move(shape), nullptr, n});
    report.bytes_written += tensors_.back().num_bytes();
  }
  void count_read(const StoredTensor& t, int64_t elements) {
    report.bytes_read += elements * size_of(t.dtype);
    report.num_weights += elements;
  }

  void plan(const FloatSource& s) {
    weights_[s.name] = &s;
    const DType dtype = target_dtype(s.storage, options_.to);
    std::vector<int64_t> shape = {s.rows};
    if (s.rank == 2) shape.push_back(s.cols);
    if (dtype == DType::kF8E4M3 || dtype == DType::kI8) {
      weights_[scale_name(s.name)] = &s;
      if (dtype == DType::kF8E4M3) {
        add(scale_name(s.name), DType::kF8E8M0,
            {num_tiles(s.rows, kFp8WeightTile.rows), num_tiles(s.cols, kFp8WeightTile.cols)});
      } else {
        if (s.cols % 2)
          throw Error(stored_.directory() + ": " + s.name + " has " + std::to_string(s.cols) +
                      " columns; packed FP4 needs an even number, so use --to fp8");
        add(scale_name(s.name), DType::kF8E8M0, {s.rows, num_tiles(s.cols, kFp4Tile.cols)});
        shape.back() /= 2;
      }
    }
    add(s.name, dtype, std::move(shape));
    report.num_weights += s.rows * s.cols;
    report.bytes_read +=
        s.rows * s.cols * size_of(s.stored->dtype) / (s.stored->dtype == DType::kI8 ? 2 : 1);
    if (s.scale) report.bytes_read += s.scale->num_bytes();
  }

  // Calls f(begin, end, rows as f32) on pieces that begin at multiples of `unit`, in parallel.
  // f returns what is wrong with them.
  template <class F>
  void read_pieces(const FloatSource& s, int64_t first, int64_t last, int64_t unit, const F& f) {
    std::atomic<Problem> worst{Problem::kNone};
    pool_.run(num_tiles(last - first, unit), [&](int64_t i) {
      thread_local std::vector<float> rows;
      const int64_t begin = first + i * unit, end = std::min(begin + unit, last);
      rows.resize(static_cast<size_t>((end - begin) * s.cols));
      const Problem problem =
          read_rows(s, begin, end, rows.data()) ? f(begin, end, rows.data()) : Problem::kNotFinite;
      Problem old = worst;
      while (problem > old && !worst.compare_exchange_weak(old, problem)) {
      }
    });
    const std::string what = stored_.directory() + ": tensor " + s.stored->name + " holds ";
    switch (worst.load()) {
      case Problem::kNone:
        return;
      case Problem::kNotFinite:
        throw Error(what + "a number that is not finite");
      case Problem::kTooLarge:
        throw Error(what + "a number too large for BF16; use --to f32");
    }
  }

  void write_rows(const FloatSource& s, DType dtype, SafetensorsWriter& file) {
    const int64_t unit = std::max<int64_t>(1, kPieceFloats / 16 / s.cols);
    const int64_t step = unit * 16 * pool_.num_threads();
    for (int64_t first = 0; first < s.rows; first += step) {
      const int64_t last = std::min(first + step, s.rows);
      const auto n = static_cast<size_t>((last - first) * s.cols);
      const size_t bytes = n * static_cast<size_t>(size_of(dtype));
      piece_.resize(bytes);
      read_pieces(s, first, last, unit, [&](int64_t begin, int64_t end, const float* x) {
        const int64_t count = (end - begin) * s.cols, at = (begin - first) * s.cols;
        if (dtype == DType::kF32) {
          std::copy(x, x + count, reinterpret_cast<float*>(piece_.data()) + at);
          return Problem::kNone;
        }
        auto* out = reinterpret_cast<uint16_t*>(piece_.data()) + at;
        bool fits = true;
        for (int64_t i = 0; i < count; ++i) {
          out[i] = kernels::bf16_bits(x[i]);
          fits &= (out[i] & 0x7fff) < 0x7f80;
        }
        return fits ? Problem::kNone : Problem::kTooLarge;
      });
      file.write(piece_.data(), bytes);
    }
  }

  bool is_fp4_to_fp8(const FloatSource& s) const {
    return s.stored->dtype == DType::kI8 && target_dtype(s.storage, options_.to) == DType::kF8E4M3;
  }

  void quantize(const FloatSource& s) {
    quantized_ = nullptr;
    const DType dtype = target_dtype(s.storage, options_.to);
    const bool fp4 = dtype == DType::kI8, keep = s.stored->dtype == dtype,
               from_fp4 = is_fp4_to_fp8(s);
    codes_.resize(static_cast<size_t>(fp4 ? s.rows * s.cols / 2 : s.rows * s.cols));
    const int64_t scale_cols = num_tiles(s.cols, fp4 ? kFp4Tile.cols : kFp8WeightTile.cols);
    scales_.resize(
        static_cast<size_t>((fp4 ? s.rows : num_tiles(s.rows, kFp8WeightTile.rows)) * scale_cols));
    const auto* stored_codes = reinterpret_cast<const uint8_t*>(s.stored->data);
    const auto* stored_scales = s.scale ? reinterpret_cast<const uint8_t*>(s.scale->data) : nullptr;
    std::mutex mutex;
    lossy_.clear();
    read_pieces(s, 0, s.rows, kFp8WeightTile.rows, [&](int64_t begin, int64_t end, const float* x) {
      const float* row0 = x - begin * s.cols;
      if (keep) return Problem::kNone;  // read above to see that nothing is wrong with it
      if (from_fp4) {
        std::vector<kernels::RatioTile> found;
        kernels::fp4_to_fp8(stored_codes, stored_scales, s.cols, begin, end, codes_.data(),
                            scales_.data(), &found);
        const std::lock_guard lock(mutex);
        lossy_.insert(lossy_.end(), found.begin(), found.end());
      } else if (fp4) {
        kernels::quantize_e2m1(row0, s.cols, begin, end, codes_.data(), scales_.data());
      } else {
        kernels::quantize_e4m3(row0, s.cols, kFp8WeightTile, begin, end, codes_.data(),
                               scales_.data());
      }
      return Problem::kNone;
    });
    if (keep) {
      std::copy_n(stored_codes, codes_.size(), codes_.begin());
      std::copy_n(stored_scales, scales_.size(), scales_.begin());
    }
    std::sort(lossy_.begin(), lossy_.end(), [](const auto& a, const auto& b) {
      return a.row != b.row ? a.row < b.row : a.col < b.col;
    });
    quantized_ = &s;
  }

  // Once a tensor, with its scale: a tensor is quantised twice when a shard ends between the two.
  void count_tiles(const FloatSource& s) {
    if (!is_fp4_to_fp8(s)) return;
    report.num_fp4_tiles += static_cast<int64_t>(scales_.size());
    for (const kernels::RatioTile& tile : lossy_) report.lossy.push_back({s.name, tile});
  }

  const StoredModel& stored_;
  kernels::ThreadPool& pool_;
  const ConvertOptions& options_;
  TensorSources sources_;
  std::map<std::string, const FloatSource*> weights_;  // by what is written: weights and scales
  std::map<std::string, const IntSource*> tables_;
  std::vector<StoredTensor> tensors_;
  std::vector<std::byte> piece_;
  // A scale comes right before its weight, mostly in the same file, so one tensor is kept.
  const FloatSource* quantized_ = nullptr;
  std::vector<uint8_t> codes_, scales_;
  std::vector<kernels::RatioTile> lossy_;
  int64_t done_ = 0;
};

}  // namespace

ConvertReport convert_model(const std::string& from, const std::string& to,
                            kernels::ThreadPool& pool, const ConvertOptions& options) {
  const StoredModel stored(from);
  Converter converter(stored, pool, options);
  write_model_directory(
      to, stored.config(), options.to, converter.tensors(),
      [&](const StoredTensor& t, SafetensorsWriter& file) { converter.write(t, file); },
      options.save);
  return std::move(converter.report);
}

}  // namespace amalgam::model
