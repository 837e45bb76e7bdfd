#include "learner/step/router_balance.h"

#include <numeric>

namespace amalgam::learner {

void update_router_bias(const float* bias, const int64_t* load, int64_t num_experts,
                        float* bias_next) {
  const int64_t total = std::accumulate(load, load + num_experts, int64_t{0});
  constexpr auto kRate = static_cast<float>(kRouterBiasRate);
  for (int64_t e = 0; e < num_experts; ++e) {
    const int64_t scaled = load[e] * num_experts;
    bias_next[e] = bias[e] + (total > scaled ? kRate : total < scaled ? -kRate : 0.0f);
  }
}

}  // namespace amalgam::learner
