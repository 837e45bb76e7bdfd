// Load balance without an auxiliary loss (MODEL.md §2.5): bias_e += γ · sign(mean_load - load_e).
#pragma once
#include <cstdint>

namespace amalgam::learner {

inline constexpr double kRouterBiasRate = 0.001;  // γ

// load[e] = tokens routed to expert e in the step. Comparison is in integers: exact.
void update_router_bias(const float* bias, const int64_t* load, int64_t num_experts,
                        float* bias_next);

}  // namespace amalgam::learner
