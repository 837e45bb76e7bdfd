#include "model/network/network.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "configs/check.h"
#include "kernels/head/embedding.h"
#include "kernels/hyper_connection/hyper_connection.h"
#include "kernels/moe/router.h"
#include "kernels/norm/rms_norm.h"
#include "model/network/network_pass.h"

namespace amalgam::model {

using kernels::BLayout;
using kernels::Gemm;
using kernels::Write;

Network::Network(const ModelConfig& config, kernels::ThreadPool& pool,
                 const configs::NumericsConfig& numerics, std::shared_ptr<PassMemory> memory)
    : config_(config),
      pool_(pool),
      numerics_(numerics),
      memory_(memory ? std::move(memory) : std::make_shared<PassMemory>()),
      arena_(memory_->arena),
      scratch_(memory_->scratch),
      transient_(memory_->transient),
      rope_main_(config.qk_rope_head_dim, config.rope_theta, {}),
      rope_compress_(config.qk_rope_head_dim, config.compress_rope_theta,
                     config.yarn
                         ? kernels::RopeScaling{config.yarn->factor,
                                                config.yarn->original_max_position_embeddings,
                                                config.yarn->beta_fast, config.yarn->beta_slow}
                         : kernels::RopeScaling{}) {
  check_numerics(numerics, config);
}

void Network::Pass::project(const Var& x, Input input, std::span<Projection> projections) const {
  constexpr size_t kMax = 8;
  Gemm problems[kMax];
  CHECK_LE(projections.size(), kMax);
  const int64_t rows = x.v.rows, in = x.v.cols;
  const float* rounded = nullptr;  // x as the quantised matrices read it
  if (numerics().activations_fp8 &&
      std::any_of(projections.begin(), projections.end(),
                  [](const Projection& p) { return reads_fp8(*p.w); }))
    rounded = rounded_activations(x.v).data;
  for (size_t i = 0; i < projections.size(); ++i) {
    Projection& p = projections[i];
    CHECK_EQ(p.w->cols, in);
    p.out = make(rows, p.w->rows);
    problems[i] = {.m = rows,
                   .n = p.w->rows,
                   .k = in,
                   .a = rounded && reads_fp8(*p.w) ? rounded : x.v.data,
                   .a_row_stride = in,
                   .b = p.w->packed,
                   .layout = BLayout::kPacked,
                   .c = p.out.v.data,
                   .ldc = p.w->rows};
  }
  kernels::gemm(pool(), std::span<const Gemm>(problems, projections.size()));
  if (!recording()) return;
  auto* kept = arena().alloc<Projection>(projections.size());
  std::copy(projections.begin(), projections.end(), kept);
  record([this_pool = &pool(), x, kept, n = projections.size(), rows, in, input, rounded] {
    Gemm weights[kMax];
    for (size_t i = 0; i < n; ++i) {
      const Projection& p = kept[i];
      const int64_t out = p.w->rows;
      weights[i] = {.m = out,
                    .n = in,
                    .k = rows,
                    .a = p.out.g,
                    .a_row_stride = 1,
                    .a_col_stride = out,
                    .b = rounded && reads_fp8(*p.w) ? rounded : x.v.data,
                    .layout = BLayout::kRowMajor,
                    .ldb = in,
                    .c = p.dw->data,
                    .ldc = in,
                    .write = Write::kAccumulate};
      if (input == Input::kTracked)
        kernels::gemm(*this_pool, Gemm{.m = rows,
                                       .n = in,
                                       .k = out,
                                       .a = p.out.g,
                                       .a_row_stride = out,
                                       .b = p.w->compute(),
                                       .layout = BLayout::kRowMajor,
                                       .ldb = in,
                                       .c = x.g,
                                       .ldc = in,
                                       .write = Write::kAccumulate});
    }
    kernels::gemm(*this_pool, std::span<const Gemm>(weights, n));
  });
}

Var Network::Pass::linear(const Var& x, const Matrix& weight, Matrix* dweight, Input input) const {
  Projection p{&weight, dweight, {}};
  project(x, input, std::span(&p, 1));
  return p.out;
}

Var Network::Pass::norm(const Var& x, int64_t row_cols, const Tensor* weight, Tensor* dweight,
                        const kernels::RopeTable* rope, const int32_t* at,
                        int64_t rows_per_position) const {
  const Var y = make(x.v.rows, x.v.cols, Life::kCheap);
  const kernels::RmsNorm op{.rows = x.v.size() / row_cols,
                            .cols = row_cols,
                            .eps = static_cast<float>(c().rms_norm_eps),
                            .weight = weight ? weight->data : nullptr,
                            .rope = rope,
                            .positions = at,
                            .rows_per_position = rows_per_position};
  again([op, x, y, p = &pool()] { kernels::rms_norm(*p, op, x.v.data, y.v.data); });
  record([op, x, y, p = &pool(), s = &scratch(), dw = dweight ? dweight->data : nullptr] {
    kernels::rms_norm_backward(*p, *s, op, x.v.data, y.g, x.g, dw);
  });
  return y;
}

namespace {

kernels::HyperConnection hc_op(const ModelConfig& c, int64_t tokens, const HyperConnection& hc) {
  return {.tokens = tokens,
          .streams = c.hc_mult,
          .hidden = c.hidden_size,
          .sinkhorn_iters = c.hc_sinkhorn_iters,
          .hc_eps = static_cast<float>(c.hc_eps),
          .norm_eps = static_cast<float>(c.rms_norm_eps),
          .base = hc.base.data,
          .scale = hc.scale.data};
}

}  // namespace

Var Network::Pass::head(const Var& X, const HyperConnection& hc, HyperConnection* dhc) const {
  const auto op = hc_op(c(), X.v.rows, hc);
  const Var raw = linear(X, hc.fn, dhc ? &dhc->fn : nullptr);
  Var h = make(X.v.rows, c().hidden_size);
  kernels::hc_head(pool(), op, X.v.data, raw.v.data, h.v.data);
  record([op, X, raw, h, dhc, p = &pool(), s = &scratch()] {
    kernels::hc_head_backward(*p, *s, op, X.v.data, raw.v.data, h.g, X.g, raw.g, dhc->base.data,
                              dhc->scale.data);
  });
  return h;
}

Network::Pass::Queries Network::Pass::last_queries() const {
  const auto& num_read = batch.num_read;
  const int64_t total = std::accumulate(num_read.begin(), num_read.end(), int64_t{0});
  if (num_read.empty() || total == T) return all();
  CHECK(!recording() && batch.given_experts.empty() && batch.chosen_experts.empty() &&
        batch.given_entries.empty() && batch.chosen_entries.empty());
  CHECK_EQ(num_read.size(), batch.sequences.size());
  const auto size = static_cast<size_t>(total);
  auto *row = arena().alloc<int32_t>(size), *at = arena().alloc<int32_t>(size),
       *id = arena().alloc<int32_t>(size);
  auto* sequences = arena().alloc<SequenceSlice>(num_read.size());
  int64_t n = 0;
  for (size_t i = 0; i < num_read.size(); ++i) {
    const SequenceSlice& s = batch.sequences[i];
    CHECK_LE(num_read[i], s.num_rows);
    sequences[i] = {n, num_read[i], s.cache};
    for (int64_t t = s.row + s.num_rows - num_read[i]; t < s.row + s.num_rows; ++t, ++n)
      row[n] = static_cast<int32_t>(t), at[n] = positions[t], id[n] = ids[t];
  }
  return {total, at, id, {sequences, num_read.size()}, row};
}

Tensor Network::Pass::pick(const Tensor& x, const Queries& q) const {
  const Tensor picked = arena().matrix(q.T, x.cols);
  kernels::gather_rows(pool(), x.data, q.row, q.T, x.cols, picked.data);
  return picked;
}

void Network::Pass::block(const BlockPlace& place, const Block& b, Block* db, Var& X, Var& other,
                          const Queries& q) {
  const int64_t n = c().hc_mult, D = c().hidden_size;
  // X' = hc_post(part(norm(hc_pre(X))))
  const auto sub_block = [&](const HyperConnection& hc, HyperConnection* dhc, const Tensor& weight,
                             Tensor* dweight, const Queries& leaving, const auto& part) {
    const auto mark = arena().mark();
    if (recording()) transients.begin();
    const auto op = hc_op(c(), T, hc);
    const Var raw = linear(X, hc.fn, dhc ? &dhc->fn : nullptr);
    const Var x = make(T, D, Life::kCheap), post = make(T, n, Life::kCheap),
              comb = make(T, n * n, Life::kCheap);
    again([op, X, raw, x, post, comb, p = &pool()] {
      kernels::hc_pre(*p, op, X.v.data, raw.v.data, x.v.data, post.v.data, comb.v.data);
    });
    record([op, X, raw, x, post, comb, dhc, p = &pool(), s = &scratch()] {
      kernels::hc_pre_backward(*p, *s, op, X.v.data, raw.v.data, x.g, post.g, comb.g, X.g, raw.g,
                               dhc->base.data, dhc->scale.data);
    });
    const Var y = part(norm(x, D, &weight, dweight, nullptr, nullptr, 1));
    Tensor from = X.v, to = post.v, mix = comb.v;
    if (leaving.row) {
      T = leaving.T, positions = leaving.positions, ids = leaving.ids;
      from = pick(from, leaving), to = pick(to, leaving), mix = pick(mix, leaving);
    }
    const Var out =
        recording() ? make(T, n * D, Life::kSubBlock) : Var{{other.v.data, T, n * D, 2}};
    kernels::hc_post(pool(), hc_op(c(), T, hc), y.v.data, from.data, to.data, mix.data, out.v.data);
    record([op, X, y, post, comb, out, p = &pool()] {
      kernels::hc_post_backward(*p, op, y.v.data, X.v.data, post.v.data, comb.v.data, out.g, y.g,
                                X.g, post.g, comb.g);
    });
    if (recording()) {
      transients.end(*tape);
    } else {
      other = X;
      arena().reset(mark);
    }
    X = out;
  };
  sub_block(b.hc_attn, db ? &db->hc_attn : nullptr, b.attn_norm, db ? &db->attn_norm : nullptr, q,
            [&](const Var& x) {
              return attention(place.cache_layer, x, b.attn, db ? &db->attn : nullptr,
                               b.attention_kind, q);
            });
  sub_block(b.hc_ffn, db ? &db->hc_ffn : nullptr, b.ffn_norm, db ? &db->ffn_norm : nullptr, all(),
            [&](const Var& x) {
              return experts(place.load_layer, x, b.moe, db ? &db->moe : nullptr, b.mlp_kind);
            });
}

void Network::Pass::recomputed_block(const BlockPlace& place, const Block& b, Block* db, Var& X) {
  const Var out = make(T, X.v.cols);
  const auto mark = arena().mark();
  Pass forward{net, w, batch, rec, T, positions, ids, nullptr};
  // Two sub-blocks change buffers twice: they end where they began, and X stays as it is.
  std::memcpy(out.v.data, X.v.data, static_cast<size_t>(X.v.size()) * sizeof(float));
  Var inner{out.v}, other = forward.make(T, X.v.cols);
  forward.block(place, b, db, inner, other, forward.all());
  CHECK_EQ(inner.v.data, out.v.data);
  arena().reset(mark);
  record([network = &net, weights = &w, rows = batch, r = rec, tokens = T, at = positions,
          tokens_ids = ids, place, block = &b, dblock = db, X, out] {
    const auto begin = network->arena_.mark();
    Tape rerun(network->arena_);
    Pass pass{*network, *weights, rows, r, tokens, at, tokens_ids, &rerun, true};
    Var last = X, unused;
    pass.block(place, *block, dblock, last, unused, pass.all());
    std::memcpy(last.g, out.g, static_cast<size_t>(out.v.size()) * sizeof(float));
    rerun.backward();
    network->arena_.reset(begin);
  });
  X = out;
}

Var Network::Pass::streams(int64_t num_layers) {
  const int64_t n = c().hc_mult, D = c().hidden_size;
  Var X = make(T, n * D);
  const kernels::Embedding embedding{T, n, D, ids};
  kernels::embed(pool(), embedding, w.embed.data, X.v.data);
  record([embedding, X, p = &pool(), g = rec ? rec->grads->embed.data : nullptr] {
    kernels::embed_backward(*p, embedding, X.g, g);
  });
  // Without a tape only the streams survive a sub-block: two buffers in turn, the rest is reused.
  Var other = recording() ? Var{} : make(T, n * D);
  for (int64_t i = 0; i < num_layers; ++i) {
    const Block& b = w.blocks[static_cast<size_t>(i)];
    Block* db = rec ? &rec->grads->blocks[static_cast<size_t>(i)] : nullptr;
    if (recording() && rec->recompute == configs::Recompute::kLayer)
      recomputed_block({i, i}, b, db, X);
    else
      block({i, i}, b, db, X, other, i + 1 == num_layers ? last_queries() : all());
  }
  return X;
}

const int32_t* Network::place(const Batch& batch, const Recording* recording) {
  const auto T = static_cast<int64_t>(batch.ids.size());
  auto* positions = arena_.alloc<int32_t>(static_cast<size_t>(T));
  int64_t end = 0, rows = 0;
  for (const SequenceSlice& s : batch.sequences) {
    CHECK_EQ(s.row, rows);
    CHECK(!(recording && s.cache));
    const int64_t first = s.cache ? s.cache->position() : 0;
    if (s.cache) CHECK_LE(first + s.num_rows, s.cache->max_positions());
    for (int64_t t = 0; t < s.num_rows; ++t) positions[s.row + t] = static_cast<int32_t>(first + t);
    rows += s.num_rows;
    end = std::max(end, first + s.num_rows);
  }
  CHECK_EQ(rows, T);
  rope_main_.reserve(end);
  rope_compress_.reserve(end);
  return positions;
}

Var Network::run(const Weights& weights, const Batch& batch, Recording* recording, Var* streams) {
  const int32_t* positions = place(batch, recording);
  if (recording)
    recording->expert_load.assign(weights.blocks.size() + weights.mtp.size(),
                                  std::vector<int64_t>());
  const auto T = static_cast<int64_t>(batch.ids.size());
  Pass pass{*this, weights, batch, recording, T, positions, batch.ids.data()};
  const Var X = pass.streams(static_cast<int64_t>(weights.blocks.size()));
  const Var h = pass.head(X, weights.hc_head, recording ? &recording->grads->hc_head : nullptr);
  const Var out = pass.norm(h, config_.hidden_size, &weights.norm,
                            recording ? &recording->grads->norm : nullptr, nullptr, nullptr, 1);
  for (const SequenceSlice& s : batch.sequences)
    if (s.cache) s.cache->advance(s.num_rows);
  if (streams) *streams = X;
  return out;
}

void Network::logits(const Weights& weights, const kernels::Tensor& hidden,
                     std::span<const int32_t> rows, float* out) {
  const auto mark = arena_.mark();
  const auto n = static_cast<int64_t>(rows.size());
  const kernels::Tensor picked = arena_.matrix(n, config_.hidden_size);
  kernels::gather_rows(pool_, hidden.data, rows.data(), n, config_.hidden_size, picked.data);
  kernels::gemm(pool_, Gemm{.m = n,
                            .n = config_.vocab_size,
                            .k = config_.hidden_size,
                            .a = picked.data,
                            .a_row_stride = config_.hidden_size,
                            .b = weights.head.packed,
                            .layout = BLayout::kPacked,
                            .c = out,
                            .ldc = config_.vocab_size});
  arena_.reset(mark);
}

}  // namespace amalgam::model
