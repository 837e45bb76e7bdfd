// What a distillation minimises: docs/OBJECTIVES.md.
#pragma once
#include "configs/schema.h"

namespace amalgam::configs {

enum class Objective {
  kExact,
  kForward,
  kJsd,
  kSampledAdvantage,
  kSampledLoss,
  kTopkForwardVerl,
  kTopkForwardNemo,
  kTopkReverseNemo,
  kTopkMixedNemo,
  kTopkTail
};
inline std::vector<std::string> names_of(Objective) {
  return {"exact",
          "forward",
          "jsd",
          "sampled_advantage",
          "sampled_loss",
          "topk_forward_verl",
          "topk_forward_nemo",
          "topk_reverse_nemo",
          "topk_mixed_nemo",
          "topk_tail"};
}

// What the teacher says of the ids that are not among its k.
enum class TopkOutside { kRenormalised, kZero };
inline std::vector<std::string> names_of(TopkOutside) { return {"renormalised", "zero"}; }

// Estimates of a token's KL from the token that was sampled.
enum class KlEstimator { kAuto, kK1, kK2, kK3, kAbs };
inline std::vector<std::string> names_of(KlEstimator) { return {"auto", "k1", "k2", "k3", "abs"}; }

// The keys beside an objective's name.
struct ObjectiveParameters {
  double jsd_beta = 0.5;
  int64_t topk = 64;
  TopkOutside topk_outside = TopkOutside::kRenormalised;
  double mixed_kl_weight = 0.5;
  double log_prob_min = -10;
  double loss_max = 10;
  KlEstimator kl_estimator = KlEstimator::kAuto;
  double reward_coef = 0;

  template <class V>
  void visit(V& v) {
    v.value("jsd_beta", jsd_beta, between(0, 1),
            "jsd: M = (1 - beta) student + beta teacher; beta KL(teacher to M) + (1 - beta) "
            "KL(student to M); 0: the forward KL, 1: the reverse (TRL's GKD)");
    v.value("topk", topk, between(1, 1 << 20),
            "topk_...: the teacher's most likely ids that are looked at, of equal ones the lowest; "
            "more than there are: all");
    v.value("topk_outside", topk_outside,
            "topk_..._nemo: renormalised: both are renormalised over those ids, and nothing else "
            "counts; zero: the student is not, and the teacher has probability exp(-100) elsewhere "
            "(NeMo-RL's zero_outside_topk)");
    v.value("mixed_kl_weight", mixed_kl_weight, between(0, 1),
            "topk_mixed_nemo: weight of the forward KL; the reverse has the rest");
    v.value("log_prob_min", log_prob_min, between(-1e3, -1e-6),
            "topk_forward_verl: log-probabilities below are this, without a gradient (verl's "
            "log_prob_min_clamp)");
    v.value("loss_max", loss_max, between(1e-9, 1e6),
            "topk_forward_verl, sampled_loss: a token's loss beyond is this, without a gradient "
            "(verl's loss_max_clamp)");
    v.value(
        "kl_estimator", kl_estimator,
        "sampled_...: with d = log teacher - log student of the sampled token k1: -d; k2: d²/2; "
        "k3: exp(d) - d - 1; abs: d without its sign; auto: k1 as an advantage, k3 as a loss");
    v.value("reward_coef", reward_coef, between(0, 1e6),
            "weight of the rows' reward beside the distillation, whatever the objective: a policy "
            "gradient whose advantage is the reward minus the mean of the prompt's samples; 0: "
            "none, and training samples are not scored");
  }

  bool operator==(const ObjectiveParameters&) const = default;

  // A key that was set and that the objective does not have.
  std::optional<Problem> problem(Objective objective) const;
};

}  // namespace amalgam::configs
