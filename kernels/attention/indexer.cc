#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/indexer.cc"
#include "kernels/attention/indexer.h"

#include <algorithm>
#include <cmath>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/quantize/quantize.h"
#include "kernels/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels {
namespace HWY_NAMESPACE {

// Scores of one token against blocks of 16 keys: out [blocks · 16].
void IndexScores(const float* q, const float* w, const float* keys, int64_t blocks, int64_t heads,
                 int64_t channels, float* out) {
  const F32 d;
  for (int64_t b = 0; b < blocks; ++b) {
    const float* k = keys + b * kIndexBlock * channels;
    VF score[kHalves];
#pragma GCC unroll 8
    for (int v = 0; v < kHalves; ++v) score[v] = hn::Zero(d);
    int64_t h = 0;
    const auto heads_at_once = [&](auto count) HWY_ATTR {
      constexpr int kHeads = decltype(count)::value;
      VF acc[kHeads][kHalves];
#pragma GCC unroll 8
      for (int i = 0; i < kHeads; ++i)
#pragma GCC unroll 8
        for (int v = 0; v < kHalves; ++v) acc[i][v] = hn::Zero(d);
      for (int64_t c = 0; c < channels; ++c)
#pragma GCC unroll 8
        for (int i = 0; i < kHeads; ++i) {
          const VF x = hn::Set(d, q[(h + i) * channels + c]);
#pragma GCC unroll 8
          for (int v = 0; v < kHalves; ++v)
            acc[i][v] = hn::MulAdd(x, hn::LoadU(d, k + c * kIndexBlock + v * kLanes), acc[i][v]);
        }
#pragma GCC unroll 8
      for (int i = 0; i < kHeads; ++i)
#pragma GCC unroll 8
        for (int v = 0; v < kHalves; ++v)
          score[v] = hn::MulAdd(hn::Set(d, w[h + i]), hn::Max(acc[i][v], hn::Zero(d)), score[v]);
    };
    for (; h + 4 <= heads; h += 4) heads_at_once(std::integral_constant<int, 4>());
    for (; h < heads; ++h) heads_at_once(std::integral_constant<int, 1>());
#pragma GCC unroll 8
    for (int v = 0; v < kHalves; ++v) hn::StoreU(score[v], d, out + b * kIndexBlock + v * kLanes);
  }
}

// exp of n values in place after subtracting their maximum, divided by the sum.
void SoftmaxInPlace(float* x, int64_t n) {
  const F32 d;
  float top = -INFINITY;
  for (int64_t i = 0; i < n; ++i) top = std::max(top, x[i]);
  Sum16 sum;
  for (int64_t i = 0; i < n; i += kLanes) {
    VF e = Exp(hn::Sub(LoadPadded(x + i, n - i, -INFINITY), hn::Set(d, top)));
    sum.add(static_cast<int>(i / kLanes) % kHalves, e);
    StorePartial(e, x + i, n - i);
  }
  const VF inverse = hn::Set(d, 1.0f / sum.sum());
  for (int64_t i = 0; i < n; i += kLanes)
    StorePartial(hn::Mul(LoadPadded(x + i, n - i), inverse), x + i, n - i);
}

// log of n values
void LogInPlace(float* x, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes)
    StorePartial(Log(LoadPadded(x + i, n - i, 1.0f)), x + i, n - i);
}

}  // namespace HWY_NAMESPACE
}  // namespace amalgam::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amalgam::kernels {
HWY_EXPORT(IndexScores);
HWY_EXPORT(SoftmaxInPlace);
HWY_EXPORT(LogInPlace);

void store_index_keys(const float* rows, int64_t n, int64_t channels, int64_t first, float* keys) {
  for (int64_t i = 0; i < n; ++i) {
    float* k = index_key_at(keys, first + i, channels);
    for (int64_t c = 0; c < channels; ++c) k[c * kIndexBlock] = rows[i * channels + c];
  }
}

