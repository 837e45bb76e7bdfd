// Compressed entries of a layer (MODEL.md §2.3), for its attention and for its indexer.
#include <algorithm>
#include <cstring>

#include "kernels/attention/compressor_pool.h"
#include "model/network/attention_layer.h"

namespace amalgam::model {

void keep_rows(const SequenceSlice& s, const float* batch_rows, int64_t width, int64_t ring,
               int64_t ring_rows) {
  const int64_t first = s.cache->position(), from = std::max<int64_t>(0, s.num_rows - ring_rows);
  for (int64_t t = from; t < s.num_rows; ++t)
    std::memcpy(s.cache->at(ring) + (first + t) % ring_rows * width,
                batch_rows + (s.row + t) * width, static_cast<size_t>(width) * sizeof(float));
}

NewEntries AttentionLayer::compress(const Compressor& k, Compressor* dk, const Var& kv,
                                    const Var& gate,
                                    CompressorCacheLayout LayerCacheLayout::*cache) const {
  const size_t n = pass.batch.sequences.size();
  const int64_t channels = k.norm.rows, width = kv.v.cols;
  const auto layout_of = [&](const SequenceSlice& s) -> const CompressorCacheLayout& {
    return s.cache->layer(cache_layer).*cache;
  };
  kernels::Arena& arena = pass.arena();
  auto* sequences = arena.alloc<kernels::PoolSequence>(n);
  auto *row = arena.alloc<int64_t>(n), *first = arena.alloc<int64_t>(n),
       *count = arena.alloc<int64_t>(n);
  int64_t total = 0;
  for (size_t i = 0; i < n; ++i) {
    const SequenceSlice& s = pass.batch.sequences[i];
    const int64_t position = s.cache ? s.cache->position() : 0;
    first[i] = position / rate();
    count[i] = (position + s.num_rows) / rate() - first[i];
    row[i] = total;
    const CompressorCacheLayout l = s.cache ? layout_of(s) : CompressorCacheLayout{};
    sequences[i] = {.kv = key_rows(s, kv.v.data, width, l.tail_kv, l.tail_rows),
                    .gate = key_rows(s, gate.v.data, width, l.tail_gate, l.tail_rows),
                    .first_entry = first[i],
                    .num_entries = count[i],
                    .out_row = total,
                    .row = s.row};
    total += count[i];
  }
  auto* positions = arena.alloc<int32_t>(static_cast<size_t>(total));
  for (size_t i = 0; i < n; ++i)
    for (int64_t e = 0; e < count[i]; ++e)
      positions[row[i] + e] = static_cast<int32_t>((first[i] + e) * rate());
  const kernels::PoolOp op{.rate = rate(),
                           .channels = channels,
                           .overlap = kind == AttentionKind::kCsa,
                           .ape = k.ape.data,
                           .sequences = {sequences, n}};
  const Var pooled = pass.make(total, channels, Pass::Life::kCheap);
  pass.again([op, pooled, p = &pass.pool()] { kernels::compressor_pool(*p, op, pooled.v.data); });
  pass.record([op, pooled, kv, gate, dk, p = &pass.pool(), s = &pass.scratch()] {
    kernels::compressor_pool_backward(*p, *s, op, pooled.g, kv.g, gate.g, dk->ape.data);
  });
  const NewEntries e{
      .rows = pass.norm(pooled, channels, &k.norm, dk ? &dk->norm : nullptr, &rope, positions, 1),
      .row = {row, n},
      .first = {first, n},
      .count = {count, n}};
  for (const SequenceSlice& s : pass.batch.sequences)
    if (s.cache) {
      const CompressorCacheLayout& l = layout_of(s);
      keep_rows(s, kv.v.data, width, l.tail_kv, l.tail_rows);
      keep_rows(s, gate.v.data, width, l.tail_gate, l.tail_rows);
    }
  return e;
}

NewEntries AttentionLayer::over_entries(const Inputs& in,
                                        std::span<kernels::AttentionSequence> sequences) const {
  const int64_t C = c().head_dim;
  const NewEntries entries = compress(w.compressor, dw ? &dw->compressor : nullptr, in.compress_kv,
                                      in.compress_gate, &LayerCacheLayout::compressor);
  pass.quantize_entries(entries.rows.v);
  for (size_t i = 0; i < sequences.size(); ++i) {
    const SequenceSlice& s = pass.batch.sequences[i];
    const float* fresh = entries.rows.v.row(entries.row[i]);
    sequences[i].entries_row = entries.row[i];
    sequences[i].entries = fresh;
    if (!s.cache) continue;
    float* kept = s.cache->at(s.cache->layer(cache_layer).compressor.entries);
    if (entries.count[i])
      std::memcpy(kept + entries.first[i] * C, fresh,
                  static_cast<size_t>(entries.count[i] * C) * sizeof(float));
    sequences[i].entries = kept;
  }
  return entries;
}

}  // namespace amalgam::model
