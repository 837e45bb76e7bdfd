// The parts of one layer's attention (MODEL.md §2.2–2.4), in the order in which Pass::attention
// puts them together: projections, the window's keys, compressed entries (network_compressor.cc),
// the indexer's choice among them (network_indexer.cc), the core, the output projection. Internal
// to model/network/network_*.cc.
#pragma once
#include <span>

#include "kernels/attention/attention.h"
#include "kernels/attention/indexer.h"
#include "model/network/network_pass.h"

namespace amalgam::model {

// Compressed entries that a pass makes: those whose last token is in this call.
struct NewEntries {
  Var rows;                        // [Σ new, c] after norm and rotation
  std::span<const int64_t> row;    // per sequence: first row in `rows`
  std::span<const int64_t> first;  // per sequence: number of its first new entry
  std::span<const int64_t> count;
};

struct AttentionLayer {
  using Pass = Network::Pass;

  Pass& pass;
  int64_t cache_layer;
  const Attention& w;
  Attention* dw;  // null when not recording
  AttentionKind kind;
  const Pass::Queries& queries;
  const kernels::RopeTable& rope;

  const ModelConfig& c() const { return pass.c(); }
  int64_t rate() const { return c().compress_rate(kind); }
  bool fewer_queries() const { return queries.row != nullptr; }

  // What the core and the indexer read of x.
  struct Inputs {
    Var qr, q;                       // [Q, d_c] and, rotated, [Q, H * C]
    Var kv;                          // [T, C], rotated
    Var compress_kv, compress_gate;  // [T, C or 2C], where the layer has a compressor
  };
  // x_q: the rows of x that `queries` names.
  Inputs project(const Var& x, const Var& x_q) const;

  // The sequences' queries, over the window's keys alone.
  std::span<kernels::AttentionSequence> over_windows(const Var& kv) const;

  // One entry for every `rate()` tokens from gated sums of kv rows; what the next call needs of the
  // rows stays in `cache`, a part of the layer's cache.
  NewEntries compress(const Compressor& k, Compressor* dk, const Var& kv, const Var& gate,
                      CompressorCacheLayout LayerCacheLayout::*cache) const;
  // The sequences' entries, old and new. The new ones are returned.
  NewEntries over_entries(const Inputs& in, std::span<kernels::AttentionSequence> sequences) const;

  // Entries that each query attends to.
  struct Selection {
    int32_t *entries = nullptr, *num_entries = nullptr;  // [Q, topk] ascending, [Q]
    int64_t topk = 0;
    float* mass = nullptr;  // [Q, topk] for the core to fill; null: the indexer does not learn
  };
  Selection select(const Inputs& in, const Var& x, const Var& x_q,
                   std::span<const kernels::AttentionSequence> sequences) const;

  // [Q, H * C], rotated back. entries_g: gradient of the new entries.
  Var attend(const kernels::AttentionOp& op, const Inputs& in, float* entries_g, float* mass) const;
  Var output(const Var& o) const;

 private:
  // The indexer's keys of all entries, in its cache, and what its queries are made of.
  struct IndexKeys {
    std::span<const kernels::IndexerSequence> sequences;
    Var rows;     // [Σ new, c_I]
    Var weights;  // [Q, n_I] before their scale, where there are queries
  };
  IndexKeys index_keys(const Var& x, const Var& x_q, bool has_queries,
                       std::span<const kernels::AttentionSequence> sequences) const;
  // Tells the counters, and who asked for them, the chosen entries.
  void note(const Selection& s, const int32_t* num_agreed) const;
  Var index_queries(const Var& qr) const;              // [Q, n_I * c_I]
  void scale_index_weights(const Var& weights) const;  // in place
};

// Rows of this call, and before them the ring of the sequence's cache.
inline kernels::KeyRows key_rows(const SequenceSlice& s, const float* batch_rows, int64_t width,
                                 int64_t ring, int64_t ring_rows) {
  kernels::KeyRows k{.now = batch_rows + s.row * width, .width = width};
  if (s.cache) {
    k.first = s.cache->position();
    k.ring = s.cache->at(ring);
    k.ring_rows = ring_rows;
  }
  return k;
}

// Keeps the last ring_rows rows of this call for the next one.
void keep_rows(const SequenceSlice& s, const float* batch_rows, int64_t width, int64_t ring,
               int64_t ring_rows);

}  // namespace amalgam::model
