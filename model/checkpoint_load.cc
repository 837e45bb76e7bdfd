#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "configs/error.h"
#include "kernels/thread_pool.h"
#include "model/checkpoint.h"
#include "model/dequantize.h"
#include "model/durable_file.h"
#include "model/printable.h"
#include "model/safetensors.h"
#include "model/tensor_catalogue.h"
#include "model/tensor_names.h"

namespace amalgam::model {
namespace {

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

// One tensor of ours and where it comes from.
struct Source {
  const StoredTensor* stored = nullptr;
  const StoredTensor* scale = nullptr;  // quantised weights
  int64_t first = 0;                    // element of `stored` at which ours begins
  Tensor* tensor = nullptr;
};
struct IntSource {
  const StoredTensor* stored = nullptr;
  IntTensor* tensor = nullptr;
};

std::string shape_text(const std::vector<int64_t>& shape) {
  const std::string text = describe(DType::kF32, shape);
  return text.substr(text.find('['));
}

// Finds every tensor of the config, called by visit(); collects what does not fit.
class Matcher {
 public:
  Matcher(const TensorCatalogue& catalogue, Spelling spelling)
      : catalogue_(catalogue), spelling_(spelling) {}

  std::vector<Source> floats;
  std::vector<IntSource> ints;

  void operator()(const std::string& released, Tensor& t, Role) {
    const StoredName where = stored_name(spelling_, released);
    const StoredTensor* stored = use(where.name);
    if (!stored) return;
    std::vector<int64_t> shape = {t.rows};
    if (t.rank == 2) shape.push_back(t.cols);
    Source s{stored, nullptr, 0, &t};
    if (where.expert >= 0) {
      shape = {num_experts, t.rows * where.num_halves, t.cols};
      s.first = (where.expert * where.num_halves + where.half) * t.size();
    }
    switch (stored->dtype) {
      case DType::kF32:
      case DType::kBF16:
      case DType::kF16:
        break;
      case DType::kF8E4M3:
        if (t.rank != 2 ||
            !use_scale(released, {tiles(t.rows, kFp8Tile), tiles(t.cols, kFp8Tile)}, s))
          return;
        break;
      case DType::kI8:
        if (t.rank != 2 || t.cols % 2 ||
            !use_scale(released, {t.rows, tiles(t.cols, kFp4Block)}, s))
          return;
        shape.back() /= 2;
        break;
      default:
        problem(where.name + " has dtype " + name_of(stored->dtype));
        return;
    }
    if (fits(*stored, shape)) floats.push_back(s);
  }

  void operator()(const std::string& released, IntTensor& t) {
    const std::string name = stored_name(spelling_, released).name;
    const StoredTensor* stored = use(name);
    if (!stored) return;
    if (stored->dtype != DType::kI32 && stored->dtype != DType::kI64)
      problem(name + " has dtype " + name_of(stored->dtype) + ", not I32 or I64");
    else if (fits(*stored, {t.rows, t.cols}))
      ints.push_back({stored, &t});
  }

  void throw_problems(const std::string& directory) {
    for (const auto& [name, tensor] : catalogue_.tensors())
      if (!used_.count(name)) problem(printable(name) + " is unknown to this config");
    if (!num_problems_) return;
    if (num_problems_ > kMaxShown)
      problems_ += "; and " + std::to_string(num_problems_ - kMaxShown) + " more";
    throw Error(directory + ": the tensors do not fit config.json: " + problems_);
  }

  int64_t num_experts = 0;

 private:
  static constexpr int64_t kMaxShown = 3;

