#include "model/checkpoint/stored_model.h"

#include <algorithm>
#include <array>
#include <bit>
#include <set>

#include "configs/check.h"
#include "configs/error.h"
#include "configs/printable.h"
#include "kernels/quantize/quantize.h"
#include "model/tensors/durable_file.h"

namespace amalgam::model {
namespace {

using kernels::kFp4Tile;
using kernels::kFp8WeightTile;
using kernels::num_tiles;

Spelling detect_spelling(const TensorCatalogue& c) {
  Spelling spelling = Spelling::kReleased;
  for (const auto& [name, tensor] : c.tensors()) {
    if (name.substr(0, 8) == "lm_head." || name.find(".self_attn.") != std::string_view::npos)
      return Spelling::kMemory;
    if (name.substr(0, 6) == "model.") spelling = Spelling::kSaved;
  }
  return spelling;
}

bool has_mtp(const TensorCatalogue& c, Spelling spelling) {
  const std::string prefix = spelling == Spelling::kReleased ? "mtp." : "model.mtp.";
  const auto it = c.tensors().lower_bound(prefix);
  return it != c.tensors().end() && it->first.substr(0, prefix.size()) == prefix;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  const std::string text = describe(DType::kF32, shape);
  return text.substr(text.find('['));
}

// Finds every tensor of the config, called by visit(); collects what does not fit.
class Matcher {
 public:
  Matcher(const TensorCatalogue& catalogue, Spelling spelling, int64_t num_experts)
      : catalogue_(catalogue), spelling_(spelling), num_experts_(num_experts) {}

  TensorSources sources;

  template <class T>
  void operator()(const std::string& released, const T& t, Role) {
    const StoredName where = stored_name(spelling_, released);
    const StoredTensor* stored = use(where.name);
    if (!stored) return;
    std::vector<int64_t> shape = {t.rows};
    if (t.rank == 2) shape.push_back(t.cols);
    FloatSource s{.name = released,
                  .stored = stored,
                  .rows = t.rows,
                  .cols = t.cols,
                  .rank = t.rank,
                  .storage = storage_of(released, t)};
    if (where.expert >= 0) {
      shape = {num_experts_, t.rows * where.num_halves, t.cols};
      s.first = (where.expert * where.num_halves + where.half) * t.size();
    }
    switch (stored->dtype) {
      case DType::kF32:
      case DType::kBF16:
      case DType::kF16:
        break;
      case DType::kF8E4M3:
        if (t.rank != 2 || !use_scale(released,
                                      {num_tiles(t.rows, kFp8WeightTile.rows),
                                       num_tiles(t.cols, kFp8WeightTile.cols)},
                                      s))
          return;
        break;
      case DType::kI8:
        if (t.rank != 2 || t.cols % 2 ||
            !use_scale(released, {t.rows, num_tiles(t.cols, kFp4Tile.cols)}, s))
          return;
        shape.back() /= 2;
        break;
      default:
        problem(where.name + " has dtype " + name_of(stored->dtype));
        return;
    }
    if (fits(*stored, shape)) sources.floats.push_back(s);
  }

  void operator()(const std::string& released, const IntTensor& t) {
    const std::string name = stored_name(spelling_, released).name;
    const StoredTensor* stored = use(name);
    if (!stored) return;
    if (stored->dtype != DType::kI32 && stored->dtype != DType::kI64)
      problem(name + " has dtype " + name_of(stored->dtype) + ", not I32 or I64");
    else if (fits(*stored, {t.rows, t.cols}))
      sources.ints.push_back({released, stored, t.rows, t.cols});
  }

  void throw_problems(const std::string& directory) {
    for (const auto& [name, tensor] : catalogue_.tensors())
      if (!used_.count(name)) problem(printable(name) + " is unknown to this config");
    if (!num_problems_) return;
    if (num_problems_ > kMaxShown)
      problems_ += "; and " + std::to_string(num_problems_ - kMaxShown) + " more";
    throw Error(directory + ": the tensors do not fit config.json: " + problems_);
  }

 private:
  static constexpr int64_t kMaxShown = 3;

