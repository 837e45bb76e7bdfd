#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/attention.cc"
#include "kernels/attention/attention.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/simd_math-inl.h"

// A tile is a few consecutive tokens of one sequence; its lanes are the (token, head) pairs. All
// keys that any token of the tile sees are walked once; a bit mask per key says which tokens see
// it.
HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels {
namespace HWY_NAMESPACE {

struct TileMemory {
  std::vector<const float*> keys;
  std::vector<float*> dkeys;
  std::vector<int32_t> entry;  // entry number, or -1 for a window key
  std::vector<uint32_t> seen_by;
  std::vector<uint64_t> selected_by;
  Buffer<float> memory;

  float* floats(size_t n) {
    if (n > memory.size()) memory.resize(n + n / 2);
    return memory.data();
  }
};

// Asks for a key that will be read soon: keys lie in caches that the weights push out of L2.
HWY_INLINE const float* Fetch(const float* key, int64_t channels) {
  for (int64_t c = 0; c < channels; c += 16) __builtin_prefetch(key + c);
  return key;
}

// Vectors over (token, head) pairs. A decode step has as many as there are heads: where half a
// vector holds them, whole ones would work on nothing for half of their time.
using Whole = F32;
using Half = hn::CappedTag<float, 8>;
template <class D>
HWY_INLINE int64_t PaddedLanes(D d, int64_t lanes) {
  constexpr auto kStep = static_cast<int64_t>(hn::MaxLanes(d));
  return (lanes + kStep - 1) / kStep * kStep;
}

// Fills keys, masks (and entry numbers) of the tokens [t0, t0 + tokens) of sequence s.
void CollectKeys(const AttentionOp& op, const AttentionSequence& s, int64_t t0, int64_t tokens,
                 TileMemory& m) {
  m.keys.clear(), m.entry.clear(), m.seen_by.clear();
  const int64_t p0 = s.position + t0, p1 = p0 + tokens - 1;
  for (int64_t p = std::max<int64_t>(0, p0 - op.window + 1); p <= p1; ++p) {
    // token t0 + i at position p0 + i sees p iff p ≤ p0 + i < p + window
    const int64_t lo = std::max<int64_t>(0, p - p0),
                  hi = std::min(tokens - 1, p + op.window - 1 - p0);
    if (lo > hi) continue;
    m.keys.push_back(Fetch(s.window.row(p), op.head_dim));
    m.entry.push_back(-1);
    m.seen_by.push_back(((2u << hi) - 1) & ~((1u << lo) - 1));
  }
  if (!op.compress_rate) return;
  const int64_t visible = (p1 + 1) / op.compress_rate;
  if (!op.selected) {
    for (int64_t e = 0; e < visible; ++e) {
      // visible from position (e + 1)·m - 1 on
      const int64_t lo = std::max<int64_t>(0, (e + 1) * op.compress_rate - 1 - p0);
      m.keys.push_back(Fetch(s.entries + e * op.head_dim, op.head_dim));
      m.entry.push_back(static_cast<int32_t>(e));
      m.seen_by.push_back(((2u << (tokens - 1)) - 1) & ~((1u << lo) - 1));
    }
    return;
  }
  // Union of the tokens' selections, ascending.
  m.selected_by.clear();
  for (int64_t i = 0; i < tokens; ++i) {
    const int64_t row = s.row + t0 + i;
    for (int32_t k = 0; k < op.num_selected[row]; ++k)
      m.selected_by.push_back((static_cast<uint64_t>(op.selected[row * op.topk + k]) << 32) |
                              (1u << i));
  }
  std::sort(m.selected_by.begin(), m.selected_by.end());
  for (const uint64_t packed : m.selected_by) {
    const auto e = static_cast<int32_t>(packed >> 32);
    if (m.entry.empty() || m.entry.back() != e) {
      m.keys.push_back(Fetch(s.entries + e * op.head_dim, op.head_dim));
      m.entry.push_back(e);
      m.seen_by.push_back(0);
    }
    m.seen_by.back() |= static_cast<uint32_t>(packed);
  }
}

// xt [C, L] from rows [tokens, H·C]; unused lanes are zero.
HWY_INLINE void TransposeIn(const float* x, int64_t lanes, int64_t L, int64_t C, float* xt) {
  for (int64_t l = 0; l < lanes; ++l)
    for (int64_t c = 0; c < C; ++c) xt[c * L + l] = x[l * C + c];
  for (int64_t l = lanes; l < L; ++l)
    for (int64_t c = 0; c < C; ++c) xt[c * L + l] = 0.0f;
}

// out[j, l] = Σ_c keys[j][c] · xt[c, l]
template <int kKeys, int kVecs, class D>
HWY_INLINE void ScoreBlock(D d, const float* const* keys, const float* xt, int64_t L, int64_t C,
                           float* out) {
  constexpr int kStep = static_cast<int>(hn::MaxLanes(d));
  hn::Vec<D> acc[kKeys][kVecs];
#pragma GCC unroll 8
  for (int j = 0; j < kKeys; ++j)
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) acc[j][v] = hn::Zero(d);
  for (int64_t c = 0; c < C; ++c) {
    hn::Vec<D> x[kVecs];
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) x[v] = hn::LoadU(d, xt + c * L + v * kStep);
#pragma GCC unroll 8
    for (int j = 0; j < kKeys; ++j) {
      const hn::Vec<D> k = hn::Set(d, keys[j][c]);
#pragma GCC unroll 8
      for (int v = 0; v < kVecs; ++v) acc[j][v] = hn::MulAdd(k, x[v], acc[j][v]);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < kKeys; ++j)
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) hn::StoreU(acc[j][v], d, out + j * L + v * kStep);
}
template <int kVecs, class D>
HWY_INLINE void ScoreLanes(D d, const float* const* keys, int64_t n, const float* xt, int64_t L,
                           int64_t C, float* out) {
  constexpr int kKeys = 8 / kVecs;
  int64_t j = 0;
  for (; j + kKeys <= n; j += kKeys) ScoreBlock<kKeys, kVecs>(d, keys + j, xt, L, C, out + j * L);
  for (; j < n; ++j) ScoreBlock<1, kVecs>(d, keys + j, xt, L, C, out + j * L);
}
template <class D>
HWY_INLINE void Scores(D d, const float* const* keys, int64_t n, const float* xt, int64_t L,
                       int64_t C, float* out) {
  constexpr auto kStep = static_cast<int64_t>(hn::MaxLanes(d));
  int64_t l = 0;
  for (; l + 2 * kStep <= L; l += 2 * kStep) ScoreLanes<2>(d, keys, n, xt + l, L, C, out + l);
  for (; l < L; l += kStep) ScoreLanes<1>(d, keys, n, xt + l, L, C, out + l);
}

