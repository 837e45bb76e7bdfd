#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/moe/router.cc"
#include "kernels/moe/router.h"

#include <algorithm>
#include <cstring>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels {
namespace HWY_NAMESPACE {

void RouterScores(const float* logits, int64_t n, float* scores) {
  for (int64_t i = 0; i < n; i += kLanes)
    StorePartial(hn::Sqrt(Softplus(LoadPadded(logits + i, n - i))), scores + i, n - i);
}

// dlogit = ds · sigmoid(logit) / (2 s), in place on ds
void RouterScoresBackward(const float* logits, const float* scores, int64_t n, float* ds) {
  const F32 d;
  const VF two = hn::Set(d, 2.0f);
  for (int64_t i = 0; i < n; i += kLanes) {
    const VF s = LoadPadded(scores + i, n - i, 1.0f);
    const VF g = hn::Mul(LoadPadded(ds + i, n - i), Sigmoid(LoadPadded(logits + i, n - i)));
    // softplus underflows to 0 for logits below -87: no gradient rather than 0/0
    StorePartial(hn::IfThenElseZero(hn::Gt(s, hn::Zero(d)), hn::Div(g, hn::Mul(two, s))), ds + i,
                 n - i);
  }
}

void CombineRow(const float* in, const int32_t* rows, int64_t topk, int64_t D, const float* shared,
                bool accumulate, float* y) {
  const F32 d;
  for (int64_t c = 0; c < D; c += kLanes) {
    VF s = accumulate ? LoadPadded(y + c, D - c) : hn::Zero(d);
    for (int64_t k = 0; k < topk; ++k)
      s = hn::Add(s, LoadPadded(in + static_cast<int64_t>(rows[k]) * D + c, D - c));
    if (shared) s = hn::Add(s, LoadPadded(shared + c, D - c));
    StorePartial(s, y + c, D - c);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace amalgam::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amalgam::kernels {
HWY_EXPORT(RouterScores);
HWY_EXPORT(RouterScoresBackward);
HWY_EXPORT(CombineRow);

namespace {

void choose(const Router& op, int64_t t, const float* s, int32_t* out) {
  if (op.given && op.given[t * op.topk] >= 0) {
    std::copy(op.given + t * op.topk, op.given + (t + 1) * op.topk, out);
  } else if (op.tid2eid) {
    const int32_t* row = op.tid2eid + static_cast<int64_t>(op.ids[t]) * op.topk;
    std::copy(row, row + op.topk, out);
  } else {
    // K is small: insertion into a list kept by (score descending, id ascending).
    float best[64];
    int64_t n = 0;
    for (int64_t e = 0; e < op.num_experts; ++e) {
      const float v = s[e] + op.bias[e];
      if (n == op.topk && !(v > best[n - 1])) continue;
      int64_t i = n < op.topk ? n++ : n - 1;
      for (; i > 0 && v > best[i - 1]; --i) best[i] = best[i - 1], out[i] = out[i - 1];
      best[i] = v, out[i] = static_cast<int32_t>(e);
    }
  }
  std::sort(out, out + op.topk);
}

}  // namespace

void route(ThreadPool& pool, const Router& op, const float* logits, float* scores, int32_t* experts,
           float* weights) {
  pool.ranges(op.tokens, 64, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(RouterScores)
    (logits + begin * op.num_experts, (end - begin) * op.num_experts,
     scores + begin * op.num_experts);
    for (int64_t t = begin; t < end; ++t) {
      const float* s = scores + t * op.num_experts;
      int32_t* e = experts + t * op.topk;
      choose(op, t, s, e);
      float sum = 0;
      for (int64_t k = 0; k < op.topk; ++k) sum += s[e[k]];
      for (int64_t k = 0; k < op.topk; ++k) weights[t * op.topk + k] = op.scaling * s[e[k]] / sum;
    }
  });
}

void route_backward(ThreadPool& pool, const Router& op, const float* logits, const float* scores,
                    const int32_t* experts, const float* dweights, const float* dscores,
                    float* dlogits) {
  pool.ranges(op.tokens, 64, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const float* s = scores + t * op.num_experts;
      const int32_t* e = experts + t * op.topk;
      const float* g = dweights + t * op.topk;
      float* ds = dlogits + t * op.num_experts;
      std::fill(ds, ds + op.num_experts, 0.0f);
      float sum = 0, dot = 0;
      for (int64_t k = 0; k < op.topk; ++k) sum += s[e[k]];
      for (int64_t k = 0; k < op.topk; ++k) dot += g[k] * s[e[k]];
      for (int64_t k = 0; k < op.topk; ++k) ds[e[k]] = op.scaling / sum * (g[k] - dot / sum);
      if (dscores)
        for (int64_t i = 0; i < op.num_experts; ++i) ds[i] += dscores[t * op.num_experts + i];
    }
    HWY_DYNAMIC_DISPATCH(RouterScoresBackward)
    (logits + begin * op.num_experts, scores + begin * op.num_experts,
     (end - begin) * op.num_experts, dlogits + begin * op.num_experts);
  });
}

void plan_dispatch(const int32_t* experts, int64_t tokens, int64_t topk, int64_t num_experts,
                   int32_t* begin, int32_t* row_of, int32_t* token_of) {
  std::fill(begin, begin + num_experts + 1, 0);
  for (int64_t i = 0; i < tokens * topk; ++i) ++begin[experts[i] + 1];
  for (int64_t e = 0; e < num_experts; ++e) begin[e + 1] += begin[e];
  thread_local std::vector<int32_t> next;
  next.assign(begin, begin + num_experts);
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t k = 0; k < topk; ++k) {
      const int32_t row = next[static_cast<size_t>(experts[t * topk + k])]++;
      row_of[t * topk + k] = row;
      token_of[row] = static_cast<int32_t>(t);
    }
}

void gather_rows(ThreadPool& pool, const float* x, const int32_t* token_of, int64_t rows, int64_t D,
                 float* out) {
  pool.ranges(rows, 1 + 16384 / D, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      std::memcpy(out + r * D, x + static_cast<int64_t>(token_of[r]) * D,
                  static_cast<size_t>(D) * sizeof(float));
  });
}

void combine_rows(ThreadPool& pool, const float* in, const int32_t* row_of, int64_t tokens,
                  int64_t topk, int64_t D, const float* shared, bool accumulate, float* y) {
  pool.ranges(tokens, 1 + 8192 / D, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) HWY_DYNAMIC_DISPATCH(CombineRow)
    (in, row_of + t * topk, topk, D, shared ? shared + t * D : nullptr, accumulate, y + t * D);
  });
}

}  // namespace amalgam::kernels
#endif
