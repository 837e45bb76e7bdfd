#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "configs/check.h"
#include "configs/error.h"
#include "kernels/thread_pool.h"
#include "model/checkpoint.h"
#include "model/stored_model.h"

namespace amalgam::model {
namespace {

// The tensors of bound weights, in the order of their sources.
struct Destinations {
  std::vector<Tensor> floats;
  std::vector<IntTensor> ints;
  void operator()(const std::string&, const Tensor& t, Role) { floats.push_back(t); }
  void operator()(const std::string&, const IntTensor& t) { ints.push_back(t); }
};

void load_floats(const std::vector<FloatSource>& sources, const std::vector<Tensor>& tensors,
                 const std::string& directory) {
  // Pieces of about 4 MiB, so that one large tensor does not keep one thread busy alone.
  constexpr int64_t kPieceFloats = int64_t{1} << 20;
  struct Piece {
    int64_t source, begin, end;
  };
  std::vector<Piece> pieces;
  for (size_t i = 0; i < sources.size(); ++i) {
    const FloatSource& t = sources[i];
    const int64_t step = std::max<int64_t>(1, kPieceFloats / t.cols);
    for (int64_t r = 0; r < t.rows; r += step)
      pieces.push_back({static_cast<int64_t>(i), r, std::min(r + step, t.rows)});
  }
  std::atomic<int64_t> first_bad{static_cast<int64_t>(sources.size())};
  kernels::ThreadPool pool(
      static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 8u)));
  pool.run(static_cast<int64_t>(pieces.size()), [&](int64_t i) {
    const Piece& p = pieces[static_cast<size_t>(i)];
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
  const StoredModel stored(path);
  Model m;
  m.config = stored.config();
  m.weights = Weights(m.config);
  const TensorSources sources = stored.find(m.weights);
  require_memory(m.weights, stored.directory());
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
