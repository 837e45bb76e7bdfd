#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/compressor_pool.cc"
#include "kernels/attention/compressor_pool.h"

#include <cmath>
#include <vector>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels {
namespace HWY_NAMESPACE {

// One row of an entry's softmax: where its c channels start.
struct PoolRow {
  const float *kv, *gate, *ape;
  int64_t position;
  int64_t channel;  // 0, or c for the own half of an overlapping window
};

HWY_INLINE void CollectRows(const PoolOp& op, const PoolSequence& s, int64_t entry,
                            std::vector<PoolRow>& rows) {
  rows.clear();
  const auto add_window = [&](int64_t window, int64_t channel) {
    for (int64_t j = 0; j < op.rate; ++j) {
      const int64_t p = window * op.rate + j;
      rows.push_back({s.kv.row(p) + channel, s.gate.row(p) + channel,
                      op.ape + j * op.width() + channel, p, channel});
    }
  };
  if (op.overlap && entry > 0) add_window(entry - 1, 0);
  add_window(entry, op.overlap ? op.channels : 0);
}

// Softmax weights of one block of channels, unnormalised; returns 1 / sum.
HWY_INLINE VF Weights(const std::vector<PoolRow>& rows, int64_t c, int64_t n, VF* w) {
  const F32 d;
  VF top = hn::Set(d, -INFINITY);
  for (size_t j = 0; j < rows.size(); ++j) {
    w[j] = hn::Add(LoadPadded(rows[j].gate + c, n), LoadPadded(rows[j].ape + c, n));
    top = hn::Max(top, w[j]);
  }
  VF sum = hn::Zero(d);
  for (size_t j = 0; j < rows.size(); ++j) {
    w[j] = Exp(hn::Sub(w[j], top));
    sum = hn::Add(sum, w[j]);
  }
  return hn::Div(hn::Set(d, 1.0f), sum);
}

HWY_INLINE VF* WeightScratch(size_t rows) {
  thread_local Buffer<float> memory;
  if (memory.size() < rows * kLanes) memory.resize(rows * kLanes);
  return reinterpret_cast<VF*>(memory.data());
}

void PoolEntry(const PoolOp& op, const PoolSequence& s, int64_t entry, float* out) {
  const F32 d;
  thread_local std::vector<PoolRow> rows;
  CollectRows(op, s, entry, rows);
  VF* w = WeightScratch(rows.size());
  for (int64_t c = 0; c < op.channels; c += kLanes) {
    const int64_t n = op.channels - c;
    const VF inverse = Weights(rows, c, n, w);
    VF acc = hn::Zero(d);
    for (size_t j = 0; j < rows.size(); ++j)
      acc = hn::MulAdd(w[j], LoadPadded(rows[j].kv + c, n), acc);
    StorePartial(hn::Mul(acc, inverse), out + c, n);
  }
}

void PoolEntryBackward(const PoolOp& op, const PoolSequence& s, int64_t entry, const float* dout,
                       float* dkv, float* dgate, float* dape) {
  const F32 d;
  thread_local std::vector<PoolRow> rows;
  CollectRows(op, s, entry, rows);
  VF* w = WeightScratch(rows.size());
  const int64_t width = op.width();
  for (int64_t c = 0; c < op.channels; c += kLanes) {
    const int64_t n = op.channels - c;
    const VF inverse = Weights(rows, c, n, w);
    const VF g = LoadPadded(dout + c, n);
    VF mean = hn::Zero(d);  // Σ_j S_j kv_j
    for (size_t j = 0; j < rows.size(); ++j) {
      w[j] = hn::Mul(w[j], inverse);
      mean = hn::MulAdd(w[j], LoadPadded(rows[j].kv + c, n), mean);
    }
    for (size_t j = 0; j < rows.size(); ++j) {
      const PoolRow& r = rows[j];
      const int64_t offset = (s.row + r.position) * width + r.channel + c;
      const VF gw = hn::Mul(g, w[j]);
      StorePartial(hn::Add(LoadPadded(dkv + offset, n), gw), dkv + offset, n);
      const VF dz = hn::Mul(gw, hn::Sub(LoadPadded(r.kv + c, n), mean));
      StorePartial(hn::Add(LoadPadded(dgate + offset, n), dz), dgate + offset, n);
      float* da = dape + (r.position % op.rate) * width + r.channel + c;
      StorePartial(hn::Add(LoadPadded(da, n), dz), da, n);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace amalgam::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "kernels/device/row_blocks.h"

namespace amalgam::kernels {
HWY_EXPORT(PoolEntry);
HWY_EXPORT(PoolEntryBackward);

namespace {
struct EntryRef {
  const PoolSequence* sequence;
  int64_t index;  // among the sequence's new entries
};
std::vector<EntryRef> list_entries(const PoolOp& op) {
  std::vector<EntryRef> list;
  for (const PoolSequence& s : op.sequences)
    for (int64_t i = 0; i < s.num_entries; ++i) list.push_back({&s, i});
  return list;
}
}  // namespace

void compressor_pool(ThreadPool& pool, const PoolOp& op, float* out) {
  const auto list = list_entries(op);
  pool.ranges(static_cast<int64_t>(list.size()), 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto& [s, index] = list[static_cast<size_t>(i)];
      HWY_DYNAMIC_DISPATCH(PoolEntry)
      (op, *s, s->first_entry + index, out + (s->out_row + index) * op.channels);
    }
  });
}

void compressor_pool_backward(ThreadPool& pool, Arena& scratch, const PoolOp& op, const float* dout,
                              float* dkv, float* dgate, float* dape) {
  const auto list = list_entries(op);
  const auto n = static_cast<int64_t>(list.size());
  const auto mark = scratch.mark();
  const int64_t blocks = num_row_blocks(n), ape_size = op.rate * op.width();
  float* parts = scratch.alloc_zero<float>(static_cast<size_t>(blocks * ape_size));
  // Entries write disjoint channels of dkv and dgate: a window's own half belongs to its entry, its
  // overlap half to the next one.
  pool.run(blocks, [&](int64_t b) {
    const auto [begin, end] = row_block(b, n);
    for (int64_t i = begin; i < end; ++i) {
      const auto& [s, index] = list[static_cast<size_t>(i)];
      HWY_DYNAMIC_DISPATCH(PoolEntryBackward)
      (op, *s, index, dout + (s->out_row + index) * op.channels, dkv, dgate, parts + b * ape_size);
    }
  });
  add_parts(parts, blocks, ape_size, dape);
  scratch.reset(mark);
}

}  // namespace amalgam::kernels
#endif
