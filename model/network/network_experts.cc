// DeepSeekMoE of a block (MODEL.md §2.5): router, routed experts, shared expert.
#include <algorithm>

#include "configs/check.h"
#include "kernels/moe/balance_loss.h"
#include "kernels/moe/router.h"
#include "kernels/moe/swiglu.h"
#include "model/network/choices.h"
#include "model/network/network_pass.h"

namespace amalgam::model {
namespace {

using kernels::BLayout;
using kernels::Gemm;
using kernels::Write;

// Rows of one expert (or of the shared one) inside the buffers below.
struct Share {
  const Expert* w;
  Expert* dw;
  int64_t begin, rows;
};
// x, a = x·W1ᵀ, b = x·W3ᵀ, act, y = act·W2ᵀ of all shares with the same width.
struct Buffers {
  Var x, a, b, act, y;
  const float* scale = nullptr;  // per row, or null
  float* dscale = nullptr;
};

void up(std::span<const Share> shares, const Buffers& u, std::vector<Gemm>& problems) {
  for (const Share& s : shares)
    for (const auto& [m, out] : {std::pair(&s.w->w1, &u.a), std::pair(&s.w->w3, &u.b)})
      problems.push_back({.m = s.rows,
                          .n = m->rows,
                          .k = m->cols,
                          .a = u.x.v.row(s.begin),
                          .a_row_stride = m->cols,
                          .b = m->packed,
                          .layout = BLayout::kPacked,
                          .c = out->v.row(s.begin),
                          .ldc = m->rows});
}

void down(std::span<const Share> shares, const Buffers& u, std::vector<Gemm>& problems) {
  for (const Share& s : shares)
    problems.push_back({.m = s.rows,
                        .n = s.w->w2.rows,
                        .k = s.w->w2.cols,
                        .a = u.act.v.row(s.begin),
                        .a_row_stride = s.w->w2.cols,
                        .b = s.w->w2.packed,
                        .layout = BLayout::kPacked,
                        .c = u.y.v.row(s.begin),
                        .ldc = s.w->w2.rows});
}

// dx += dy · W
Gemm input_gradient(const Matrix& w, const float* dy, int64_t rows, float* dx) {
  return {.m = rows,
          .n = w.cols,
          .k = w.rows,
          .a = dy,
          .a_row_stride = w.rows,
          .b = w.compute(),
          .layout = BLayout::kRowMajor,
          .ldb = w.cols,
          .c = dx,
          .ldc = w.cols,
          .write = Write::kAccumulate};
}
// dW += dyᵀ · x
Gemm weight_gradient(const Matrix& dw, const float* dy, const float* x, int64_t rows) {
  return {.m = dw.rows,
          .n = dw.cols,
          .k = rows,
          .a = dy,
          .a_row_stride = 1,
          .a_col_stride = dw.rows,
          .b = x,
          .layout = BLayout::kRowMajor,
          .ldb = dw.cols,
          .c = dw.data,
          .ldc = dw.cols,
          .write = Write::kAccumulate};
}

void backward(kernels::ThreadPool& pool, std::span<const Share> shares, const Buffers& u,
              float limit) {
  thread_local std::vector<Gemm> problems;
  const auto run = [&] {
    kernels::gemm(pool, problems);
    problems.clear();
  };
  const int64_t D = u.x.v.cols, I = u.a.v.cols;
  for (const Share& s : shares) {
    problems.push_back(input_gradient(s.w->w2, u.y.g + s.begin * D, s.rows, u.act.g + s.begin * I));
    problems.push_back(
        weight_gradient(s.dw->w2, u.y.g + s.begin * D, u.act.v.row(s.begin), s.rows));
  }
  run();
  kernels::swiglu_backward(pool, {.rows = u.a.v.rows, .cols = I, .limit = limit, .scale = u.scale},
                           u.a.v.data, u.b.v.data, u.act.g, u.a.g, u.b.g, u.dscale);
  for (const Share& s : shares) {
    problems.push_back(input_gradient(s.w->w1, u.a.g + s.begin * I, s.rows, u.x.g + s.begin * D));
    problems.push_back(weight_gradient(s.dw->w1, u.a.g + s.begin * I, u.x.v.row(s.begin), s.rows));
    problems.push_back(weight_gradient(s.dw->w3, u.b.g + s.begin * I, u.x.v.row(s.begin), s.rows));
  }
  run();
  for (const Share& s : shares)  // same output as W1's share: its own region keeps the order
    problems.push_back(input_gradient(s.w->w3, u.b.g + s.begin * I, s.rows, u.x.g + s.begin * D));
  run();
}

}  // namespace

Var Network::Pass::experts(int64_t layer, const Var& x, const Moe& m, Moe* dm, MlpKind kind) {
  const ModelConfig& cfg = c();
  const int64_t E = cfg.n_routed_experts, K = cfg.num_experts_per_tok, D = cfg.hidden_size,
                I = cfg.moe_intermediate_size, rows = T * K;
  const auto limit = static_cast<float>(cfg.swiglu_limit);

  const Var logits = linear(x, m.gate, dm ? &dm->gate : nullptr);
  kernels::Router router{.tokens = T,
                         .num_experts = E,
                         .topk = K,
                         .scaling = static_cast<float>(cfg.routed_scaling_factor),
                         .bias = m.bias.data,
                         .tid2eid = kind == MlpKind::kHashMoe ? m.tid2eid.data : nullptr,
                         .ids = ids};
  // Batch::given_experts and chosen_experts of this layer.
  const bool learned = kind == MlpKind::kMoe && layer < static_cast<int64_t>(cfg.layers.size());
  const auto at = static_cast<size_t>(learned ? num_learned_moe(cfg, layer) * rows : 0);
  if (learned && !batch.given_experts.empty()) router.given = &batch.given_experts[at];
  float* scores = arena().alloc<float>(static_cast<size_t>(T * E));
  auto* chosen = arena().alloc<int32_t>(static_cast<size_t>(rows));
  float* weights = arena().alloc<float>(static_cast<size_t>(rows));
  kernels::route(pool(), router, logits.v.data, scores, chosen, weights);

  if (learned && !batch.chosen_experts.empty())
    std::copy(chosen, chosen + rows, &batch.chosen_experts[at]);

  auto* begin = arena().alloc<int32_t>(static_cast<size_t>(E + 1));
  auto* row_of = arena().alloc<int32_t>(static_cast<size_t>(rows));
  auto* token_of = arena().alloc<int32_t>(static_cast<size_t>(rows));
  kernels::plan_dispatch(chosen, T, K, E, begin, row_of, token_of);
  float* row_weight = arena().alloc<float>(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows; ++i) row_weight[row_of[i]] = weights[i];

  Buffers routed{make(rows, D, Life::kCheap),
                 make(rows, I),
                 make(rows, I),
                 make(rows, I, Life::kCheap),
                 make(rows, D, Life::kForward),
                 row_weight,
                 recording() ? arena().alloc<float>(static_cast<size_t>(rows)) : nullptr};
  const bool fp8 = numerics().activations_fp8;
  const Tensor in = fp8 ? rounded_activations(x.v) : x.v;  // as all experts read it
  again(
      [=, p = &pool()] { kernels::gather_rows(*p, in.data, token_of, rows, D, routed.x.v.data); });
  auto* shares = arena().alloc<Share>(static_cast<size_t>(E) + 1);
  size_t num_shares = 0;
  for (int64_t e = 0; e < E; ++e)
    if (const int64_t n = begin[e + 1] - begin[e])
      shares[num_shares++] = {&m.experts[static_cast<size_t>(e)],
                              dm ? &dm->experts[static_cast<size_t>(e)] : nullptr, begin[e], n};
  const std::span<const Share> routed_shares(shares, num_shares);
  Buffers shared;
  std::span<const Share> shared_share;
  if (m.shared.w1.rows) {
    const int64_t width = m.shared.w1.rows;
    shared = {x, make(T, width), make(T, width), make(T, width, Life::kCheap),
              make(T, D, Life::kForward)};
    shared.x.v = in;
    shares[num_shares] = {&m.shared, dm ? &dm->shared : nullptr, 0, T};
    shared_share = {shares + num_shares, 1};
  }

  thread_local std::vector<Gemm> problems;
  problems.clear();
  // The shared expert has most rows: its large tasks first, so that small ones fill the end.
  up(shared_share, shared, problems);
  up(routed_shares, routed, problems);
  kernels::gemm(pool(), problems);
  const auto activate = [&](const kernels::Swiglu& op, const Buffers& u) {
    again([op, u, fp8, p = &pool()] {
      kernels::swiglu(*p, op, u.a.v.data, u.b.v.data, u.act.v.data);
      if (fp8) round_activations(*p, u.act.v, op.cols, u.act.v.data);
    });
  };
  activate({.rows = rows, .cols = I, .limit = limit, .scale = row_weight}, routed);
  if (!shared_share.empty()) activate({.rows = T, .cols = shared.a.v.cols, .limit = limit}, shared);
  problems.clear();
  down(shared_share, shared, problems);
  down(routed_shares, routed, problems);
  kernels::gemm(pool(), problems);
  const Var y = make(T, D);
  kernels::combine_rows(pool(), routed.y.v.data, row_of, T, K, D, shared.y.v.data, false, y.v.data);

  if (recording()) {
    if (numerics().experts_fp4) CHECK(m.experts[0].w1.rounded != nullptr);  // backward reads it
    auto& load = rec->expert_load[static_cast<size_t>(layer)];
    load.resize(static_cast<size_t>(E));
    for (int64_t e = 0; e < E; ++e) load[static_cast<size_t>(e)] += begin[e + 1] - begin[e];
  }
  kernels::BalanceLoss balance{.num_experts = E, .topk = K, .sequences = {}};
  if (recording() && kind == MlpKind::kMoe && rec->balance_loss_coefficient > 0) {
    auto* ranges = arena().alloc<kernels::RowRange>(batch.sequences.size());
    for (size_t i = 0; i < batch.sequences.size(); ++i)
      ranges[i] = {batch.sequences[i].row, batch.sequences[i].num_rows};
    balance.sequences = {ranges, batch.sequences.size()};
  }
  record([=, r = rec, p = &pool(), s = &scratch(), tokens = T] {
    kernels::gather_rows(*p, y.g, token_of, rows, D, routed.y.g);
    backward(*p, routed_shares, routed, limit);
    kernels::combine_rows(*p, routed.x.g, row_of, tokens, K, D, nullptr, true, x.g);
    if (!shared_share.empty()) {
      Buffers u = shared;
      u.y.g = y.g;
      backward(*p, shared_share, u, limit);
    }
    const auto mark = s->mark();
    float* dweights = s->alloc<float>(static_cast<size_t>(rows));
    for (int64_t i = 0; i < rows; ++i) dweights[i] = routed.dscale[row_of[i]];
    float* dscores = nullptr;
    if (!balance.sequences.empty()) {
      dscores = s->alloc<float>(static_cast<size_t>(tokens * E));
      r->balance_loss +=
          kernels::balance_loss(*p, balance, scores, chosen, r->balance_loss_coefficient, dscores);
      r->balance_terms += static_cast<int64_t>(balance.sequences.size());
    }
    kernels::route_backward(*p, router, logits.v.data, scores, chosen, dweights, dscores, logits.g);
    s->reset(mark);
  });
  return y;
}

}  // namespace amalgam::model
