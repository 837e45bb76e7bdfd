// The lightning indexer of a CSA layer (MODEL.md §2.4): which compressed entries its queries attend
// to, and its own loss. Its inputs are detached.
#include <algorithm>
#include <cmath>

#include "configs/check.h"
#include "model/network/attention_layer.h"
#include "model/network/choices.h"

namespace amalgam::model {

AttentionLayer::IndexKeys AttentionLayer::index_keys(
    const Var& x, const Var& x_q, bool has_queries,
    std::span<const kernels::AttentionSequence> sequences) const {
  const Indexer& ix = w.indexer;
  Indexer* dix = dw ? &dw->indexer : nullptr;
  Pass::Projection p[3] = {{&ix.compressor.wkv, dix ? &dix->compressor.wkv : nullptr, {}},
                           {&ix.compressor.wgate, dix ? &dix->compressor.wgate : nullptr, {}},
                           {&ix.weights_proj, dix ? &dix->weights_proj : nullptr, {}}};
  if (fewer_queries() && has_queries)
    pass.project(x_q, Pass::Input::kDetached, std::span(p).subspan(2));
  pass.project(x, Pass::Input::kDetached, std::span(p, !fewer_queries() && has_queries ? 3 : 2));
  const NewEntries entries = compress(ix.compressor, dix ? &dix->compressor : nullptr, p[0].out,
                                      p[1].out, &LayerCacheLayout::indexer);
  pass.quantize_index(entries.rows, Pass::Life::kCheap);
  const int64_t channels = c().index_head_dim;
  kernels::Arena& arena = pass.arena();
  auto* keyed = arena.alloc<kernels::IndexerSequence>(sequences.size());
  for (size_t i = 0; i < sequences.size(); ++i) {
    const SequenceSlice& s = pass.batch.sequences[i];
    const int64_t count = entries.count[i];
    float* keys = s.cache ? s.cache->at(s.cache->layer(cache_layer).indexer.entries)
                          : arena.alloc_zero<float>(
                                static_cast<size_t>(kernels::index_keys_size(count, channels)));
    kernels::store_index_keys(entries.rows.v.row(entries.row[i]), count, channels, entries.first[i],
                              keys);
    keyed[i] = {.row = sequences[i].row,
                .num_rows = sequences[i].num_rows,
                .position = sequences[i].position,
                .keys = keys,
                .keys_row = entries.row[i]};
  }
  return {{keyed, sequences.size()}, entries.rows, p[2].out};
}

Var AttentionLayer::index_queries(const Var& qr) const {
  const int64_t heads = c().index_n_heads, channels = c().index_head_dim;
  const Var q =
      pass.linear(qr, w.indexer.wq_b, dw ? &dw->indexer.wq_b : nullptr, Pass::Input::kDetached);
  const int64_t rows = queries.T * heads;
  kernels::rope(pass.pool(), rope, kernels::Rotate::kForward, queries.positions, heads, q.v.data,
                rows, channels);
  pass.record([=, p = &pass.pool(), table = &rope, at = queries.positions] {
    kernels::rope(*p, *table, kernels::Rotate::kInverse, at, heads, q.g, rows, channels);
  });
  pass.quantize_index(q, Pass::Life::kKept);
  return q;
}

void AttentionLayer::scale_index_weights(const Var& weights) const {
  const float scale = 1.0f / std::sqrt(static_cast<float>(c().index_head_dim * c().index_n_heads));
  for (int64_t i = 0; i < weights.v.size(); ++i) weights.v.data[i] *= scale;
  pass.record([=] {
    for (int64_t i = 0; i < weights.v.size(); ++i) weights.g[i] *= scale;
  });
}

void AttentionLayer::note(const Selection& s, const int32_t* num_agreed) const {
  const std::span<int32_t> chosen = pass.batch.chosen_entries;
  int64_t at = num_csa(c(), cache_layer) * queries.T * s.topk;
  IndexerCounters& counters = pass.net.indexer_counters();
  for (int64_t t = 0; t < queries.T; ++t) {
    const int64_t visible = (queries.positions[t] + 1) / rate(), taken = s.num_entries[t];
    for (int64_t i = 0; i < s.topk && !chosen.empty(); ++i)
      chosen[static_cast<size_t>(at++)] = visible > taken ? s.entries[t * s.topk + i] : -1;
    counters.visible += visible;
    counters.selected += taken;
    if (!num_agreed || visible == taken) continue;
    counters.compared += taken;
    counters.agreed += num_agreed[t];
  }
}

AttentionLayer::Selection AttentionLayer::select(
    const Inputs& in, const Var& x, const Var& x_q,
    std::span<const kernels::AttentionSequence> sequences) const {
  Recording* rec = pass.rec;
  kernels::IndexerOp op{.heads = c().index_n_heads,
                        .channels = c().index_head_dim,
                        .rate = rate(),
                        .topk = c().index_topk,
                        .compare = pass.numerics().index_scores_bf16 ? kernels::CompareAs::kBf16
                                                                     : kernels::CompareAs::kF32,
                        .sequences = {}};
  const Batch& batch = pass.batch;
  if (!batch.given_entries.empty())
    op.given = batch.given_entries.data() + num_csa(c(), cache_layer) * queries.T * op.topk;
  int64_t most_visible = 0;
  for (const SequenceSlice& s : pass.batch.sequences)
    most_visible =
        std::max(most_visible, ((s.cache ? s.cache->position() : 0) + s.num_rows) / rate());
  if (rec && rec->indexed_entries == IndexedEntries::kAllVisible) {
    CHECK(!op.given && batch.chosen_entries.empty());
    op.topk = std::max<int64_t>(1, most_visible);
  }

  // Keys always (later tokens need them), queries only where something must be left out.
  const float coefficient = pass.recording() ? rec->index_loss_coefficient : 0;
  const bool learns = coefficient > 0, has_queries = learns || most_visible > op.topk;
  const IndexKeys keys = index_keys(x, x_q, has_queries, sequences);
  op.sequences = keys.sequences;
  Var q;
  if (has_queries) {
    q = index_queries(in.qr);
    scale_index_weights(keys.weights);
  }

  kernels::Arena& arena = pass.arena();
  const auto Q = static_cast<size_t>(queries.T);
  Selection s{.entries = arena.alloc<int32_t>(Q * static_cast<size_t>(op.topk)),
              .num_entries = arena.alloc<int32_t>(Q),
              .topk = op.topk};
  // Only where this pass chose can its scores be compared.
  const bool compares = pass.numerics().index_scores_bf16 && !pass.is_rerun && !op.given;
  int32_t* num_agreed = compares ? arena.alloc<int32_t>(Q) : nullptr;
  kernels::index_select(pass.pool(), op, q.v.data, keys.weights.v.data, s.entries, s.num_entries,
                        num_agreed);
  if (!pass.is_rerun) note(s, num_agreed);
  if (learns) {
    s.mass = arena.matrix(queries.T, op.topk).data;
    pass.record([=, p = &pass.pool(), scratch = &pass.scratch()] {
      rec->index_loss += kernels::index_loss_backward(
          *p, *scratch, op, q.v.data, keys.weights.v.data, keys.rows.v.data, s.entries,
          s.num_entries, s.mass, coefficient, q.g, keys.weights.g, keys.rows.g);
    });
  }
  return s;
}

}  // namespace amalgam::model