namespace {

// The k entries of the highest scores, ascending.
void top_entries(const std::vector<float>& score, int64_t n, int64_t k, int32_t* out) {
  thread_local std::vector<int32_t> order;
  order.resize(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) order[static_cast<size_t>(i)] = static_cast<int32_t>(i);
  const auto kth = order.begin() + k;
  std::nth_element(order.begin(), kth - 1, order.end(), [&](int32_t a, int32_t b) {
    const float x = score[static_cast<size_t>(a)], y = score[static_cast<size_t>(b)];
    return x > y || (x == y && a < b);
  });
  std::sort(order.begin(), kth);
  std::copy(order.begin(), kth, out);
}

// Of two ascending lists of n.
int64_t num_common(const int32_t* a, const int32_t* b, int64_t n) {
  int64_t common = 0;
  for (int64_t i = 0, j = 0; i < n && j < n;) {
    const int32_t x = a[i], y = b[j];
    common += x == y;
    i += x <= y, j += y <= x;
  }
  return common;
}

void select_row(const IndexerOp& op, const IndexerSequence& s, int64_t t, const float* q,
                const float* w, int32_t* selected, int32_t* num_selected, int32_t* num_agreed) {
  const int64_t row = s.row + t, visible = (s.position + t + 1) / op.rate;
  int32_t* out = selected + row * op.topk;
  num_selected[row] = static_cast<int32_t>(std::min(visible, op.topk));
  if (num_agreed) num_agreed[row] = num_selected[row];
  if (visible <= op.topk) {
    for (int64_t i = 0; i < visible; ++i) out[i] = static_cast<int32_t>(i);
    return;
  }
  if (op.given && op.given[row * op.topk] >= 0) {
    std::copy_n(op.given + row * op.topk, op.topk, out);
    return;
  }
  thread_local std::vector<float> score;
  const int64_t blocks = (visible + kIndexBlock - 1) / kIndexBlock;
  score.resize(static_cast<size_t>(blocks * kIndexBlock));
  HWY_DYNAMIC_DISPATCH(IndexScores)
  (q + row * op.heads * op.channels, w + row * op.heads, s.keys, blocks, op.heads, op.channels,
   score.data());
  if (op.compare == CompareAs::kF32) return top_entries(score, visible, op.topk, out);
  thread_local std::vector<int32_t> exact;
  if (num_agreed) {
    exact.resize(static_cast<size_t>(op.topk));
    top_entries(score, visible, op.topk, exact.data());
  }
  for (float& x : score) x = round_to_bf16(x);
  top_entries(score, visible, op.topk, out);
  if (num_agreed) num_agreed[row] = static_cast<int32_t>(num_common(exact.data(), out, op.topk));
}

}  // namespace

void index_select(ThreadPool& pool, const IndexerOp& op, const float* q, const float* w,
                  int32_t* selected, int32_t* num_selected, int32_t* num_agreed) {
  thread_local std::vector<std::pair<int32_t, int32_t>> rows;  // (sequence, token)
  rows.clear();
  for (size_t i = 0; i < op.sequences.size(); ++i)
    for (int64_t t = 0; t < op.sequences[i].num_rows; ++t)
      rows.push_back({static_cast<int32_t>(i), static_cast<int32_t>(t)});
  const auto* list = rows.data();
  pool.ranges(static_cast<int64_t>(rows.size()), 16, [&, list](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      select_row(op, op.sequences[static_cast<size_t>(list[i].first)], list[i].second, q, w,
                 selected, num_selected, num_agreed);
  });
}

