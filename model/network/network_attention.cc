// Attention of a block (MODEL.md §2.2): projections, core, output. Compressed entries and the
// choice among them are in network_compressor.cc and network_indexer.cc.
#include "kernels/attention/attention.h"
#include "kernels/attention/rope.h"
#include "model/network/attention_layer.h"

namespace amalgam::model {

using kernels::BLayout;
using kernels::Gemm;
using kernels::Write;

Var Network::Pass::attention(int64_t layer, const Var& x, const Attention& a, Attention* da,
                             AttentionKind kind, const Queries& queries) {
  const bool compressed = kind != AttentionKind::kSliding;
  const AttentionLayer l{
      *this, layer, a, da, kind, queries, compressed ? net.rope_compress_ : net.rope_main_};
  const Var x_q = queries.row ? Var{pick(x.v, queries)} : x;
  const AttentionLayer::Inputs in = l.project(x, x_q);
  quantize_entries(in.kv.v);

  const std::span<kernels::AttentionSequence> sequences = l.over_windows(in.kv);
  kernels::AttentionOp op{.heads = c().num_attention_heads,
                          .head_dim = c().head_dim,
                          .window = c().sliding_window,
                          .sink = a.sink.data,
                          .sequences = sequences};
  NewEntries entries;
  if (compressed) {
    op.compress_rate = l.rate();
    entries = l.over_entries(in, sequences);
  }
  AttentionLayer::Selection selection;
  if (kind == AttentionKind::kCsa) {
    selection = l.select(in, x, x_q, sequences);
    op.selected = selection.entries, op.num_selected = selection.num_entries;
    op.topk = selection.topk;
  }
  const Var o = l.attend(op, in, entries.rows.g, selection.mass);
  for (const SequenceSlice& s : batch.sequences)
    if (s.cache)
      keep_rows(s, in.kv.v.data, c().head_dim, s.cache->layer(layer).window, c().sliding_window);
  return l.output(o);
}

AttentionLayer::Inputs AttentionLayer::project(const Var& x, const Var& x_q) const {
  Inputs in;
  // Everything that reads x in one parallel region.
  Pass::Projection from_x[4] = {{&w.wq_a, dw ? &dw->wq_a : nullptr, {}},
                                {&w.wkv, dw ? &dw->wkv : nullptr, {}},
                                {&w.compressor.wkv, dw ? &dw->compressor.wkv : nullptr, {}},
                                {&w.compressor.wgate, dw ? &dw->compressor.wgate : nullptr, {}}};
  const std::span used = std::span(from_x, kind != AttentionKind::kSliding ? 4 : 2);
  if (fewer_queries()) pass.project(x_q, Pass::Input::kTracked, used.first(1));
  pass.project(x, Pass::Input::kTracked, fewer_queries() ? used.subspan(1) : used);
  in.compress_kv = from_x[2].out, in.compress_gate = from_x[3].out;

  in.qr = pass.norm(from_x[0].out, c().q_lora_rank, &w.q_norm, dw ? &dw->q_norm : nullptr, nullptr,
                    nullptr, 1);
  const Var q_raw = pass.linear(in.qr, w.wq_b, dw ? &dw->wq_b : nullptr);
  in.q = pass.norm(q_raw, c().head_dim, nullptr, nullptr, &rope, queries.positions,
                   c().num_attention_heads);
  in.kv = pass.norm(from_x[1].out, c().head_dim, &w.kv_norm, dw ? &dw->kv_norm : nullptr, &rope,
                    pass.positions, 1);
  return in;
}

std::span<kernels::AttentionSequence> AttentionLayer::over_windows(const Var& kv) const {
  const size_t n = pass.batch.sequences.size();
  auto* sequences = pass.arena().alloc<kernels::AttentionSequence>(n);
  for (size_t i = 0; i < n; ++i) {
    const SequenceSlice& s = pass.batch.sequences[i];
    const SequenceSlice& own = queries.sequences[i];
    const int64_t end = (s.cache ? s.cache->position() : 0) + s.num_rows;
    sequences[i] = {
        .row = own.row,
        .num_rows = own.num_rows,
        .position = end - own.num_rows,
        .window = key_rows(s, kv.v.data, c().head_dim,
                           s.cache ? s.cache->layer(cache_layer).window : 0, c().sliding_window)};
  }
  return {sequences, n};
}

Var AttentionLayer::attend(const kernels::AttentionOp& op, const Inputs& in, float* entries_g,
                           float* mass) const {
  const int64_t Q = queries.T, H = op.heads, C = op.head_dim;
  const Var o = pass.make(Q, H * C);
  float* stats =
      pass.recording() ? pass.arena().alloc<float>(static_cast<size_t>(Q * H * 2)) : nullptr;
  kernels::attention(pass.pool(), op, in.q.v.data, o.v.data, stats, mass);
  kernels::rope(pass.pool(), rope, kernels::Rotate::kInverse, queries.positions, H, o.v.data, Q * H,
                C);
  pass.record([op, q = in.q, kv = in.kv, o, stats, entries_g, dsink = dw ? dw->sink.data : nullptr,
               p = &pass.pool(), s = &pass.scratch(), table = &rope, at = queries.positions, Q, H,
               C] {
    kernels::rope(*p, *table, kernels::Rotate::kForward, at, H, o.g, Q * H, C);
    kernels::attention_backward(*p, *s, op, q.v.data, stats, o.g, q.g, kv.g, entries_g, dsink);
  });
  return o;
}

// wo_a is block-diagonal: group i maps heads [i·H/g, (i+1)·H/g) to d_g channels.
Var AttentionLayer::output(const Var& o) const {
  const int64_t Q = queries.T, g = c().o_groups, out = c().o_lora_rank, width = o.v.cols,
                in = width / g;
  if (pass.numerics().activations_fp8) Pass::round_activations(pass.pool(), o.v, in, o.v.data);
  const Var oa = pass.make(Q, g * out);
  auto* problems = pass.arena().alloc<Gemm>(static_cast<size_t>(g));
  const bool panels = out % kernels::kPanel == 0;
  for (int64_t i = 0; i < g; ++i)
    problems[i] = {.m = Q,
                   .n = out,
                   .k = in,
                   .a = o.v.data + i * in,
                   .a_row_stride = width,
                   .b = (panels ? w.wo_a.packed : w.wo_a.data) + i * out * in,
                   .layout = panels ? BLayout::kPacked : BLayout::kTransposed,
                   .ldb = in,
                   .c = oa.v.data + i * out,
                   .ldc = g * out};
  kernels::gemm(pass.pool(), {problems, static_cast<size_t>(g)});
  pass.record([=, weight = w.wo_a.data, dweight = dw ? dw->wo_a.data : nullptr, p = &pass.pool()] {
    for (int64_t i = 0; i < g; ++i)
      problems[i] = {.m = Q,
                     .n = in,
                     .k = out,
                     .a = oa.g + i * out,
                     .a_row_stride = g * out,
                     .b = weight + i * out * in,
                     .layout = BLayout::kRowMajor,
                     .ldb = in,
                     .c = o.g + i * in,
                     .ldc = width,
                     .write = Write::kAccumulate};
    kernels::gemm(*p, {problems, static_cast<size_t>(g)});
    for (int64_t i = 0; i < g; ++i)
      problems[i] = {.m = out,
                     .n = in,
                     .k = Q,
                     .a = oa.g + i * out,
                     .a_row_stride = 1,
                     .a_col_stride = g * out,
                     .b = o.v.data + i * in,
                     .layout = BLayout::kRowMajor,
                     .ldb = width,
                     .c = dweight + i * out * in,
                     .ldc = in,
                     .write = Write::kAccumulate};
    kernels::gemm(*p, {problems, static_cast<size_t>(g)});
  });
  return pass.linear(oa, w.wo_b, dw ? &dw->wo_b : nullptr);
}

}  // namespace amalgam::model
