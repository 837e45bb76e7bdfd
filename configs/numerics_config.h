#pragma once
#include "configs/schema.h"

namespace amalgam::configs {

// Quantised compute, as a deployed model does it (MODEL.md §3), with f32 arithmetic on the rounded
// values. All off: f32 throughout. Each switch holds wherever a model of the run computes, so that
// what is sampled is what is trained; gradients pass straight through the rounding.
struct NumericsConfig {
  bool experts_fp4 = false;
  bool indexer_fp4 = false;
  bool index_scores_bf16 = false;
  bool kv_cache_fp8 = false;
  bool activations_fp8 = false;

  template <class V>
  void visit(V& v) {
    v.value("experts_fp4", experts_fp4,
            "routed experts compute from weights rounded to FP4 (E2M1, a scale per 32); training "
            "moves the f32 weights behind them (quantisation-aware training)");
    v.value("indexer_fp4", indexer_fp4,
            "the indexer's keys and queries: Hadamard transform, then FP4");
    v.value(
        "index_scores_bf16", index_scores_bf16,
        "the indexer compares scores rounded to bf16; the share of entries that f32 scores would "
        "choose too is counted");
    v.value("kv_cache_fp8", kv_cache_fp8,
            "entries of the KV cache: FP8 (E4M3, a scale per 64), the rotated channels bf16");
    v.value("activations_fp8", activations_fp8,
            "inputs of the linear layers that released models store in FP8 or FP4: FP8 (E4M3, a "
            "scale per 128)");
  }
};

}  // namespace amalgam::configs
