#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/hyper_connection/hyper_connection.cc"
#include "kernels/hyper_connection/hyper_connection.h"

#include <vector>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/simd_math-inl.h"

// Mixing weights are computed for kLanes tokens at a time, lanes across tokens: every token's bits
// come from its own lane only. The stream sums run over channels, lanes across channels.
HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels {
namespace HWY_NAMESPACE {

constexpr int64_t kMaxComb = kMaxStreams * kMaxStreams;
constexpr int64_t kMaxMixes = (2 + kMaxStreams) * kMaxStreams;

// [lanes, cols] rows of T-major memory <-> vectors over tokens.
HWY_INLINE void LoadTokens(const float* p, int64_t tokens, int64_t cols, VF* out) {
  const F32 d;
  HWY_ALIGN float t[kLanes];
  for (int64_t c = 0; c < cols; ++c) {
    for (int64_t l = 0; l < kLanes; ++l) t[l] = l < tokens ? p[l * cols + c] : 0.0f;
    out[c] = hn::Load(d, t);
  }
}
HWY_INLINE void StoreTokens(const VF* in, int64_t tokens, int64_t cols, float* p) {
  const F32 d;
  HWY_ALIGN float t[kLanes];
  for (int64_t c = 0; c < cols; ++c) {
    hn::Store(in[c], d, t);
    for (int64_t l = 0; l < tokens; ++l) p[l * cols + c] = t[l];
  }
}

HWY_INLINE VF InverseRms(const HyperConnection& op, const float* X, int64_t tokens) {
  const F32 d;
  const int64_t width = op.streams * op.hidden;
  HWY_ALIGN float t[kLanes];
  for (int64_t l = 0; l < kLanes; ++l)
    t[l] =
        l < tokens ? Dot16(X + l * width, X + l * width, width) / static_cast<float>(width) : 1.0f;
  return hn::Div(hn::Set(d, 1.0f), hn::Sqrt(hn::Add(hn::Load(d, t), hn::Set(d, op.norm_eps))));
}

// One normalisation of comb [n, n] in place along rows or columns; keeps 1/(sum + eps) in r[n].
HWY_INLINE void NormalizeRows(VF* c, int64_t n, VF eps, VF* r) {
  const F32 d;
  for (int64_t j = 0; j < n; ++j) {
    VF s = c[j * n];
    for (int64_t k = 1; k < n; ++k) s = hn::Add(s, c[j * n + k]);
    r[j] = hn::Div(hn::Set(d, 1.0f), hn::Add(s, eps));
    for (int64_t k = 0; k < n; ++k) c[j * n + k] = hn::Mul(c[j * n + k], r[j]);
  }
}
HWY_INLINE void NormalizeCols(VF* c, int64_t n, VF eps, VF* r) {
  const F32 d;
  for (int64_t k = 0; k < n; ++k) {
    VF s = c[k];
    for (int64_t j = 1; j < n; ++j) s = hn::Add(s, c[j * n + k]);
    r[k] = hn::Div(hn::Set(d, 1.0f), hn::Add(s, eps));
    for (int64_t j = 0; j < n; ++j) c[j * n + k] = hn::Mul(c[j * n + k], r[k]);
  }
}

// Row softmax, then the alternating normalisations. When `trace` is not null, keeps after every
// step the matrix and the reciprocals: (2·iters) entries of (n·n + n) vectors.
template <int64_t kN>
HWY_INLINE void Sinkhorn(VF* c, int64_t runtime_n, int64_t iters, float hc_eps, VF* trace) {
  const int64_t n = kN ? kN : runtime_n;
  const F32 d;
  const VF eps = hn::Set(d, hc_eps);
  VF r[kMaxStreams];
  const auto keep = [&]() HWY_ATTR {
    if (!trace) return;
    for (int64_t i = 0; i < n * n; ++i) *trace++ = c[i];
    for (int64_t i = 0; i < n; ++i) *trace++ = r[i];
  };
  for (int64_t j = 0; j < n; ++j) {
    VF m = c[j * n];
    for (int64_t k = 1; k < n; ++k) m = hn::Max(m, c[j * n + k]);
    for (int64_t k = 0; k < n; ++k) c[j * n + k] = Exp(hn::Sub(c[j * n + k], m));
  }
  NormalizeRows(c, n, hn::Zero(d), r);
  keep();
  for (int64_t i = 0; i < n * n; ++i) c[i] = hn::Add(c[i], eps);
  NormalizeCols(c, n, eps, r);
  keep();
  for (int64_t it = 1; it < iters; ++it) {
    NormalizeRows(c, n, eps, r);
    keep();
    NormalizeCols(c, n, eps, r);
    keep();
  }
}

// Gradient of y = x·r, r = 1/(Σx + eps) along an axis: dx = r·(dy - Σ dy·y). In place on dc.
HWY_INLINE void RowsBackward(VF* dc, const VF* y, const VF* r, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    VF s = hn::Mul(dc[j * n], y[j * n]);
    for (int64_t k = 1; k < n; ++k) s = hn::MulAdd(dc[j * n + k], y[j * n + k], s);
    for (int64_t k = 0; k < n; ++k) dc[j * n + k] = hn::Mul(hn::Sub(dc[j * n + k], s), r[j]);
  }
}
HWY_INLINE void ColsBackward(VF* dc, const VF* y, const VF* r, int64_t n) {
  for (int64_t k = 0; k < n; ++k) {
    VF s = hn::Mul(dc[k], y[k]);
    for (int64_t j = 1; j < n; ++j) s = hn::MulAdd(dc[j * n + k], y[j * n + k], s);
    for (int64_t j = 0; j < n; ++j) dc[j * n + k] = hn::Mul(hn::Sub(dc[j * n + k], s), r[k]);
  }
}
template <int64_t kN>
HWY_INLINE void SinkhornBackward(VF* dc, int64_t runtime_n, int64_t iters, const VF* trace) {
  const int64_t n = kN ? kN : runtime_n;
  const int64_t step = n * n + n;
  const VF* t = trace + (2 * iters - 1) * step;
  for (int64_t it = iters - 1; it >= 1; --it) {
    ColsBackward(dc, t, t + n * n, n), t -= step;
    RowsBackward(dc, t, t + n * n, n), t -= step;
  }
  ColsBackward(dc, t, t + n * n, n), t -= step;
  // Row softmax p: dz = p ⊙ (dp - Σ dp·p)
  for (int64_t j = 0; j < n; ++j) {
    VF s = hn::Mul(dc[j * n], t[j * n]);
    for (int64_t k = 1; k < n; ++k) s = hn::MulAdd(dc[j * n + k], t[j * n + k], s);
    for (int64_t k = 0; k < n; ++k)
      dc[j * n + k] = hn::Mul(hn::Sub(dc[j * n + k], s), t[j * n + k]);
  }
}

// x = Σ_j w_j X_j for one token; w has a stride so that it can be read out of a lane array.
HWY_INLINE void MixStreams(const float* X, const float* w, int64_t w_stride, int64_t n, int64_t D,
                           float* x) {
  const F32 d;
  for (int64_t c = 0; c < D; c += kLanes) {
    VF s = hn::Mul(hn::Set(d, w[0]), LoadPadded(X + c, D - c));
    for (int64_t j = 1; j < n; ++j)
      s = hn::MulAdd(hn::Set(d, w[j * w_stride]), LoadPadded(X + j * D + c, D - c), s);
    StorePartial(s, x + c, D - c);
  }
}

template <int64_t kN>
void PreTokens(const HyperConnection& op, const float* X, const float* raw, float* x, float* post,
               float* comb, int64_t begin, int64_t end) {
  const F32 d;
  const int64_t n = kN ? kN : op.streams, M = (2 + n) * n, D = op.hidden;
  for (int64_t t = begin; t < end; t += kLanes) {
    const int64_t tokens = HWY_MIN(kLanes, end - t);
    VF m[kMaxMixes], w[kMaxStreams];
    LoadTokens(raw + t * M, tokens, M, m);
    const VF inv = InverseRms(op, X + t * n * D, tokens);
    for (int64_t i = 0; i < M; ++i) {
      const VF s = hn::Set(d, op.scale[i < n ? 0 : i < 2 * n ? 1 : 2]);
      m[i] = hn::MulAdd(hn::Mul(m[i], inv), s, hn::Set(d, op.base[i]));
    }
    HWY_ALIGN float pre[kMaxStreams * kLanes];
    for (int64_t j = 0; j < n; ++j) {
      hn::Store(hn::Add(Sigmoid(m[j]), hn::Set(d, op.hc_eps)), d, pre + j * kLanes);
      w[j] = hn::Mul(hn::Set(d, 2.0f), Sigmoid(m[n + j]));
    }
    StoreTokens(w, tokens, n, post + t * n);
    Sinkhorn<kN>(m + 2 * n, n, op.sinkhorn_iters, op.hc_eps, nullptr);
    StoreTokens(m + 2 * n, tokens, n * n, comb + t * n * n);
    for (int64_t l = 0; l < tokens; ++l)
      MixStreams(X + (t + l) * n * D, pre + l, kLanes, n, D, x + (t + l) * D);
  }
}

void HeadTokens(const HyperConnection& op, const float* X, const float* raw, float* h,
                int64_t begin, int64_t end) {
  const F32 d;
  const int64_t n = op.streams, D = op.hidden;
  for (int64_t t = begin; t < end; t += kLanes) {
    const int64_t tokens = HWY_MIN(kLanes, end - t);
    VF m[kMaxStreams];
    LoadTokens(raw + t * n, tokens, n, m);
    const VF inv = InverseRms(op, X + t * n * D, tokens);
    HWY_ALIGN float pre[kMaxStreams * kLanes];
    for (int64_t j = 0; j < n; ++j) {
      const VF z = hn::MulAdd(hn::Mul(m[j], inv), hn::Set(d, op.scale[0]), hn::Set(d, op.base[j]));
      hn::Store(hn::Add(Sigmoid(z), hn::Set(d, op.hc_eps)), d, pre + j * kLanes);
    }
    for (int64_t l = 0; l < tokens; ++l)
      MixStreams(X + (t + l) * n * D, pre + l, kLanes, n, D, h + (t + l) * D);
  }
}

// dX_j += w_j dx + coefficient·X_j, the second term being the path through the norm.
HWY_INLINE void StreamsBackward(const float* X, const float* dx, const float* w, float coefficient,
                                int64_t n, int64_t D, float* dX) {
  const F32 d;
  const VF k = hn::Set(d, coefficient);
  for (int64_t j = 0; j < n; ++j) {
    const VF wj = hn::Set(d, w[j * kLanes]);
    for (int64_t c = 0; c < D; c += kLanes) {
      VF g = LoadPadded(dX + j * D + c, D - c);
      g = hn::MulAdd(wj, LoadPadded(dx + c, D - c), g);
      g = hn::MulAdd(k, LoadPadded(X + j * D + c, D - c), g);
      StorePartial(g, dX + j * D + c, D - c);
    }
  }
}

// sigmoid' from its value
HWY_INLINE VF SigmoidBackward(VF s, VF ds) {
  return hn::Mul(hn::Mul(ds, s), hn::Sub(hn::Set(F32(), 1.0f), s));
}

// sums: [M] dbase then [M] the terms of dscale, of this block of tokens, each accumulated token by
// token (so its order does not depend on the number of lanes).
template <int64_t kN, bool kHead>
void PreTokensBackward(const HyperConnection& op, const float* X, const float* raw, const float* dx,
                       const float* dpost, const float* dcomb, float* dX, float* draw, float* sums,
                       int64_t begin, int64_t end) {
  const F32 d;
  const int64_t n = kN ? kN : op.streams, D = op.hidden;
  const int64_t M = kHead ? n : (2 + n) * n;
  const auto group = [&](int64_t i) { return i < n ? 0 : i < 2 * n ? 1 : 2; };
  thread_local std::vector<float> trace_memory;
  trace_memory.resize(static_cast<size_t>((2 * op.sinkhorn_iters * (n * n + n) + 2) * kLanes));
  VF* trace =
      reinterpret_cast<VF*>((reinterpret_cast<uintptr_t>(trace_memory.data()) + 63) / 64 * 64);
  const float width = static_cast<float>(n * D);
  for (int64_t t = begin; t < end; t += kLanes) {
    const int64_t tokens = HWY_MIN(kLanes, end - t);
    VF mix[kMaxMixes], z[kMaxMixes], dz[kMaxMixes];
    LoadTokens(raw + t * M, tokens, M, mix);
    const VF inv = InverseRms(op, X + t * n * D, tokens);
    for (int64_t i = 0; i < M; ++i) {
      mix[i] = hn::Mul(mix[i], inv);
      z[i] = hn::MulAdd(mix[i], hn::Set(d, op.scale[group(i)]), hn::Set(d, op.base[i]));
    }
    HWY_ALIGN float pre[kMaxStreams * kLanes];
    HWY_ALIGN float dpre[kMaxStreams * kLanes];
    for (int64_t j = 0; j < n; ++j)
      for (int64_t l = 0; l < kLanes; ++l)
        dpre[j * kLanes + l] =
            l < tokens ? Dot16(dx + (t + l) * D, X + ((t + l) * n + j) * D, D) : 0.0f;
    for (int64_t j = 0; j < n; ++j) {
      const VF s = Sigmoid(z[j]);
      hn::Store(hn::Add(s, hn::Set(d, op.hc_eps)), d, pre + j * kLanes);
      dz[j] = SigmoidBackward(s, hn::Load(d, dpre + j * kLanes));
    }
    if constexpr (!kHead) {
      VF g[kMaxComb];
      LoadTokens(dpost + t * n, tokens, n, g);
      for (int64_t j = 0; j < n; ++j)
        dz[n + j] = SigmoidBackward(Sigmoid(z[n + j]), hn::Mul(hn::Set(d, 2.0f), g[j]));
      Sinkhorn<kN>(z + 2 * n, n, op.sinkhorn_iters, op.hc_eps, trace);
      LoadTokens(dcomb + t * n * n, tokens, n * n, dz + 2 * n);
      SinkhornBackward<kN>(dz + 2 * n, n, op.sinkhorn_iters, trace);
    }
    // mixes = raw·inv: draw = dmix·inv; dinv = Σ dmix·raw; dX += dinv · (-inv³ / width) X
    VF dinv_mix = hn::Zero(d);  // Σ dmix·mix = dinv·inv
    HWY_ALIGN float lane[kLanes];
    for (int64_t i = 0; i < M; ++i) {
      hn::Store(hn::Mul(dz[i], mix[i]), d, lane);
      for (int64_t l = 0; l < tokens; ++l) sums[M + i] += lane[l];
      hn::Store(dz[i], d, lane);
      for (int64_t l = 0; l < tokens; ++l) sums[i] += lane[l];
      const VF dmix = hn::Mul(dz[i], hn::Set(d, op.scale[group(i)]));
      dinv_mix = hn::MulAdd(dmix, mix[i], dinv_mix);
      dz[i] = hn::Mul(dmix, inv);
    }
    StoreTokens(dz, tokens, M, draw + t * M);
    hn::Store(hn::Div(hn::Neg(hn::Mul(hn::Mul(dinv_mix, inv), inv)), hn::Set(d, width)), d, lane);
    for (int64_t l = 0; l < tokens; ++l)
      StreamsBackward(X + (t + l) * n * D, dx + (t + l) * D, pre + l, lane[l], n, D,
                      dX + (t + l) * n * D);
  }
}

template <int64_t kN>
void PostTokens(const HyperConnection& op, const float* y, const float* X, const float* post,
                const float* comb, float* HWY_RESTRICT out, int64_t begin, int64_t end) {
  const F32 d;
  const int64_t n = kN ? kN : op.streams, D = op.hidden;
  for (int64_t t = begin; t < end; ++t) {
    const float *Xt = X + t * n * D, *yt = y + t * D, *p = post + t * n, *cb = comb + t * n * n;
    float* HWY_RESTRICT o = out + t * n * D;
    for (int64_t c = 0; c < D; c += kLanes) {
      VF xs[kMaxStreams];
#pragma GCC unroll 8
      for (int64_t j = 0; j < n; ++j) xs[j] = LoadPadded(Xt + j * D + c, D - c);
      const VF v = LoadPadded(yt + c, D - c);
#pragma GCC unroll 8
      for (int64_t k = 0; k < n; ++k) {
        VF s = hn::Mul(hn::Set(d, p[k]), v);
#pragma GCC unroll 8
        for (int64_t j = 0; j < n; ++j) s = hn::MulAdd(hn::Set(d, cb[j * n + k]), xs[j], s);
        StorePartial(s, o + k * D + c, D - c);
      }
    }
  }
}

// Dot16 of g with each of n rows of X and with y, in one pass over g: the same sums to the bit.
template <int64_t kN>
HWY_INLINE void StreamDots(const float* g, const float* X, const float* y, int64_t streams,
                           int64_t D, float* of_streams, int64_t stride, float* of_y) {
  const F32 d;
  const int64_t n = kN ? kN : streams;
  Sum16 xs[kN ? kN : kMaxStreams], ys;
  int64_t i = 0;
  for (; i + 16 <= D; i += 16)
    for (int h = 0; h < kHalves; ++h) {
      const int64_t c = i + h * kLanes;
      const VF v = hn::LoadU(d, g + c);
      ys.mul_add(h, v, hn::LoadU(d, y + c));
#pragma GCC unroll 8
      for (int64_t j = 0; j < n; ++j) xs[j].mul_add(h, hn::LoadU(d, X + j * D + c), v);
    }
  for (int h = 0; i < D && h < kHalves; ++h, i += kLanes) {
    const VF v = LoadPadded(g + i, D - i);
    ys.mul_add(h, v, LoadPadded(y + i, D - i));
    for (int64_t j = 0; j < n; ++j) xs[j].mul_add(h, LoadPadded(X + j * D + i, D - i), v);
  }
  *of_y = ys.sum();
  for (int64_t j = 0; j < n; ++j) of_streams[j * stride] = xs[j].sum();
}

template <int64_t kN>
void PostTokensBackward(const HyperConnection& op, const float* y, const float* X,
                        const float* post, const float* comb, const float* dout, float* dy,
                        float* HWY_RESTRICT dX, float* dpost, float* dcomb, int64_t begin,
                        int64_t end) {
  const F32 d;
  const int64_t n = kN ? kN : op.streams, D = op.hidden;
  for (int64_t t = begin; t < end; ++t) {
    const float *Xt = X + t * n * D, *yt = y + t * D, *g = dout + t * n * D, *p = post + t * n,
                *cb = comb + t * n * n;
    for (int64_t c = 0; c < D; c += kLanes) {
      VF gs[kMaxStreams];
#pragma GCC unroll 8
      for (int64_t k = 0; k < n; ++k) gs[k] = LoadPadded(g + k * D + c, D - c);
      VF s = LoadPadded(dy + t * D + c, D - c);
#pragma GCC unroll 8
      for (int64_t k = 0; k < n; ++k) s = hn::MulAdd(hn::Set(d, p[k]), gs[k], s);
      StorePartial(s, dy + t * D + c, D - c);
#pragma GCC unroll 8
      for (int64_t j = 0; j < n; ++j) {
        float* HWY_RESTRICT q = dX + (t * n + j) * D + c;
        VF v = LoadPadded(q, D - c);
#pragma GCC unroll 8
        for (int64_t k = 0; k < n; ++k) v = hn::MulAdd(hn::Set(d, cb[j * n + k]), gs[k], v);
        StorePartial(v, q, D - c);
      }
    }
    for (int64_t k = 0; k < n; ++k)
      StreamDots<kN>(g + k * D, Xt, yt, n, D, dcomb + t * n * n + k, n, dpost + t * n + k);
  }
}

#define AMALGAM_BY_STREAMS(name, ...) op.streams == 4 ? name<4>(__VA_ARGS__) : name<0>(__VA_ARGS__)

void HcPre(const HyperConnection& op, const float* X, const float* raw, float* x, float* post,
           float* comb, int64_t begin, int64_t end) {
  AMALGAM_BY_STREAMS(PreTokens, op, X, raw, x, post, comb, begin, end);
}
void HcPreBackward(const HyperConnection& op, const float* X, const float* raw, const float* dx,
                   const float* dpost, const float* dcomb, float* dX, float* draw, float* sums,
                   int64_t begin, int64_t end) {
  if (op.streams == 4)
    PreTokensBackward<4, false>(op, X, raw, dx, dpost, dcomb, dX, draw, sums, begin, end);
  else
    PreTokensBackward<0, false>(op, X, raw, dx, dpost, dcomb, dX, draw, sums, begin, end);
}
void HcHeadBackward(const HyperConnection& op, const float* X, const float* raw, const float* dh,
                    float* dX, float* draw, float* sums, int64_t begin, int64_t end) {
  PreTokensBackward<0, true>(op, X, raw, dh, nullptr, nullptr, dX, draw, sums, begin, end);
}
void HcPost(const HyperConnection& op, const float* y, const float* X, const float* post,
            const float* comb, float* out, int64_t begin, int64_t end) {
  AMALGAM_BY_STREAMS(PostTokens, op, y, X, post, comb, out, begin, end);
}
void HcPostBackward(const HyperConnection& op, const float* y, const float* X, const float* post,
                    const float* comb, const float* dout, float* dy, float* dX, float* dpost,
                    float* dcomb, int64_t begin, int64_t end) {
  AMALGAM_BY_STREAMS(PostTokensBackward, op, y, X, post, comb, dout, dy, dX, dpost, dcomb, begin,
                     end);
}
#undef AMALGAM_BY_STREAMS

}  // namespace HWY_NAMESPACE
}  // namespace amalgam::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "configs/check.h"
#include "kernels/device/row_blocks.h"