// out[l, c] = Σ_j w[j, l] · keys[j][c], keys ascending; of the channels from c on
template <int kRows, int kVecs>
HWY_INLINE void ValueBlock(const float* const* keys, int64_t n, int64_t c, const float* w,
                           int64_t L, int64_t C, float* out) {
  const F32 d;
  VF acc[kRows][kVecs];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) acc[r][v] = hn::Zero(d);
  for (int64_t j = 0; j < n; ++j) {
    VF k[kVecs];
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) k[v] = hn::LoadU(d, keys[j] + c + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const VF p = hn::Set(d, w[j * L + r]);
#pragma GCC unroll 8
      for (int v = 0; v < kVecs; ++v) acc[r][v] = hn::MulAdd(p, k[v], acc[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) hn::StoreU(acc[r][v], d, out + r * C + c + v * kLanes);
}
template <int kRows, int kVecs>
HWY_INLINE void ValueLanes(const float* const* keys, int64_t n, int64_t c, const float* w,
                           int64_t lanes, int64_t L, int64_t C, float* out) {
  int64_t l = 0;
  for (; l + kRows <= lanes; l += kRows)
    ValueBlock<kRows, kVecs>(keys, n, c, w + l, L, C, out + l * C);
  for (; l < lanes; ++l) ValueBlock<1, kVecs>(keys, n, c, w + l, L, C, out + l * C);
}
// Blocks of 8 sums however few channels there are: fewer would wait for each other's FMAs.
HWY_INLINE void Values(const float* const* keys, int64_t n, const float* w, int64_t lanes,
                       int64_t L, int64_t C, float* out) {
  int64_t c = 0;
  for (; c + 4 * kLanes <= C; c += 4 * kLanes) ValueLanes<2, 4>(keys, n, c, w, lanes, L, C, out);
  for (; c + 2 * kLanes <= C; c += 2 * kLanes) ValueLanes<4, 2>(keys, n, c, w, lanes, L, C, out);
  for (; c + kLanes <= C; c += kLanes) ValueLanes<8, 1>(keys, n, c, w, lanes, L, C, out);
  for (; c < C; ++c)
    for (int64_t l = 0; l < lanes; ++l) {
      float acc = 0.0f;
      for (int64_t j = 0; j < n; ++j) acc = std::fma(w[j * L + l], keys[j][c], acc);
      out[l * C + c] = acc;
    }
}

struct Tile {
  int64_t tokens, lanes, L, n;  // n keys
  float scale;
};

// Lane l belongs to token l / H: its bit in the keys' masks.
HWY_INLINE void LaneBits(const AttentionOp& op, const Tile& t, int32_t* bits) {
  for (int64_t l = 0; l < t.L; ++l)
    bits[l] = l < t.lanes ? static_cast<int32_t>(1u << (l / op.heads)) : 0;
}
template <class D>
HWY_INLINE auto SeenMask(D d, uint32_t seen_by, const int32_t* bits) {
  const hn::RebindToSigned<D> di;
  const auto seen = hn::And(hn::Load(di, bits), hn::Set(di, static_cast<int32_t>(seen_by)));
  return hn::MaskFromVec(hn::BitCast(d, hn::VecFromMask(di, hn::Ne(seen, hn::Zero(di)))));
}

// s [n, L] raw dot products -> probabilities; max and denominator [L].
template <class D>
HWY_INLINE void Softmax(D d, const AttentionOp& op, const Tile& t, const TileMemory& m,
                        const int32_t* bits, float* s, float* max, float* denominator) {
  using V = hn::Vec<D>;
  constexpr auto kStep = static_cast<int64_t>(hn::MaxLanes(d));
  HWY_ALIGN float sink[kStep];
  const V scale = hn::Set(d, t.scale), none = hn::Set(d, -INFINITY);
  for (int64_t l = 0; l < t.L; l += kStep) {
    for (int64_t i = 0; i < kStep; ++i) sink[i] = op.sink[(l + i) % op.heads];
    const V vsink = hn::Load(d, sink);
    V top = vsink;
    for (int64_t j = 0; j < t.n; ++j) {
      const V v = hn::IfThenElse(SeenMask(d, m.seen_by[static_cast<size_t>(j)], bits + l),
                                 hn::Mul(hn::LoadU(d, s + j * t.L + l), scale), none);
      hn::StoreU(v, d, s + j * t.L + l);
      top = hn::Max(top, v);
    }
    V sum = hn::Zero(d);
    for (int64_t j = 0; j < t.n; ++j) {
      const V e = Exp(d, hn::Sub(hn::LoadU(d, s + j * t.L + l), top));
      hn::StoreU(e, d, s + j * t.L + l);
      sum = hn::Add(sum, e);
    }
    sum = hn::Add(sum, Exp(d, hn::Sub(vsink, top)));
    const V inverse = hn::Div(hn::Set(d, 1.0f), sum);
    for (int64_t j = 0; j < t.n; ++j)
      hn::StoreU(hn::Mul(hn::LoadU(d, s + j * t.L + l), inverse), d, s + j * t.L + l);
    hn::StoreU(top, d, max + l);
    hn::StoreU(sum, d, denominator + l);
  }
}

template <class D>
HWY_INLINE void ForwardTile(D d, const AttentionOp& op, const AttentionSequence& s, int64_t t0,
                            int64_t tokens, const float* q, float* o, float* stats, float* mass) {
  thread_local TileMemory m;
  CollectKeys(op, s, t0, tokens, m);
  const int64_t C = op.head_dim, lanes = tokens * op.heads, L = PaddedLanes(d, lanes);
  const Tile t{tokens, lanes, L, static_cast<int64_t>(m.keys.size()),
               1.0f / std::sqrt(static_cast<float>(C))};
  float* p = m.floats(static_cast<size_t>((t.n + C + 3) * L));
  float *xt = p + t.n * L, *max = xt + C * L, *denominator = max + L;
  auto* bits = reinterpret_cast<int32_t*>(denominator + L);
  LaneBits(op, t, bits);
  const int64_t row = s.row + t0;
  TransposeIn(q + row * op.heads * C, lanes, L, C, xt);
  Scores(d, m.keys.data(), t.n, xt, L, C, p);
  Softmax(d, op, t, m, bits, p, max, denominator);
  Values(m.keys.data(), t.n, p, lanes, L, C, o + row * op.heads * C);
  if (stats)
    for (int64_t l = 0; l < lanes; ++l) {
      stats[(row * op.heads + l) * 2] = max[l];
      stats[(row * op.heads + l) * 2 + 1] = denominator[l];
    }
  if (mass)
    for (int64_t i = 0; i < tokens; ++i) {
      int64_t slot = 0;
      for (size_t j = 0; j < m.keys.size(); ++j) {
        if (m.entry[j] < 0 || !(m.seen_by[j] >> i & 1)) continue;
        float sum = 0.0f;
        for (int64_t h = 0; h < op.heads; ++h)
          sum += p[static_cast<int64_t>(j) * L + i * op.heads + h];
        mass[(row + i) * op.topk + slot++] = sum;
      }
    }
}

void AttentionTile(const AttentionOp& op, const AttentionSequence& s, int64_t t0, int64_t tokens,
                   const float* q, float* o, float* stats, float* mass) {
  if (tokens * op.heads <= 8)
    ForwardTile(Half(), op, s, t0, tokens, q, o, stats, mass);
  else
    ForwardTile(Whole(), op, s, t0, tokens, q, o, stats, mass);
}

// dk_j[c] += Σ_l ds[j, l]·q[l, c] + p[j, l]·do[l, c], lanes l ascending; of the channels from c on
template <int kKeys, int kVecs>
HWY_INLINE void KeyGradientBlock(float* const* dkeys, const float* ds, const float* p,
                                 int64_t lanes, int64_t L, int64_t c, int64_t C, const float* q,
                                 const float* d_o) {
  const F32 d;
  VF acc[kKeys][kVecs];
#pragma GCC unroll 8
  for (int j = 0; j < kKeys; ++j)
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) acc[j][v] = hn::LoadU(d, dkeys[j] + c + v * kLanes);
  for (int64_t l = 0; l < lanes; ++l) {
    VF from_q[kVecs], from_o[kVecs];
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) {
      from_q[v] = hn::LoadU(d, q + l * C + c + v * kLanes);
      from_o[v] = hn::LoadU(d, d_o + l * C + c + v * kLanes);
    }
#pragma GCC unroll 8
    for (int j = 0; j < kKeys; ++j) {
      const VF a = hn::Set(d, ds[j * L + l]), b = hn::Set(d, p[j * L + l]);
#pragma GCC unroll 8
      for (int v = 0; v < kVecs; ++v) {
        acc[j][v] = hn::MulAdd(a, from_q[v], acc[j][v]);
        acc[j][v] = hn::MulAdd(b, from_o[v], acc[j][v]);
      }
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < kKeys; ++j)
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) hn::StoreU(acc[j][v], d, dkeys[j] + c + v * kLanes);
}
template <int kKeys, int kVecs>
HWY_INLINE void KeyGradients(float* const* dkeys, int64_t n, const float* ds, const float* p,
                             int64_t lanes, int64_t L, int64_t c, int64_t C, const float* q,
                             const float* d_o) {
  int64_t j = 0;
  for (; j + kKeys <= n; j += kKeys)
    KeyGradientBlock<kKeys, kVecs>(dkeys + j, ds + j * L, p + j * L, lanes, L, c, C, q, d_o);
  for (; j < n; ++j)
    KeyGradientBlock<1, kVecs>(dkeys + j, ds + j * L, p + j * L, lanes, L, c, C, q, d_o);
}
HWY_INLINE void KeyGradient(float* const* dkeys, int64_t n, const float* ds, const float* p,
                            int64_t lanes, int64_t L, int64_t C, const float* q, const float* d_o) {
  int64_t c = 0;
  for (; c + 2 * kLanes <= C; c += 2 * kLanes)
    KeyGradients<4, 2>(dkeys, n, ds, p, lanes, L, c, C, q, d_o);
  for (; c + kLanes <= C; c += kLanes) KeyGradients<8, 1>(dkeys, n, ds, p, lanes, L, c, C, q, d_o);
  for (; c < C; ++c)
    for (int64_t j = 0; j < n; ++j)
      for (int64_t l = 0; l < lanes; ++l) {
        float& dk = dkeys[j][c];
        dk = std::fma(ds[j * L + l], q[l * C + c], dk);
        dk = std::fma(p[j * L + l], d_o[l * C + c], dk);
      }
}

