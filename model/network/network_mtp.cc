// The multi-token prediction block (MODEL.md §2.6):
//
//   x[t, j] = e_proj · rms_norm(embed(next token)) + h_proj · rms_norm(X[t, j])    per stream j
//   hidden  = rms_norm(hc_head(block(x)))                                          own weights
//
// with the model's own embedding and head before and after it.
#include <algorithm>

#include "configs/check.h"
#include "kernels/head/embedding.h"
#include "kernels/hyper_connection/stream_add.h"
#include "model/network/network_pass.h"

namespace amalgam::model {

Var Network::run_mtp(const Weights& weights, const MtpBatch& mtp, Recording* recording) {
  CHECK_EQ(weights.mtp.size(), size_t{1});
  CHECK_EQ(mtp.rows.size(), mtp.ids.size());
  const MtpBlock& m = weights.mtp[0];
  MtpBlock* dm = recording ? &recording->grads->mtp[0] : nullptr;
  const auto R = static_cast<int64_t>(mtp.ids.size());
  const int64_t n = config_.hc_mult, D = config_.hidden_size;
  // The tape outlives the caller's arrays. Both inputs are rows of a table: of the embedding, and
  // of the streams.
  auto* ids = arena_.alloc<int32_t>(mtp.ids.size());
  auto* rows = arena_.alloc<int32_t>(mtp.rows.size());
  std::copy(mtp.ids.begin(), mtp.ids.end(), ids);
  std::copy(mtp.rows.begin(), mtp.rows.end(), rows);
  const Batch batch{{ids, mtp.ids.size()}, mtp.sequences};
  // The counters are of the model's own layers.
  const IndexerCounters counted = counters_;
  Pass pass{*this, weights, batch, recording, R, place(batch, recording), ids};
  const bool through = mtp.gradient == MtpGradient::kAll;

  const kernels::Embedding next{R, 1, D, ids}, token{R, 1, n * D, rows};
  const Var embedded = pass.make(R, D), X_in = pass.make(R, n * D);
  kernels::embed(pool_, next, weights.embed.data, embedded.v.data);
  kernels::embed(pool_, token, mtp.streams.v.data, X_in.v.data);
  if (through)
    pass.record([=, p = &pool_, dembed = recording ? recording->grads->embed.data : nullptr,
                 dX = mtp.streams.g] {
      kernels::embed_backward(*p, next, embedded.g, dembed);
      kernels::embed_backward(*p, token, X_in.g, dX);
    });

  const Var e = pass.norm(embedded, D, &m.enorm, dm ? &dm->enorm : nullptr, nullptr, nullptr, 1);
  const Var h = pass.norm(X_in, D, &m.hnorm, dm ? &dm->hnorm : nullptr, nullptr, nullptr, 1);
  const Var from_e = pass.linear(e, m.e_proj, dm ? &dm->e_proj : nullptr);
  const auto shaped = [](const Var& x, int64_t num_rows, int64_t cols) {
    return Var{{x.v.data, num_rows, cols, 2}, x.g};
  };
  Var X = shaped(pass.linear(shaped(h, R * n, D), m.h_proj, dm ? &dm->h_proj : nullptr), R, n * D);
  const kernels::StreamAdd add{R, n, D};
  kernels::stream_add(pool_, add, from_e.v.data, X.v.data);
  pass.record(
      [add, X, from_e, p = &pool_] { kernels::stream_add_backward(*p, add, X.g, from_e.g); });

  Var other = recording ? Var{} : pass.make(R, n * D);
  pass.block({.cache_layer = 0, .load_layer = static_cast<int64_t>(weights.blocks.size())}, m.block,
             dm ? &dm->block : nullptr, X, other, pass.all());
  const Var hidden = pass.head(X, m.hc_head, dm ? &dm->hc_head : nullptr);
  const Var out = pass.norm(hidden, D, &m.norm, dm ? &dm->norm : nullptr, nullptr, nullptr, 1);
  for (const SequenceSlice& s : mtp.sequences)
    if (s.cache) s.cache->advance(s.num_rows);
  counters_ = counted;
  return out;
}

}  // namespace amalgam::model