  void problem(const std::string& text) {
    if (num_problems_++ < kMaxShown) problems_ += (problems_.empty() ? "" : "; ") + text;
  }
  const StoredTensor* use(const std::string& name) {
    const StoredTensor* stored = catalogue_.find(name);
    if (stored)
      used_.insert(stored->name);
    else
      problem(name + " is missing");
    return stored;
  }
  bool fits(const StoredTensor& stored, const std::vector<int64_t>& shape) {
    if (stored.shape == shape) return true;
    problem(printable(stored.name) + " is " + describe(stored.dtype, stored.shape) + ", not " +
            shape_text(shape));
    return false;
  }
  bool use_scale(const std::string& released, const std::vector<int64_t>& shape, FloatSource& s) {
    const std::string weight = ".weight";
    const size_t stem = released.rfind(weight);
    if (spelling_ != Spelling::kReleased || stem == std::string::npos) {
      problem(printable(s.stored->name) + " is quantised, which only released names allow");
      return false;
    }
    s.scale = use(released.substr(0, stem) + ".scale");
    if (!s.scale || !fits(*s.scale, shape)) return false;
    if (s.scale->dtype == DType::kF8E8M0) return true;
    problem(printable(s.scale->name) + " has dtype " + name_of(s.scale->dtype) + ", not F8_E8M0");
    return false;
  }

  const TensorCatalogue& catalogue_;
  Spelling spelling_;
  int64_t num_experts_;
  std::set<std::string_view> used_;
  std::string problems_;
  int64_t num_problems_ = 0;
};

// x - x is 0 but for infinities and NaNs. In pieces whose size the compiler knows, so that it uses
// vectors.
bool all_finite(const float* x, int64_t n) {
  constexpr int64_t kPiece = 16;
  std::array<uint32_t, kPiece> odd{};
  int64_t i = 0;
  for (; i + kPiece <= n; i += kPiece)
    for (size_t k = 0; k < kPiece; ++k) {
      const float x_k = x[i + static_cast<int64_t>(k)];
      odd[k] |= std::bit_cast<uint32_t>(x_k - x_k);
    }
  for (; i < n; ++i) odd[0] |= std::bit_cast<uint32_t>(x[i] - x[i]);
  return std::all_of(odd.begin(), odd.end(), [](uint32_t bits) { return bits == 0; });
}

}  // namespace

StoredModel::StoredModel(const std::string& path)
    : directory_(complete_directory(path)),
      config_(load_model_config(directory_ + "/config.json")),
      catalogue_(directory_),
      spelling_(detect_spelling(catalogue_)) {
  config_.num_nextn_predict_layers = has_mtp(catalogue_, spelling_) ? 1 : 0;
}

TensorSources StoredModel::find(const Weights& weights) const {
  Matcher matcher(catalogue_, spelling_, config_.n_routed_experts);
  visit(weights, matcher);
  matcher.throw_problems(directory_);
  return std::move(matcher.sources);
}

std::vector<std::string> StoredModel::files() const {
  std::vector<std::string> paths;
  for (const SafetensorsFile& file : catalogue_.files()) paths.push_back(file.path());
  return paths;
}

const std::string& StoredModel::file_of(const StoredTensor& t) const {
  const auto& files = catalogue_.files();
  const auto file = std::find_if(files.begin(), files.end(),
                                 [&](const SafetensorsFile& f) { return f.find(t.name) == &t; });
  CHECK(file != files.end());
  return file->path();
}

bool read_rows(const FloatSource& s, int64_t begin, int64_t end, float* out) {
  if (s.scale) {
    const auto* codes = reinterpret_cast<const uint8_t*>(s.stored->data);
    const auto* scales = reinterpret_cast<const uint8_t*>(s.scale->data);
    if (s.stored->dtype == DType::kI8)
      kernels::dequantize_e2m1(codes, scales, s.cols, begin, end, out);
    else
      kernels::dequantize_e4m3(codes, scales, s.cols, kFp8WeightTile, begin, end, out);
  } else {
    copy_floats(*s.stored, s.first + begin * s.cols, s.first + end * s.cols, out);
  }
  return all_finite(out, (end - begin) * s.cols);
}

void read_table(const IntSource& s, int64_t num_experts, const std::string& directory,
                int32_t* out) {
  copy_ints(*s.stored, 0, s.rows * s.cols, out);
  for (int64_t i = 0; i < s.rows * s.cols; ++i)
    if (out[i] < 0 || out[i] >= num_experts)
      throw Error(directory + ": tensor " + s.stored->name + " holds expert " +
                  std::to_string(out[i]) + ", but there are " + std::to_string(num_experts));
}

}  // namespace amalgam::model