void AttentionTileBackward(const AttentionOp& op, const AttentionSequence& s, int64_t t0,
                           int64_t tokens, const float* q, const float* stats, const float* d_o,
                           float* dq, float* dkv, float* dentries, float* dsink) {
  const Whole d;
  thread_local TileMemory m;
  CollectKeys(op, s, t0, tokens, m);
  const int64_t C = op.head_dim, H = op.heads, lanes = tokens * H, L = PaddedLanes(d, lanes);
  const Tile t{tokens, lanes, L, static_cast<int64_t>(m.keys.size()),
               1.0f / std::sqrt(static_cast<float>(C))};
  const VF scale = hn::Set(d, t.scale);
  float* p = m.floats(static_cast<size_t>((2 * t.n + C + 3) * L));
  float *ds = p + t.n * L, *xt = ds + t.n * L, *max = xt + C * L, *inverse = max + L;
  auto* bits = reinterpret_cast<int32_t*>(inverse + L);
  LaneBits(op, t, bits);
  const int64_t row = s.row + t0;
  const float *qt = q + row * H * C, *got = d_o + row * H * C;
  for (int64_t l = 0; l < L; ++l) {
    max[l] = l < lanes ? stats[(row * H + l) * 2] : 0.0f;
    inverse[l] = l < lanes ? 1.0f / stats[(row * H + l) * 2 + 1] : 0.0f;
  }
  TransposeIn(qt, lanes, L, C, xt);
  Scores(d, m.keys.data(), t.n, xt, L, C, p);
  TransposeIn(got, lanes, L, C, xt);
  Scores(d, m.keys.data(), t.n, xt, L, C, ds);  // dP
  HWY_ALIGN float delta_lane[kLanes];
  for (int64_t l = 0; l < L; l += kLanes) {
    const VF top = hn::LoadU(d, max + l), inv = hn::LoadU(d, inverse + l);
    VF delta = hn::Zero(d);  // Σ_j p_j dp_j
    for (int64_t j = 0; j < t.n; ++j) {
      const VF score = hn::Mul(hn::LoadU(d, p + j * L + l), scale);
      const VF e = hn::IfThenElseZero(SeenMask(d, m.seen_by[static_cast<size_t>(j)], bits + l),
                                      hn::Mul(Exp(hn::Sub(score, top)), inv));
      hn::StoreU(e, d, p + j * L + l);
      delta = hn::MulAdd(e, hn::LoadU(d, ds + j * L + l), delta);
    }
    for (int64_t j = 0; j < t.n; ++j) {
      const VF g = hn::Mul(
          hn::Mul(hn::LoadU(d, p + j * L + l), hn::Sub(hn::LoadU(d, ds + j * L + l), delta)),
          scale);
      hn::StoreU(g, d, ds + j * L + l);
    }
    // The sink has p_sink = exp(sink - max)/denominator and value 0: dsink = -p_sink·delta.
    HWY_ALIGN float sink[kLanes];
    for (int64_t i = 0; i < kLanes; ++i) sink[i] = op.sink[(l + i) % H];
    const VF p_sink = hn::Mul(Exp(hn::Sub(hn::Load(d, sink), top)), inv);
    hn::Store(hn::Mul(p_sink, delta), d, delta_lane);
    for (int64_t i = 0; i < kLanes && l + i < lanes; ++i) dsink[(l + i) % H] -= delta_lane[i];
  }
  Values(m.keys.data(), t.n, ds, lanes, L, C, dq + row * H * C);
  m.dkeys.clear();
  for (size_t j = 0; j < m.keys.size(); ++j)
    m.dkeys.push_back(m.entry[j] >= 0 ? dentries + (s.entries_row + m.entry[j]) * C
                                      : dkv + (s.row + (m.keys[j] - s.window.now) / C) * C);
  KeyGradient(m.dkeys.data(), t.n, ds, p, lanes, L, C, qt, got);
}

}  // namespace HWY_NAMESPACE
}  // namespace amalgam::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "configs/check.h"

