// The one list of a V4 model's tensors. Included by weights.h only.
#pragma once

namespace amalgam::model {

template <class C, class F>
void visit_compressor(C& c, const std::string& p, F&& f) {
  f(p + "ape", c.ape, Role::kAdam);
  f(p + "norm.weight", c.norm, Role::kAdam);
  f(p + "wgate.weight", c.wgate, Role::kMatrix);
  f(p + "wkv.weight", c.wkv, Role::kMatrix);
}

template <class E, class F>
void visit_expert(E& e, const std::string& p, F&& f) {
  f(p + "w1.weight", e.w1, Role::kMatrix);
  f(p + "w2.weight", e.w2, Role::kMatrix);
  f(p + "w3.weight", e.w3, Role::kMatrix);
}

template <class H, class F>
void visit_hyper_connection(H& h, const std::string& p, F&& f) {
  f(p + "_base", h.base, Role::kAdam);
  f(p + "_fn", h.fn, Role::kMatrix);
  f(p + "_scale", h.scale, Role::kAdam);
}

template <class B, class F>
void visit_block(B& b, const std::string& p, F&& f) {
  const std::string a = p + "attn.";
  f(a + "attn_sink", b.attn.sink, Role::kAdam);
  if (b.attention_kind != AttentionKind::kSliding)
    visit_compressor(b.attn.compressor, a + "compressor.", f);
  if (b.attention_kind == AttentionKind::kCsa) {
    visit_compressor(b.attn.indexer.compressor, a + "indexer.compressor.", f);
    f(a + "indexer.weights_proj.weight", b.attn.indexer.weights_proj, Role::kMatrix);
    f(a + "indexer.wq_b.weight", b.attn.indexer.wq_b, Role::kMatrix);
  }
  f(a + "kv_norm.weight", b.attn.kv_norm, Role::kAdam);
  f(a + "q_norm.weight", b.attn.q_norm, Role::kAdam);
  f(a + "wkv.weight", b.attn.wkv, Role::kMatrix);
  f(a + "wo_a.weight", b.attn.wo_a, Role::kMatrix);
  f(a + "wo_b.weight", b.attn.wo_b, Role::kMatrix);
  f(a + "wq_a.weight", b.attn.wq_a, Role::kMatrix);
  f(a + "wq_b.weight", b.attn.wq_b, Role::kMatrix);
  f(p + "attn_norm.weight", b.attn_norm, Role::kAdam);
  for (size_t e = 0; e < b.moe.experts.size(); ++e)
    visit_expert(b.moe.experts[e], p + "ffn.experts." + std::to_string(e) + ".", f);
  if (b.mlp_kind == MlpKind::kMoe) f(p + "ffn.gate.bias", b.moe.bias, Role::kBalanceBias);
  f(p + "ffn.gate.weight", b.moe.gate, Role::kMatrix);
  if (b.mlp_kind == MlpKind::kHashMoe) f(p + "ffn.gate.tid2eid", b.moe.tid2eid);
  if (b.moe.shared.w1.size()) visit_expert(b.moe.shared, p + "ffn.shared_experts.", f);
  f(p + "ffn_norm.weight", b.ffn_norm, Role::kAdam);
  visit_hyper_connection(b.hc_attn, p + "hc_attn", f);
  visit_hyper_connection(b.hc_ffn, p + "hc_ffn", f);
}

template <class W, class F>
void visit(W& w, F&& f) {
  f("embed.weight", w.embed, Role::kAdam);
  visit_hyper_connection(w.hc_head, "hc_head", f);
  f("head.weight", w.head, Role::kAdam);
  for (size_t i = 0; i < w.blocks.size(); ++i)
    visit_block(w.blocks[i], "layers." + std::to_string(i) + ".", f);
  for (size_t i = 0; i < w.mtp.size(); ++i) {
    const std::string p = "mtp." + std::to_string(i) + ".";
    visit_block(w.mtp[i].block, p, f);
    f(p + "e_proj.weight", w.mtp[i].e_proj, Role::kMatrix);
    f(p + "enorm.weight", w.mtp[i].enorm, Role::kAdam);
    f(p + "h_proj.weight", w.mtp[i].h_proj, Role::kMatrix);
    visit_hyper_connection(w.mtp[i].hc_head, p + "hc_head", f);
    f(p + "hnorm.weight", w.mtp[i].hnorm, Role::kAdam);
    f(p + "norm.weight", w.mtp[i].norm, Role::kAdam);
  }
  f("norm.weight", w.norm, Role::kAdam);
}

}  // namespace amalgam::model
