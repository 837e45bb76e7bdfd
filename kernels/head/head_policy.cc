#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/head/head_policy.cc"
#include "kernels/head/head_policy.h"

#include "configs/check.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/head/softmax.h"
#include "kernels/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels::HWY_NAMESPACE {

// z -> c · (onehot - softmax), in place.
void PolicyGradientRow(float* z, int64_t n, float lse, float c, int64_t target) {
  const F32 d;
  const VF shift = hn::Set(d, lse), minus_c = hn::Set(d, -c);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(hn::Mul(minus_c, Exp(hn::Sub(hn::LoadU(d, z + i), shift))), d, z + i);
  }
  if (i < n) {
    const VF p = Exp(hn::Sub(LoadPadded(z + i, n - i), shift));
    StorePartial(hn::Mul(minus_c, p), z + i, n - i);
  }
  z[target] += c;
}

}  // namespace amalgam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amalgam::kernels {
namespace {

HWY_EXPORT(PolicyGradientRow);

// The tokens that take part: a target, and a coefficient other than 0 where one is given.
std::span<const int32_t> active_tokens(Arena& arena, const HeadPolicy& op, const float* c) {
  auto* tokens = arena.alloc<int32_t>(static_cast<size_t>(op.tokens));
  size_t n = 0;
  for (int64_t t = 0; t < op.tokens; ++t) {
    CHECK_LT(op.targets[t], op.head.vocabulary);
    if (op.targets[t] >= 0 && (!c || c[t] != 0)) tokens[n++] = static_cast<int32_t>(t);
  }
  return {tokens, n};
}

HeadRows rows_of(const HeadPolicy& op, std::span<const int32_t> tokens) {
  return {op.head, op.hidden, tokens, op.temperature};
}

int64_t tile_rows(const HeadPolicy& op) {
  return op.tile_rows > 0 ? op.tile_rows : head_tile_rows(op.head.vocabulary, 1);
}

// The coefficient of a gradient with respect to h Wᵀ from that of one with respect to z.
float untempered(const HeadPolicy& op, float c) { return static_cast<float>(c / op.temperature); }

void clear(const HeadPolicy& op, const HeadLogprobs& out) {
  for (float* p : {out.logprob, out.lse, out.entropy}) {
    if (p) std::fill_n(p, op.tokens, 0.0f);
  }
}

void token_logprob(const HeadPolicy& op, int32_t t, const float* z, const HeadLogprobs& out) {
  const float lse = log_sum_exp(z, op.head.vocabulary);
  out.lse[t] = lse;
  out.logprob[t] = z[op.targets[t]] - lse;
  if (out.entropy) out.entropy[t] = softmax_entropy(z, op.head.vocabulary, lse);
}

}  // namespace

void head_logprobs(ThreadPool& pool, Arena& arena, const HeadPolicy& op, const HeadLogprobs& out) {
  const Arena::Mark mark = arena.mark();
  clear(op, out);
  for_each_head_tile(pool, arena, rows_of(op, active_tokens(arena, op, nullptr)), tile_rows(op),
                     [&](std::span<const int32_t> tokens, const float*, const float* z) {
                       pool.run(static_cast<int64_t>(tokens.size()), [&](int64_t r) {
                         token_logprob(op, tokens[static_cast<size_t>(r)],
                                       z + r * op.head.vocabulary, out);
                       });
                     });
  arena.reset(mark);
}

void head_policy_backward(ThreadPool& pool, Arena& arena, const HeadPolicy& op, const float* lse,
                          const float* c, const HeadGradients& grads) {
  const Arena::Mark mark = arena.mark();
  for_each_head_tile(pool, arena, rows_of(op, active_tokens(arena, op, c)), tile_rows(op),
                     [&](std::span<const int32_t> tokens, const float* rows, float* z) {
                       pool.run(static_cast<int64_t>(tokens.size()), [&](int64_t r) {
                         const int32_t t = tokens[static_cast<size_t>(r)];
                         HWY_DYNAMIC_DISPATCH(PolicyGradientRow)
                         (z + r * op.head.vocabulary, op.head.vocabulary, lse[t],
                          untempered(op, c[t]), op.targets[t]);
                       });
                       head_backward(pool, arena, op.head, rows, tokens, z, grads);
                     });
  arena.reset(mark);
}

void head_cross_entropy(ThreadPool& pool, Arena& arena, const HeadPolicy& op, const float* weight,
                        const HeadLogprobs& out, const HeadGradients& grads) {
  const Arena::Mark mark = arena.mark();
  clear(op, out);
  for_each_head_tile(pool, arena, rows_of(op, active_tokens(arena, op, nullptr)), tile_rows(op),
                     [&](std::span<const int32_t> tokens, const float* rows, float* z) {
                       pool.run(static_cast<int64_t>(tokens.size()), [&](int64_t r) {
                         const int32_t t = tokens[static_cast<size_t>(r)];
                         float* z_row = z + r * op.head.vocabulary;
                         token_logprob(op, t, z_row, out);
                         HWY_DYNAMIC_DISPATCH(PolicyGradientRow)
                         (z_row, op.head.vocabulary, out.lse[t], untempered(op, -weight[t]),
                          op.targets[t]);
                       });
                       head_backward(pool, arena, op.head, rows, tokens, z, grads);
                     });
  arena.reset(mark);
}

}  // namespace amalgam::kernels
#endif  // HWY_ONCE