namespace {

// One token: returns its KL, stores dq and dw, adds to dkeys.
double loss_row(const IndexerOp& op, const IndexerSequence& s, int64_t row, const float* q,
                const float* w, const float* key_rows, const int32_t* sel, int64_t n,
                const float* mass, float coefficient, float* dq, float* dw, float* dkeys) {
  const int64_t H = op.heads, C = op.channels;
  const float *qr = q + row * H * C, *wr = w + row * H;
  float *dqr = dq + row * H * C, *dwr = dw + row * H;
  std::fill(dqr, dqr + H * C, 0.0f);
  std::fill(dwr, dwr + H, 0.0f);
  float total = 0;
  for (int64_t i = 0; i < n; ++i) total += mass[row * op.topk + i];
  if (n == 0 || !(total > 0)) return 0;
  thread_local std::vector<float> dot, soft, logs;
  dot.assign(static_cast<size_t>(n * H), 0.0f);
  soft.assign(static_cast<size_t>(n), 0.0f);
  logs.resize(static_cast<size_t>(2 * n));
  for (int64_t i = 0; i < n; ++i) {
    const float* k = key_rows + (s.keys_row + sel[i]) * C;
    float score = 0;
    for (int64_t h = 0; h < H; ++h) {
      float a = 0;
      for (int64_t c = 0; c < C; ++c) a = std::fma(qr[h * C + c], k[c], a);
      dot[static_cast<size_t>(i * H + h)] = a;
      score = std::fma(wr[h], std::max(a, 0.0f), score);
    }
    soft[static_cast<size_t>(i)] = score;
  }
  HWY_DYNAMIC_DISPATCH(SoftmaxInPlace)(soft.data(), n);
  constexpr float kTiny = 1e-30f;
  for (int64_t i = 0; i < n; ++i) {
    logs[static_cast<size_t>(i)] = std::max(mass[row * op.topk + i] / total, kTiny);
    logs[static_cast<size_t>(n + i)] = std::max(soft[static_cast<size_t>(i)], kTiny);
  }
  HWY_DYNAMIC_DISPATCH(LogInPlace)(logs.data(), 2 * n);
  double kl = 0;
  for (int64_t i = 0; i < n; ++i) {
    const float p = mass[row * op.topk + i] / total;
    kl +=
        static_cast<double>(p) * (logs[static_cast<size_t>(i)] - logs[static_cast<size_t>(n + i)]);
    const float dscore = coefficient * (soft[static_cast<size_t>(i)] - p);
    const float* k = key_rows + (s.keys_row + sel[i]) * C;
    float* dk = dkeys + (s.keys_row + sel[i]) * C;
    for (int64_t h = 0; h < H; ++h) {
      const float a = dot[static_cast<size_t>(i * H + h)];
      if (!(a > 0)) continue;
      dwr[h] = std::fma(dscore, a, dwr[h]);
      const float g = dscore * wr[h];
      for (int64_t c = 0; c < C; ++c) {
        dqr[h * C + c] = std::fma(g, k[c], dqr[h * C + c]);
        dk[c] = std::fma(g, qr[h * C + c], dk[c]);
      }
    }
  }
  return kl;
}

}  // namespace

double index_loss_backward(ThreadPool& pool, Arena& scratch, const IndexerOp& op, const float* q,
                           const float* w, const float* key_rows, const int32_t* selected,
                           const int32_t* num_selected, const float* mass, float coefficient,
                           float* dq, float* dw, float* dkeys) {
  const auto mark = scratch.mark();
  const auto n = static_cast<int64_t>(op.sequences.size());
  double* sums = scratch.alloc_zero<double>(static_cast<size_t>(n));
  pool.run(n, [&](int64_t i) {
    const IndexerSequence& s = op.sequences[static_cast<size_t>(i)];
    for (int64_t t = 0; t < s.num_rows; ++t) {
      const int64_t row = s.row + t;
      sums[i] += loss_row(op, s, row, q, w, key_rows, selected + row * op.topk, num_selected[row],
                          mass, coefficient, dq, dw, dkeys);
    }
  });
  double total = 0;
  for (int64_t i = 0; i < n; ++i) total += sums[i];
  scratch.reset(mark);
  return total;
}

}  // namespace amalgam::kernels
#endif