  static int64_t tiles(int64_t n, int64_t tile) { return (n + tile - 1) / tile; }

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
  bool use_scale(const std::string& released, const std::vector<int64_t>& shape, Source& s) {
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
  std::set<std::string_view> used_;
  std::string problems_;
  int64_t num_problems_ = 0;
};

// Rows [begin, end) of one tensor; false if there is an infinity or a NaN among them.
bool load_rows(const Source& s, int64_t begin, int64_t end) {
  const int64_t cols = s.tensor->cols;
  float* out = s.tensor->row(begin);
  if (s.scale) {
    const auto* weight = reinterpret_cast<const uint8_t*>(s.stored->data);
    const auto* scale = reinterpret_cast<const uint8_t*>(s.scale->data);
    if (s.stored->dtype == DType::kI8)
      dequantize_e2m1(weight, scale, cols, begin, end, out);
    else
      dequantize_e4m3(weight, scale, cols, begin, end, out);
  } else {
    copy_floats(*s.stored, s.first + begin * cols, s.first + end * cols, out);
  }
  bool ok = true;
  for (int64_t i = 0; i < (end - begin) * cols; ++i) ok &= out[i] - out[i] == 0;
  return ok;
}

void load_floats(const std::vector<Source>& sources, const std::string& directory) {
  // Pieces of about 4 MiB, so that one large tensor does not keep one thread busy alone.
  constexpr int64_t kPieceFloats = int64_t{1} << 20;
  struct Piece {
    int64_t source, begin, end;
  };
  std::vector<Piece> pieces;
  for (size_t i = 0; i < sources.size(); ++i) {
    const Tensor& t = *sources[i].tensor;
    const int64_t step = std::max<int64_t>(1, kPieceFloats / t.cols);
    for (int64_t r = 0; r < t.rows; r += step)
      pieces.push_back({static_cast<int64_t>(i), r, std::min(r + step, t.rows)});
  }
  std::atomic<int64_t> first_bad{static_cast<int64_t>(sources.size())};
  kernels::ThreadPool pool(
      static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 8u)));
  pool.run(static_cast<int64_t>(pieces.size()), [&](int64_t i) {
    const Piece& p = pieces[static_cast<size_t>(i)];
    if (load_rows(sources[static_cast<size_t>(p.source)], p.begin, p.end)) return;
    int64_t bad = first_bad;
    while (p.source < bad && !first_bad.compare_exchange_weak(bad, p.source)) {
    }
  });
  if (first_bad < static_cast<int64_t>(sources.size()))
    throw Error(directory + ": tensor " +
                sources[static_cast<size_t>(first_bad.load())].stored->name +
                " holds a number that is not finite");
}

void load_ints(const std::vector<IntSource>& sources, int64_t num_experts,
               const std::string& directory) {
  for (const IntSource& s : sources) {
    copy_ints(*s.stored, 0, s.tensor->size(), s.tensor->data);
    for (int64_t i = 0; i < s.tensor->size(); ++i)
      if (s.tensor->data[i] < 0 || s.tensor->data[i] >= num_experts)
        throw Error(directory + ": tensor " + s.stored->name + " holds expert " +
                    std::to_string(s.tensor->data[i]) + ", but there are " +
                    std::to_string(num_experts));
  }
}

// Fresh memory is given out page by page: with 2 MiB pages loading takes 0.4 of the time.
void advise_huge_pages(kernels::Buffer<float>& floats) {
  constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
  const auto begin = reinterpret_cast<uintptr_t>(floats.data());
  const uintptr_t end = begin + floats.size() * sizeof(float);
  const uintptr_t first = (begin + kHugePage - 1) / kHugePage * kHugePage;
  // Only advice: where the kernel does not take it, the memory works as it is.
  if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
}

// Without this check the kernel promises memory that it does not have, and later kills the process.
void require_memory(const Weights& weights, const std::string& directory) {
  const int64_t needed = weights.num_floats() * int64_t{sizeof(float)};
  const int64_t present = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGE_SIZE);
  if (needed <= present) return;
  constexpr int64_t kGiB = int64_t{1} << 30;
  throw Error(directory + ": needs " + std::to_string((needed + kGiB - 1) / kGiB) +
              " GiB in f32, but this machine has " + std::to_string(present / kGiB) + " GiB");
}

void bind_to_buffers(Model& m) {
  m.floats.resize(static_cast<size_t>(m.weights.num_floats()));
  advise_huge_pages(m.floats);
  m.ints.resize(static_cast<size_t>(m.weights.num_ints()));
  m.weights.bind(m.floats.data(), m.ints.data());
}

}  // namespace

Model allocate_model(const ModelConfig& config) {
  Model m;
  m.config = config;
  m.weights = Weights(config);
  bind_to_buffers(m);
  return m;
}

Model load_model(const std::string& path) {
  const std::string directory = complete_directory(path);
  Model m;
  m.config = load_model_config(directory + "/config.json");
  const TensorCatalogue catalogue(directory);
  const Spelling spelling = detect_spelling(catalogue);
  m.config.num_nextn_predict_layers = has_mtp(catalogue, spelling) ? 1 : 0;
  m.weights = Weights(m.config);

  Matcher matcher(catalogue, spelling);
  matcher.num_experts = m.config.n_routed_experts;
  visit(m.weights, matcher);
  matcher.throw_problems(directory);
  require_memory(m.weights, directory);
  bind_to_buffers(m);
  load_floats(matcher.floats, directory);
  load_ints(matcher.ints, m.config.n_routed_experts, directory);
  return m;
}

}  // namespace amalgam::model
