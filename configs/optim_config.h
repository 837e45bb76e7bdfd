#pragma once
#include "configs/schema.h"

namespace amalgam::configs {

enum class OptimKind { kMuon, kAdamW };
inline std::vector<std::string> names_of(OptimKind) { return {"muon", "adamw"}; }

// The rate rises linearly over warmup_steps, stays, and falls linearly to final_lr_factor over the
// last decay_fraction of the steps.
struct OptimConfig {
  OptimKind kind = OptimKind::kAdamW;
  double lr = 5e-4;
  int64_t warmup_steps = 0;
  double decay_fraction = 0;
  double final_lr_factor = 0.1;
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-20;
  double momentum = 0.95;
  double weight_decay = 0.1;
  double grad_clip = 1;

  template <class V>
  void visit(V& v) {
    v.value("kind", kind,
            "muon: Muon for matrices, AdamW for embedding, head, norms; adamw: AdamW for all");
    v.value("lr", lr, between(0, 1), "peak learning rate");
    v.value("warmup_steps", warmup_steps, between(0, 1e9), "steps of linear warm-up");
    v.value("decay_fraction", decay_fraction, between(0, 1),
            "share of the steps, at the end, over which the rate falls linearly");
    v.value("final_lr_factor", final_lr_factor, between(0, 1), "rate after the decay, times lr");
    v.value("beta1", beta1, between(0, 0.9999), "AdamW: decay of the first moment");
    v.value("beta2", beta2, between(0, 0.999999), "AdamW: decay of the second moment");
    v.value("eps", eps, between(0, 1), "AdamW: added to the root of the second moment");
    v.value("momentum", momentum, between(0, 0.9999), "Muon: momentum");
    v.value("weight_decay", weight_decay, between(0, 10), "decoupled weight decay, times the rate");
    v.value("grad_clip", grad_clip, at_least(0),
            "largest norm of all gradients together (of an MTP block's and of the indexers' each "
            "apart); 0: no clipping");
  }
};

}  // namespace amalgam::configs
