#include "learner/optim/adamw.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "learner/optim/elementwise.h"

namespace amalgam::learner {
namespace {

// x^n by squaring; n ≥ 0.
double power(double x, int64_t n) {
  double y = 1;
  for (; n > 0; n /= 2, x *= x)
    if (n % 2) y *= x;
  return y;
}

}  // namespace

void adamw_update(const AdamW& s, const AdamWTensor& t, int64_t n) {
  const auto scale = static_cast<float>(s.grad_scale);
  const auto beta1 = static_cast<float>(s.beta1), rest1 = static_cast<float>(1 - s.beta1);
  const auto beta2 = static_cast<float>(s.beta2), rest2 = static_cast<float>(1 - s.beta2);
  const auto keep = static_cast<float>(1 - s.lr * s.weight_decay);
  const auto rate = static_cast<float>(s.lr / (1 - power(s.beta1, s.t)));
  const auto correct2 = static_cast<float>(1 / (1 - power(s.beta2, s.t)));
  // Never 0 in f32, so that a tensor that has seen no gradient gives 0 and not 0 / 0.
  const float eps = std::max(static_cast<float>(s.eps), std::numeric_limits<float>::min());
  for_each_element(n, [=](int64_t i) {
    const float g = t.grad[i] * scale;
    const float m = std::fma(beta1, t.m[i], rest1 * g);
    const float v = std::fma(beta2, t.v[i], rest2 * (g * g));
    const float root = std::sqrt(v * correct2) + eps;
    t.m_next[i] = m;
    t.v_next[i] = v;
    t.w_next[i] = std::fma(-rate, m / root, t.w[i] * keep);
  });
}

}  // namespace amalgam::learner