namespace amalgam::kernels {
HWY_EXPORT(HcPre);
HWY_EXPORT(HcPreBackward);
HWY_EXPORT(HcPost);
HWY_EXPORT(HcPostBackward);
HWY_EXPORT(HeadTokens);
HWY_EXPORT(HcHeadBackward);

namespace {
constexpr int64_t kGrain = 16;  // tokens; a multiple of the lanes of every instruction set

// Runs f(begin, end, sums) over fixed row blocks and adds the sums to dbase [M] and dscale, whose
// element g collects the mixes [g·n, (g+1)·n), the last one all that remain.
template <class F>
void blocks_with_sums(ThreadPool& pool, Arena& scratch, const HyperConnection& op, int64_t M,
                      float* dbase, float* dscale, const F& f) {
  const auto mark = scratch.mark();
  const int64_t blocks = num_row_blocks(op.tokens), width = 2 * M;
  float* sums = scratch.alloc_zero<float>(static_cast<size_t>(blocks * width));
  pool.run(blocks, [&](int64_t b) {
    const auto [begin, end] = row_block(b, op.tokens);
    f(begin, end, sums + b * width);
  });
  for (int64_t b = 0; b < blocks; ++b)
    for (int64_t i = 0; i < M; ++i) {
      dbase[i] += sums[b * width + i];
      dscale[std::min<int64_t>(i / op.streams, 2)] += sums[b * width + M + i];
    }
  scratch.reset(mark);
}
}  // namespace

void hc_pre(ThreadPool& pool, const HyperConnection& op, const float* X, const float* raw, float* x,
            float* post, float* comb) {
  CHECK_LE(op.streams, kMaxStreams);
  pool.ranges((op.tokens + kGrain - 1) / kGrain, 1, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(HcPre)
    (op, X, raw, x, post, comb, begin * kGrain, std::min(op.tokens, end * kGrain));
  });
}