namespace amalgam::kernels {
HWY_EXPORT(AttentionTile);
HWY_EXPORT(AttentionTileBackward);

namespace {

// Tokens a tile: enough (token, head) pairs for 16 lanes.
int64_t tile_tokens(int64_t heads) { return std::max<int64_t>(1, 16 / heads); }

struct TileRef {
  int32_t sequence;
  int64_t begin;
};

}  // namespace

void attention(ThreadPool& pool, const AttentionOp& op, const float* q, float* o, float* stats,
               float* mass) {
  const int64_t step = tile_tokens(op.heads);
  thread_local std::vector<TileRef> tiles;
  tiles.clear();
  for (size_t i = 0; i < op.sequences.size(); ++i)
    for (int64_t t = 0; t < op.sequences[i].num_rows; t += step)
      tiles.push_back({static_cast<int32_t>(i), t});
  const TileRef* list = tiles.data();
  pool.ranges(static_cast<int64_t>(tiles.size()), 2, [&, list](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const AttentionSequence& s = op.sequences[static_cast<size_t>(list[i].sequence)];
      const int64_t t = list[i].begin;
      HWY_DYNAMIC_DISPATCH(AttentionTile)
      (op, s, t, std::min(step, s.num_rows - t), q, o, stats, mass);
    }
  });
}

void attention_backward(ThreadPool& pool, Arena& scratch, const AttentionOp& op, const float* q,
                        const float* stats, const float* d_o, float* dq, float* dkv,
                        float* dentries, float* dsink) {
  const int64_t step = tile_tokens(op.heads);
  const auto n = static_cast<int64_t>(op.sequences.size());
  const auto mark = scratch.mark();
  float* sinks = scratch.alloc_zero<float>(static_cast<size_t>(n * op.heads));
  // One task a sequence: its keys' gradients collect the tiles in order.
  pool.run(n, [&](int64_t i) {
    const AttentionSequence& s = op.sequences[static_cast<size_t>(i)];
    CHECK_EQ(s.position, 0);
    for (int64_t t = 0; t < s.num_rows; t += step) HWY_DYNAMIC_DISPATCH(AttentionTileBackward)
    (op, s, t, std::min(step, s.num_rows - t), q, stats, d_o, dq, dkv, dentries,
     sinks + i * op.heads);
  });
  for (int64_t i = 0; i < n; ++i)
    for (int64_t h = 0; h < op.heads; ++h) dsink[h] += sinks[i * op.heads + h];
  scratch.reset(mark);
}

}  // namespace amalgam::kernels
#endif
