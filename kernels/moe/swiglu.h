// act = g · silu(min(a, L)) ⊙ clamp(b, -L, L)      L = swiglu_limit, g the row's routing weight
//
// (MODEL.md §2.5; the routing weight multiplies the activation before W2.) The clamps stop the
// gradient where they act.
//
// Mistakes it invites: clamping silu's output or a from below (SwigluTest.HandCase).
#pragma once
#include <cstdint>

#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

struct Swiglu {
  int64_t rows = 0, cols = 0;
  float limit = 0;               // 0 = none
  const float* scale = nullptr;  // [rows] or null = 1
};

// a, b, act [rows, cols]
void swiglu(ThreadPool& pool, const Swiglu& op, const float* a, const float* b, float* act);
// da, db, dscale [rows] stored (dscale null without scale).
void swiglu_backward(ThreadPool& pool, const Swiglu& op, const float* a, const float* b,
                     const float* dact, float* da, float* db, float* dscale);

}  // namespace amalgam::kernels
