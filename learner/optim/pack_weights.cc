#include "learner/optim/pack_weights.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "kernels/gemm/gemm.h"

namespace amalgam::learner {
namespace {

// Some panels of one matrix.
struct Piece {
  const model::Matrix* matrix;
  int64_t begin, end;
};

struct Collect {
  std::vector<Piece>& pieces;
  template <class T>
  void operator()(const std::string&, T& t, model::Role) const {
    if constexpr (std::is_base_of_v<model::Matrix, T>) {
      // A multiple of the panel, about 64 Ki elements: packing pieces is packing the whole.
      const int64_t panels = std::max<int64_t>(1, 65536 / (t.cols * kernels::kPanel));
      const int64_t step = panels * kernels::kPanel;
      for (int64_t r = 0; r < t.rows; r += step)
        pieces.push_back({&t, r, std::min(r + step, t.rows)});
    }
  }
  void operator()(const std::string&, model::IntTensor&) const {}
};

}  // namespace

void pack_weights(kernels::ThreadPool& pool, model::Weights& weights,
                  const configs::NumericsConfig& numerics) {
  std::vector<Piece> pieces;
  visit(weights, Collect{pieces});
  pool.run(static_cast<int64_t>(pieces.size()), [&](int64_t i) {
    const Piece& p = pieces[static_cast<size_t>(i)];
    model::pack_rows(*p.matrix, p.begin, p.end, numerics);
  });
}

}  // namespace amalgam::learner
