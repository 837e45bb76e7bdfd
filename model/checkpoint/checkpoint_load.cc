#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <span>
#include <thread>

#include "configs/check.h"
#include "configs/error.h"
#include "kernels/device/thread_pool.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/stored_model.h"

namespace amalgam::model {
namespace {

// The tensors of bound weights, in the order of their sources.
struct Destinations {
  std::vector<Tensor> floats;
  std::vector<IntTensor> ints;
  void operator()(const std::string&, const Tensor& t, Role) { floats.push_back(t); }
  void operator()(const std::string&, const IntTensor& t) { ints.push_back(t); }
};

// Where rows [begin, end) of a source lie in its mapped file, without their scales.
std::span<const std::byte> stored_rows(const FloatSource& s, int64_t begin, int64_t end) {
  const int64_t elements_per_value = s.stored->dtype == DType::kI8 ? 2 : 1;  // packed FP4
  const int64_t row_bytes = s.cols * size_of(s.stored->dtype) / elements_per_value;
  const int64_t first_bytes = s.first * size_of(s.stored->dtype);
  return {s.stored->data + first_bytes + begin * row_bytes,
          static_cast<size_t>((end - begin) * row_bytes)};
}

// Has the kernel start to read what is not in memory, and does not wait. Only advice: what fails
// here is read later.
void start_reading(std::span<const std::byte> bytes) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGE_SIZE));
  const auto begin = reinterpret_cast<uintptr_t>(bytes.data());
  const uintptr_t first = begin / page * page;
  madvise(reinterpret_cast<void*>(first), begin + bytes.size() - first, MADV_WILLNEED);
}

void load_floats(const std::vector<FloatSource>& sources, const std::vector<Tensor>& tensors,
                 const std::string& directory) {
  // Pieces of about 4 MiB, so that one large tensor does not keep one thread busy alone.
  constexpr int64_t kPieceFloats = int64_t{1} << 20;
  constexpr size_t kPiecesAhead = 16;
  struct Piece {
    int64_t source, begin, end;
    std::span<const std::byte> bytes;
  };
  std::vector<Piece> pieces;
  for (size_t i = 0; i < sources.size(); ++i) {
    const FloatSource& t = sources[i];
    const int64_t step = std::max<int64_t>(1, kPieceFloats / t.cols);
    for (int64_t r = 0; r < t.rows; r += step)
      pieces.push_back({static_cast<int64_t>(i), r, std::min(r + step, t.rows),
                        stored_rows(t, r, std::min(r + step, t.rows))});
  }
  // Disks are fast in the order of the files, and with requests waiting: a page fault is only one.
  std::sort(pieces.begin(), pieces.end(),
            [](const Piece& a, const Piece& b) { return a.bytes.data() < b.bytes.data(); });
  for (size_t i = 0; i < std::min(kPiecesAhead, pieces.size()); ++i) start_reading(pieces[i].bytes);
  std::atomic<int64_t> first_bad{static_cast<int64_t>(sources.size())};
  kernels::ThreadPool pool(
      static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 8u)));
  pool.run(static_cast<int64_t>(pieces.size()), [&](int64_t i) {
    const Piece& p = pieces[static_cast<size_t>(i)];
    if (const size_t ahead = static_cast<size_t>(i) + kPiecesAhead; ahead < pieces.size())
      start_reading(pieces[ahead].bytes);
    const auto source = static_cast<size_t>(p.source);
    if (read_rows(sources[source], p.begin, p.end, tensors[source].row(p.begin))) return;
    int64_t bad = first_bad;
    while (p.source < bad && !first_bad.compare_exchange_weak(bad, p.source)) {
    }
  });
  if (first_bad < static_cast<int64_t>(sources.size()))
    throw Error(directory + ": tensor " +
                sources[static_cast<size_t>(first_bad.load())].stored->name +
                " holds a number that is not finite");
}

void bind_to_buffers(Model& m) {
  m.floats.resize(static_cast<size_t>(m.weights.num_floats()));
  m.ints.resize(static_cast<size_t>(m.weights.num_ints()));
  m.weights.bind(m.floats.data(), m.ints.data());
}

}  // namespace

void require_memory(int64_t num_floats, const std::string& directory) {
  const int64_t needed = num_floats * int64_t{sizeof(float)};
  const int64_t present = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGE_SIZE);
  if (needed <= present) return;
  constexpr int64_t kGiB = int64_t{1} << 30;
  throw Error(directory + ": needs " + std::to_string((needed + kGiB - 1) / kGiB) +
              " GiB in f32, but this machine has " + std::to_string(present / kGiB) + " GiB");
}

Model allocate_model(const ModelConfig& config) {
  Model m;
  m.config = config;
  m.weights = Weights(config);
  bind_to_buffers(m);
  return m;
}

void check_model(const std::string& path) {
  const StoredModel stored(path);
  const Weights weights(stored.config());
  (void)stored.find(weights);
}

Model load_model(const std::string& path) {
  const StoredModel stored(path);
  Model m;
  m.config = stored.config();
  m.weights = Weights(m.config);
  const TensorSources sources = stored.find(m.weights);
  require_memory(m.weights.num_floats(), stored.directory());
  bind_to_buffers(m);
  Destinations to;
  visit(m.weights, to);
  CHECK_EQ(sources.floats.size(), to.floats.size());
  CHECK_EQ(sources.ints.size(), to.ints.size());
  load_floats(sources.floats, to.floats, stored.directory());
  for (size_t i = 0; i < sources.ints.size(); ++i)
    read_table(sources.ints[i], m.config.n_routed_experts, stored.directory(), to.ints[i].data);
  return m;
}

}  // namespace amalgam::model
