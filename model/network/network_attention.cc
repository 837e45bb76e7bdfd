// Attention of a block (MODEL.md §2.2–2.4): projections, compressor, indexer, core, output.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/attention/attention.h"
#include "kernels/attention/compressor_pool.h"
#include "kernels/attention/indexer.h"
#include "kernels/attention/rope.h"
#include "kernels/norm/rms_norm.h"
#include "model/network/network_pass.h"

namespace amalgam::model {
namespace {

using kernels::BLayout;
using kernels::Gemm;
using kernels::KeyRows;
using kernels::Write;

// Rows of this call, and before them the ring of the sequence's cache.
KeyRows key_rows(const SequenceSlice& s, const float* batch_rows, int64_t width, int64_t ring,
                 int64_t ring_rows) {
  KeyRows k{.now = batch_rows + s.row * width, .width = width};
  if (s.cache) {
    k.first = s.cache->position();
    k.ring = s.cache->at(ring);
    k.ring_rows = ring_rows;
  }
  return k;
}

// Keeps the last ring_rows rows of this call for the next one.
void keep_rows(const SequenceSlice& s, const float* batch_rows, int64_t width, int64_t ring,
               int64_t ring_rows) {
  const int64_t first = s.cache->position(), from = std::max<int64_t>(0, s.num_rows - ring_rows);
  for (int64_t t = from; t < s.num_rows; ++t)
    std::memcpy(s.cache->at(ring) + (first + t) % ring_rows * width,
                batch_rows + (s.row + t) * width, static_cast<size_t>(width) * sizeof(float));
}

// Compressed entries that a pass makes: those whose last token is in this call.
struct NewEntries {
  Var rows;                        // [Σ new, c] after norm and rotation
  std::span<const int64_t> row;    // per sequence: first row in `rows`
  std::span<const int64_t> first;  // per sequence: number of its first new entry
  std::span<const int64_t> count;
};

NewEntries compress(const Network::Pass& pass, const kernels::RopeTable& rope, const Compressor& k,
                    Compressor* dk, const Var& kv, const Var& gate, int64_t rate, bool overlap,
                    const auto& layout_of) {
  const size_t n = pass.batch.sequences.size();
  const int64_t channels = k.norm.rows, width = kv.v.cols;
  kernels::Arena& arena = pass.arena();
  auto* sequences = arena.alloc<kernels::PoolSequence>(n);
  auto *row = arena.alloc<int64_t>(n), *first = arena.alloc<int64_t>(n),
       *count = arena.alloc<int64_t>(n);
  int64_t total = 0;
  for (size_t i = 0; i < n; ++i) {
    const SequenceSlice& s = pass.batch.sequences[i];
    const int64_t position = s.cache ? s.cache->position() : 0;
    first[i] = position / rate;
    count[i] = (position + s.num_rows) / rate - first[i];
    row[i] = total;
    const CompressorCacheLayout* l = s.cache ? &layout_of(*s.cache) : nullptr;
    sequences[i] = {
        .kv = key_rows(s, kv.v.data, width, l ? l->tail_kv : 0, l ? l->tail_rows : 0),
        .gate = key_rows(s, gate.v.data, width, l ? l->tail_gate : 0, l ? l->tail_rows : 0),
        .first_entry = first[i],
        .num_entries = count[i],
        .out_row = total,
        .row = s.row};
    total += count[i];
  }
  auto* positions = arena.alloc<int32_t>(static_cast<size_t>(total));
  for (size_t i = 0; i < n; ++i)
    for (int64_t e = 0; e < count[i]; ++e)
      positions[row[i] + e] = static_cast<int32_t>((first[i] + e) * rate);
  const kernels::PoolOp op{.rate = rate,
                           .channels = channels,
                           .overlap = overlap,
                           .ape = k.ape.data,
                           .sequences = {sequences, n}};
  const Var pooled = pass.make(total, channels, Network::Pass::Life::kCheap);
  pass.again([op, pooled, p = &pass.pool()] { kernels::compressor_pool(*p, op, pooled.v.data); });
  pass.record([op, pooled, kv, gate, dk, p = &pass.pool(), s = &pass.scratch()] {
    kernels::compressor_pool_backward(*p, *s, op, pooled.g, kv.g, gate.g, dk->ape.data);
  });
  NewEntries e{
      .rows = pass.norm(pooled, channels, &k.norm, dk ? &dk->norm : nullptr, &rope, positions, 1),
      .row = {row, n},
      .first = {first, n},
      .count = {count, n}};
  for (const SequenceSlice& s : pass.batch.sequences)
    if (s.cache) {
      const CompressorCacheLayout& l = layout_of(*s.cache);
      keep_rows(s, kv.v.data, width, l.tail_kv, l.tail_rows);
      keep_rows(s, gate.v.data, width, l.tail_gate, l.tail_rows);
    }
  return e;
}

}  // namespace

Var Network::Pass::attention(int64_t layer, const Var& x, const Attention& a, Attention* da,
                             AttentionKind kind, const Queries& queries) {
  const ModelConfig& cfg = c();
  const int64_t H = cfg.num_attention_heads, C = cfg.head_dim;
  const size_t n = batch.sequences.size();
  const bool compressed = kind != AttentionKind::kSliding, sparse = kind == AttentionKind::kCsa;
  const kernels::RopeTable& rope = compressed ? net.rope_compress_ : net.rope_main_;
  const int64_t rate = cfg.compress_rate(kind);
  const float index_loss = recording() ? rec->index_loss_coefficient : 0;

  const int64_t Q = queries.T;
  const bool fewer = queries.row;
  const Var x_q = fewer ? Var{pick(x.v, queries)} : x;
  // Everything that reads x in one parallel region; the indexer's share is detached from it.
  Projection from_x[4] = {{&a.wq_a, da ? &da->wq_a : nullptr, {}},
                          {&a.wkv, da ? &da->wkv : nullptr, {}},
                          {&a.compressor.wkv, da ? &da->compressor.wkv : nullptr, {}},
                          {&a.compressor.wgate, da ? &da->compressor.wgate : nullptr, {}}};
  const std::span used = std::span(from_x, compressed ? 4 : 2);
  if (fewer) project(x_q, Input::kTracked, used.first(1));
  project(x, Input::kTracked, fewer ? used.subspan(1) : used);
  const Var qr = norm(from_x[0].out, cfg.q_lora_rank, &a.q_norm, da ? &da->q_norm : nullptr,
                      nullptr, nullptr, 1);
  const Var q_raw = linear(qr, a.wq_b, da ? &da->wq_b : nullptr);
  const Var q = norm(q_raw, C, nullptr, nullptr, &rope, queries.positions, H);
  const Var kv =
      norm(from_x[1].out, C, &a.kv_norm, da ? &da->kv_norm : nullptr, &rope, positions, 1);

  quantize_entries(kv.v);

  auto* sequences = arena().alloc<kernels::AttentionSequence>(n);
  for (size_t i = 0; i < n; ++i) {
    const SequenceSlice& s = batch.sequences[i];
    const SequenceSlice& own = queries.sequences[i];
    const int64_t end = (s.cache ? s.cache->position() : 0) + s.num_rows;
    sequences[i] = {.row = own.row,
                    .num_rows = own.num_rows,
                    .position = end - own.num_rows,
                    .window = key_rows(s, kv.v.data, C, s.cache ? s.cache->layer(layer).window : 0,
                                       cfg.sliding_window)};
  }
  kernels::AttentionOp op{.heads = H,
                          .head_dim = C,
                          .window = cfg.sliding_window,
                          .sink = a.sink.data,
                          .sequences = {sequences, n}};
  NewEntries entries;
  if (compressed) {
    op.compress_rate = rate;
    entries = compress(*this, rope, a.compressor, da ? &da->compressor : nullptr, from_x[2].out,
                       from_x[3].out, rate, sparse,
                       [&](SequenceCache& k) -> const CompressorCacheLayout& {
                         return k.layer(layer).compressor;
                       });
    quantize_entries(entries.rows.v);
    for (size_t i = 0; i < n; ++i) {
      const SequenceSlice& s = batch.sequences[i];
      const float* fresh = entries.rows.v.row(entries.row[i]);
      sequences[i].entries_row = entries.row[i];
      sequences[i].entries = fresh;
      if (!s.cache) continue;
      float* kept = s.cache->at(s.cache->layer(layer).compressor.entries);
      if (entries.count[i])
        std::memcpy(kept + entries.first[i] * C, fresh,
                    static_cast<size_t>(entries.count[i] * C) * sizeof(float));
      sequences[i].entries = kept;
    }
  }

  // Indexer: keys always (later tokens need them), queries only where something must be left out.
  kernels::IndexerOp index{.heads = cfg.index_n_heads,
                           .channels = cfg.index_head_dim,
                           .rate = rate,
                           .topk = cfg.index_topk,
                           .compare = numerics().index_scores_bf16 ? kernels::CompareAs::kBf16
                                                                   : kernels::CompareAs::kF32,
                           .sequences = {}};
  Var index_q, index_w, mass;
  NewEntries index_entries;
  if (sparse) {
    const Indexer& ix = a.indexer;
    Indexer* dix = da ? &da->indexer : nullptr;
    const bool learns = index_loss > 0;
    int64_t most_visible = 0;
    for (const SequenceSlice& s : batch.sequences)
      most_visible =
          std::max(most_visible, ((s.cache ? s.cache->position() : 0) + s.num_rows) / rate);
    if (rec && rec->indexed_entries == IndexedEntries::kAllVisible)
      index.topk = std::max<int64_t>(1, most_visible);
    const bool choose = most_visible > index.topk;
    Projection p[3] = {{&ix.compressor.wkv, dix ? &dix->compressor.wkv : nullptr, {}},
                       {&ix.compressor.wgate, dix ? &dix->compressor.wgate : nullptr, {}},
                       {&ix.weights_proj, dix ? &dix->weights_proj : nullptr, {}}};
    if (fewer && choose) project(x_q, Input::kDetached, std::span(p).subspan(2));
    project(x, Input::kDetached, std::span(p, !fewer && (choose || learns) ? 3 : 2));
    index_entries = compress(
        *this, rope, ix.compressor, dix ? &dix->compressor : nullptr, p[0].out, p[1].out, rate,
        true,
        [&](SequenceCache& k) -> const CompressorCacheLayout& { return k.layer(layer).indexer; });
    quantize_index(index_entries.rows, Life::kCheap);
    auto* index_sequences = arena().alloc<kernels::IndexerSequence>(n);
    for (size_t i = 0; i < n; ++i) {
      const SequenceSlice& s = batch.sequences[i];
      const int64_t count = index_entries.count[i], first = index_entries.first[i];
      float* keys = s.cache ? s.cache->at(s.cache->layer(layer).indexer.entries)
                            : arena().alloc_zero<float>(static_cast<size_t>(
                                  kernels::index_keys_size(count, cfg.index_head_dim)));
      kernels::store_index_keys(index_entries.rows.v.row(index_entries.row[i]), count,
                                cfg.index_head_dim, first, keys);
      index_sequences[i] = {.row = sequences[i].row,
                            .num_rows = sequences[i].num_rows,
                            .position = sequences[i].position,
                            .keys = keys,
                            .keys_row = index_entries.row[i]};
    }
    index.sequences = {index_sequences, n};
    if (choose || learns) {
      index_q = linear(qr, ix.wq_b, dix ? &dix->wq_b : nullptr, Input::kDetached);
      kernels::rope(pool(), rope, kernels::Rotate::kForward, queries.positions, cfg.index_n_heads,
                    index_q.v.data, Q * cfg.index_n_heads, cfg.index_head_dim);
      index_w = p[2].out;
      const float scale =
          1.0f / std::sqrt(static_cast<float>(cfg.index_head_dim * cfg.index_n_heads));
      for (int64_t i = 0; i < index_w.v.size(); ++i) index_w.v.data[i] *= scale;
      record([=, p = &pool(), table = &rope, at = queries.positions, rows = Q * cfg.index_n_heads,
              cols = cfg.index_head_dim, heads = cfg.index_n_heads] {
        kernels::rope(*p, *table, kernels::Rotate::kInverse, at, heads, index_q.g, rows, cols);
        for (int64_t i = 0; i < index_w.v.size(); ++i) index_w.g[i] *= scale;
      });
      quantize_index(index_q, Life::kKept);
    }
    auto* selected = arena().alloc<int32_t>(static_cast<size_t>(Q * index.topk));
    auto* num_selected = arena().alloc<int32_t>(static_cast<size_t>(Q));
    int32_t* num_agreed = numerics().index_scores_bf16 && !is_rerun
                              ? arena().alloc<int32_t>(static_cast<size_t>(Q))
                              : nullptr;
    kernels::index_select(pool(), index, index_q.v.data, index_w.v.data, selected, num_selected,
                          num_agreed);
    for (int64_t t = 0; t < Q && !is_rerun; ++t) {
      const int64_t visible = (queries.positions[t] + 1) / rate;
      net.counters_.visible += visible;
      net.counters_.selected += num_selected[t];
      if (!num_agreed || visible == num_selected[t]) continue;
      net.counters_.compared += num_selected[t];
      net.counters_.agreed += num_agreed[t];
    }
    op.selected = selected, op.num_selected = num_selected, op.topk = index.topk;
    if (learns) {
      mass.v = arena().matrix(Q, index.topk);
      record([=, r = rec, p = &pool(), s = &scratch(), keys = index_entries.rows] {
        r->index_loss += kernels::index_loss_backward(
            *p, *s, index, index_q.v.data, index_w.v.data, keys.v.data, op.selected,
            op.num_selected, mass.v.data, index_loss, index_q.g, index_w.g, keys.g);
      });
    }
  }

  const Var o = make(Q, H * C);
  float* stats = recording() ? arena().alloc<float>(static_cast<size_t>(Q * H * 2)) : nullptr;
  kernels::attention(pool(), op, q.v.data, o.v.data, stats, mass.v.data);
  kernels::rope(pool(), rope, kernels::Rotate::kInverse, queries.positions, H, o.v.data, Q * H, C);
  record([op, q, kv, o, stats, entries_g = entries.rows.g, da, p = &pool(), s = &scratch(),
          table = &rope, at = queries.positions, rows = Q * H, C, H] {
    kernels::rope(*p, *table, kernels::Rotate::kForward, at, H, o.g, rows, C);
    kernels::attention_backward(*p, *s, op, q.v.data, stats, o.g, q.g, kv.g, entries_g,
                                da->sink.data);
  });
  for (const SequenceSlice& s : batch.sequences)
    if (s.cache) keep_rows(s, kv.v.data, C, s.cache->layer(layer).window, cfg.sliding_window);

  // wo_a is block-diagonal: group i maps heads [i·H/g, (i+1)·H/g) to d_g channels.
  const int64_t g = cfg.o_groups, in = H * C / g, out = cfg.o_lora_rank;
  if (numerics().activations_fp8) round_activations(pool(), o.v, in, o.v.data);
  const Var oa = make(Q, g * out);
  auto* problems = arena().alloc<Gemm>(static_cast<size_t>(g));
  const bool panels = out % kernels::kPanel == 0;
  for (int64_t i = 0; i < g; ++i)
    problems[i] = {.m = Q,
                   .n = out,
                   .k = in,
                   .a = o.v.data + i * in,
                   .a_row_stride = H * C,
                   .b = (panels ? a.wo_a.packed : a.wo_a.data) + i * out * in,
                   .layout = panels ? BLayout::kPacked : BLayout::kTransposed,
                   .ldb = in,
                   .c = oa.v.data + i * out,
                   .ldc = g * out};
  kernels::gemm(pool(), {problems, static_cast<size_t>(g)});
  record([=, weight = a.wo_a.data, p = &pool(), tokens = Q] {
    for (int64_t i = 0; i < g; ++i)
      problems[i] = {.m = tokens,
                     .n = in,
                     .k = out,
                     .a = oa.g + i * out,
                     .a_row_stride = g * out,
                     .b = weight + i * out * in,
                     .layout = BLayout::kRowMajor,
                     .ldb = in,
                     .c = o.g + i * in,
                     .ldc = H * C,
                     .write = Write::kAccumulate};
    kernels::gemm(*p, {problems, static_cast<size_t>(g)});
    for (int64_t i = 0; i < g; ++i)
      problems[i] = {.m = out,
                     .n = in,
                     .k = tokens,
                     .a = oa.g + i * out,
                     .a_row_stride = 1,
                     .a_col_stride = g * out,
                     .b = o.v.data + i * in,
                     .layout = BLayout::kRowMajor,
                     .ldb = H * C,
                     .c = da->wo_a.data + i * out * in,
                     .ldc = in,
                     .write = Write::kAccumulate};
    kernels::gemm(*p, {problems, static_cast<size_t>(g)});
  });
  return linear(oa, a.wo_b, da ? &da->wo_b : nullptr);
}

}  // namespace amalgam::model
