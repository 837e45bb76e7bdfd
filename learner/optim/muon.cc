#include "learner/optim/muon.h"

#include <algorithm>
#include <cmath>

#include "learner/optim/elementwise.h"

namespace amalgam::learner {

void muon_update(kernels::ThreadPool& pool, const Muon& s, const MuonTensor& t,
                 NewtonSchulzScratch& scratch) {
  const int64_t size = t.rows * t.cols;
  const auto scale = static_cast<float>(s.grad_scale), mu = static_cast<float>(s.momentum);
  const auto keep = static_cast<float>(1 - s.lr * s.weight_decay);
  const auto rate =
      static_cast<float>(s.lr * 0.18 * std::sqrt(static_cast<double>(std::max(t.rows, t.cols))));
  float* x = scratch.x.data();
  for_each_element(size, [=](int64_t i) {
    const float g = t.grad[i] * scale;
    const float m = std::fma(mu, t.momentum[i], g);
    t.momentum_next[i] = m;
    x[i] = std::fma(mu, m, g);
  });
  newton_schulz(pool, t.rows, t.cols, scratch);
  const float* o = scratch.x.data();
  for_each_element(size, [=](int64_t i) { t.w_next[i] = std::fma(-rate, o[i], t.w[i] * keep); });
}

}  // namespace amalgam::learner