void hc_pre_backward(ThreadPool& pool, Arena& scratch, const HyperConnection& op, const float* X,
                     const float* raw, const float* dx, const float* dpost, const float* dcomb,
                     float* dX, float* draw, float* dbase, float* dscale) {
  blocks_with_sums(pool, scratch, op, (2 + op.streams) * op.streams, dbase, dscale,
                   [&](int64_t begin, int64_t end, float* sums) {
                     HWY_DYNAMIC_DISPATCH(HcPreBackward)
                     (op, X, raw, dx, dpost, dcomb, dX, draw, sums, begin, end);
                   });
}

void hc_post(ThreadPool& pool, const HyperConnection& op, const float* y, const float* X,
             const float* post, const float* comb, float* out) {
  pool.ranges(op.tokens, 16, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(HcPost)(op, y, X, post, comb, out, begin, end);
  });
}

void hc_post_backward(ThreadPool& pool, const HyperConnection& op, const float* y, const float* X,
                      const float* post, const float* comb, const float* dout, float* dy, float* dX,
                      float* dpost, float* dcomb) {
  pool.ranges(op.tokens, 16, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(HcPostBackward)
    (op, y, X, post, comb, dout, dy, dX, dpost, dcomb, begin, end);
  });
}

void hc_head(ThreadPool& pool, const HyperConnection& op, const float* X, const float* raw,
             float* h) {
  pool.ranges((op.tokens + kGrain - 1) / kGrain, 2, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(HeadTokens)
    (op, X, raw, h, begin * kGrain, std::min(op.tokens, end * kGrain));
  });
}

void hc_head_backward(ThreadPool& pool, Arena& scratch, const HyperConnection& op, const float* X,
                      const float* raw, const float* dh, float* dX, float* draw, float* dbase,
                      float* dscale) {
  blocks_with_sums(pool, scratch, op, op.streams, dbase, dscale,
                   [&](int64_t begin, int64_t end, float* sums) {
                     HWY_DYNAMIC_DISPATCH(HcHeadBackward)
                     (op, X, raw, dh, dX, draw, sums, begin, end);
                   });
}

}  // namespace amalgam::kernels
#endif
